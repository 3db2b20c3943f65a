//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/functionshost"
	"github.com/keywarden/keywarden/internal/hubemulator"
)

// point is a place inside the work of a function.
type point struct {
	name, function string
	send           func(hubemulator.Operation) bool
	write          func(cosmosemulator.Operation) bool
	every          int // it is hit at one in so many times
}

// toUsage are the sends of the router.
func toUsage(op hubemulator.Operation) bool {
	return op.Kind == hubemulator.OpSend && op.Hub == "usage"
}

func changes(op cosmosemulator.Operation) bool {
	return op.Kind == "Create" || op.Kind == "Replace" || op.Kind == "Upsert"
}

// changesOf are the writes of documents of a container whose ids begin so.
func changesOf(container, id string) func(cosmosemulator.Operation) bool {
	return func(op cosmosemulator.Operation) bool {
		return changes(op) && op.Container == container && strings.HasPrefix(op.Item, id)
	}
}

var points = []point{
	{name: "publish", function: "diagnostics", send: toUsage, every: 6},
	{name: "incident", function: "usage", write: changesOf("incidents", ""), every: 3},
	{name: "chunk", function: "usage", write: changesOf("state", "chunk-"), every: 8},
	{name: "head", function: "usage", write: changesOf("state", "head"), every: 8},
	{name: "checkpoint", function: "usage", write: changesOf("state", "checkpoint"), every: 4},
	{name: "drop", function: "usage", every: 8, write: func(op cosmosemulator.Operation) bool {
		return op.Kind == "Delete" && op.Container == "state"
	}},
}

// killer ends the processes of a function at some of the requests that it is
// shown: before they are done, or after, without their answer.
type killer struct {
	*deployment
	mu    sync.Mutex
	r     *rand.Rand
	p     point
	after bool
	next  int // requests until the next kill
	left  int // kills to come
	kills int
}

// due counts a request and reports whether a kill is due at it.
func (k *killer) due() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.next--; k.next > 0 || k.left == 0 {
		return false
	}
	k.next = 1 + k.r.IntN(k.p.every)
	k.left--
	k.kills++
	return true
}

// kill ends the function's instances: their handlers alone, or all of them.
func (k *killer) kill() {
	k.mu.Lock()
	whole := k.r.IntN(3) == 0
	k.mu.Unlock()
	for _, n := range k.Instances(k.p.function) {
		if !whole {
			k.unlessGone(k.p.function, n, k.Kill(k.p.function, n))
			continue
		}
		if _, err := k.Add(k.p.function, ""); err != nil {
			k.t.Error(err)
		}
		k.unlessGone(k.p.function, n, k.Lose(k.p.function, n))
	}
}

func (k *killer) sends(op hubemulator.Operation) hubemulator.Fault {
	switch {
	case k.p.send == nil || !k.p.send(op) || !k.due():
		return hubemulator.Fault{}
	case k.after:
		return hubemulator.Fault{Lost: true, Done: k.kill}
	}
	k.kill()
	return hubemulator.Fault{Cut: true}
}

func (k *killer) writes(op cosmosemulator.Operation) cosmosemulator.Fault {
	switch {
	case k.p.write == nil || !k.p.write(op) || !k.due():
		return cosmosemulator.Fault{}
	case k.after:
		return cosmosemulator.Fault{Cut: cosmosemulator.LoseAnswer, Done: k.kill}
	}
	k.kill()
	return cosmosemulator.Fault{Cut: cosmosemulator.CutRequest}
}

func TestHosted_killed_inside(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 100})
		for i, p := range points {
			for _, when := range []string{"before", "after"} {
				t.Run(fmt.Sprintf("%s_%s_seed_%d", p.name, when, seed), func(t *testing.T) {
					t.Parallel()
					h := deploy(t, hostedOptions{load: l, limit: some(seed + uint64(i)), waiting: true})
					k := &killer{deployment: h, r: rand.New(rand.NewPCG(seed, uint64(i))), p: p, after: when == "after", next: 2, left: 3}
					h.send(l.events)
					set(h, &h.hubFault, k.sends)
					set(h, &h.storeFault, k.writes)
					h.quiet()
					if k.kills == 0 {
						t.Error("never killed")
					}
					h.check()
				})
			}
		}
	}
}

// Between the success of an invocation and the host's checkpoint.
func TestHosted_killed_before_the_checkpoint_of_the_host(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for _, function := range []string{"diagnostics", "usage"} {
			t.Run(fmt.Sprintf("%s_seed_%d", function, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, limit: some(seed), waiting: true})
				k := &killer{deployment: h, r: rand.New(rand.NewPCG(seed, 9)), p: point{function: function, every: 4}, next: 1, left: 4}
				set(h, &h.after, func(i functionshost.Invocation, err error) {
					if i.Function != function || err != nil || !k.due() {
						return
					}
					if _, err := h.Add(function, ""); err != nil {
						t.Error(err)
					}
					h.unlessGone(function, i.Instance, h.Lose(function, i.Instance))
				})
				h.send(l.events)
				h.quiet()
				if k.kills == 0 {
					t.Error("never killed")
				}
				h.check()
			})
		}
	}
}
