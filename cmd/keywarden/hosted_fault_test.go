//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/hubemulator"
)

// drawn decides by seed which of the operations that it is shown go wrong.
type drawn struct {
	mu    sync.Mutex
	r     *rand.Rand
	every int // one in so many, on average
	left  int // that may still go wrong
	hits  int
}

func newDrawn(seed uint64, every, most int) *drawn {
	return &drawn{r: rand.New(rand.NewPCG(seed, 21)), every: every, left: most}
}

func (d *drawn) hit() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 || d.r.IntN(d.every) > 0 {
		return false
	}
	d.left--
	d.hits++
	return true
}

func (d *drawn) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hits
}

func TestHosted_database_fails(t *testing.T) {
	etagged := func(op cosmosemulator.Operation) bool { return op.Kind == "Replace" }
	any := func(cosmosemulator.Operation) bool { return true }
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for name, test := range map[string]struct {
			fault cosmosemulator.Fault
			on    func(cosmosemulator.Operation) bool
			most  int
		}{
			"throttled_429":       {cosmosemulator.Throttled(3 * time.Millisecond), any, 60},
			"unavailable_503":     {cosmosemulator.Fault{Status: http.StatusServiceUnavailable}, any, 15},
			"changed_412":         {cosmosemulator.Fault{Status: http.StatusPreconditionFailed}, etagged, 15},
			"retry_with_449":      {cosmosemulator.Fault{Status: 449}, changes, 15},
			"moved_410":           {cosmosemulator.PartitionGone(), any, 15},
			"cut_before":          {cosmosemulator.Fault{Cut: cosmosemulator.CutRequest}, any, 15},
			"cut_before_answer":   {cosmosemulator.Fault{Cut: cosmosemulator.LoseAnswer}, any, 15},
			"cut_in_mid_answer":   {cosmosemulator.Fault{Cut: cosmosemulator.CutAnswer}, any, 15},
			"gone_for_some_while": {cosmosemulator.Fault{Cut: cosmosemulator.CutRequest}, any, 1000},
		} {
			t.Run(fmt.Sprintf("%s_seed_%d", name, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, limit: some(seed), flush: 10 * time.Millisecond, waiting: true})
				d := newDrawn(seed, 6, test.most)
				if name == "gone_for_some_while" {
					d.every = 1
				}
				over := sync.OnceValue(func() time.Time { return time.Now().Add(2 * time.Second) }) // from the first request on
				set(h, &h.storeFault, func(op cosmosemulator.Operation) cosmosemulator.Fault {
					if name == "gone_for_some_while" && time.Now().After(over()) || !test.on(op) || !d.hit() {
						return cosmosemulator.Fault{}
					}
					return test.fault
				})
				h.send(l.events)
				h.quiet()
				if d.count() == 0 {
					t.Error("no request went wrong")
				}
				if name != "changed_412" { // then another owner is at work, for all that is known
					h.unfailing()
				}
				h.check()
				if name == "throttled_429" && !strings.Contains(string(h.ask("/api/coverage")), "throttled") {
					t.Error("health does not name the throttling")
				}
			})
		}
	}
}

func TestHosted_hubs_fail(t *testing.T) {
	deliveries := func(op hubemulator.Operation) bool { return op.Kind == hubemulator.OpDeliver && op.Hub != "tools" }
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for name, test := range map[string]struct {
			fault hubemulator.Fault
			on    func(hubemulator.Operation) bool
			every int
			most  int
		}{
			"accepted_and_answer_lost": {hubemulator.Fault{Lost: true}, toUsage, 3, 6},
			"throttled":                {hubemulator.Fault{Error: hubemulator.ServerBusy}, toUsage, 3, 5},
			"detached":                 {hubemulator.Fault{Detach: hubemulator.DetachForced}, toUsage, 3, 5},
			"cut":                      {hubemulator.Fault{Cut: true}, toUsage, 3, 5},
			"delivered_twice":          {hubemulator.Fault{Duplicate: 2}, deliveries, 5, 40},
			"readers_detached":         {hubemulator.Fault{Detach: hubemulator.DetachForced}, deliveries, 30, 6},
		} {
			t.Run(fmt.Sprintf("%s_seed_%d", name, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, limit: some(seed), waiting: true})
				d := newDrawn(seed, test.every, test.most)
				h.send(l.events)
				set(h, &h.hubFault, func(op hubemulator.Operation) hubemulator.Fault {
					if !test.on(op) || !d.hit() {
						return hubemulator.Fault{}
					}
					return test.fault
				})
				h.quiet()
				if d.count() == 0 {
					t.Error("nothing went wrong")
				}
				h.unfailing()
				h.check()
			})
		}
	}
}

// The hub takes less than a batch needs for a partition.
func TestHosted_message_too_large(t *testing.T) {
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60, most: 16})
			h := deploy(t, hostedOptions{load: l, usage: 1, most: 20_000})
			h.quiet()
			h.check()
		})
	}
}
