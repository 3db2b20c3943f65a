//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/functionshost"
	"github.com/keywarden/keywarden/internal/incident"
)

// late holds one write of an owner up until another has taken the partitions
// and is ahead of it. Then the write comes, and the other forgets all.
type late struct {
	*deployment
	on    func(cosmosemulator.Operation) bool
	ahead int // invocations of the other; all there are where 0

	mu    sync.Mutex
	pass  int // writes that pass first
	held  bool
	other int
	done  int // invocations of the other that succeeded
}

func (l *late) writes(op cosmosemulator.Operation) cosmosemulator.Fault {
	l.mu.Lock()
	if l.held || !l.on(op) {
		l.mu.Unlock()
		return cosmosemulator.Fault{}
	}
	if l.pass--; l.pass >= 0 {
		l.mu.Unlock()
		return cosmosemulator.Fault{}
	}
	l.held = true
	number, err := l.Add("usage", "")
	l.other = number
	l.mu.Unlock()
	for p := range l.o.usage {
		if err == nil {
			err = l.Move("usage", strconv.Itoa(p), number)
		}
	}
	if err != nil {
		l.t.Error(err)
		return cosmosemulator.Fault{}
	}
	for l.t.Context().Err() == nil && !l.overtaken() && !l.atTheEnd() {
		time.Sleep(time.Millisecond)
	}
	return cosmosemulator.Fault{Done: func() {
		if err := l.Kill("usage", number); err != nil {
			l.t.Error(err)
		}
	}}
}

func (l *late) overtaken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ahead > 0 && l.done >= l.ahead
}

func (l *late) after(i functionshost.Invocation, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i.Function == "usage" && err == nil && l.held && i.Instance == l.other {
		l.done++
	}
}

// atTheEnd reports whether all that came was taken in, but for what is held up.
func (h *deployment) atTheEnd() bool {
	for _, function := range []string{"diagnostics", "usage"} {
		hub, err := h.hubs.Broker().Hub(function)
		if err != nil {
			return false
		}
		leases := h.Leases(function)
		for _, id := range hub.PartitionIDs() {
			p, err := hub.Partition(id)
			if err != nil || p.Next() > 0 && leases[id].Done != strconv.FormatInt(p.Next()-1, 10) {
				return false
			}
		}
	}
	return true
}

func TestHosted_write_comes_after_that_of_the_next_owner(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for name, test := range map[string]struct {
			on          func(cosmosemulator.Operation) bool
			pass, ahead int
		}{
			"incident":   {changesOf("incidents", ""), 2, 0},
			"chunk":      {changesOf("state", "chunk-"), 20, 8},
			"head":       {changesOf("state", "head"), 20, 8},
			"checkpoint": {changesOf("state", "checkpoint"), 10, 8},
		} {
			t.Run(fmt.Sprintf("%s_seed_%d", name, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, limit: batches(seed, map[string]int{"diagnostics": 12, "usage": 2}), waiting: true})
				w := &late{deployment: h, on: test.on, pass: test.pass + int(seed%5), ahead: test.ahead}
				set(h, &h.storeFault, w.writes)
				set(h, &h.after, w.after)
				h.send(l.events)
				h.quiet()
				if !w.held || w.done < 2 {
					t.Errorf("held up: %v, and the other did %d invocations", w.held, w.done)
				}
				h.check()
			})
		}
	}
}

// What is found is durable when the batch is answered, though the state is not
// saved for long: only what changes without a finding may lag.
func TestHosted_incidents_are_durable_before_the_answer(t *testing.T) {
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
			h := deploy(t, hostedOptions{load: l, limit: some(seed), flush: time.Hour})
			h.quiet()
			compare := func() {
				t.Helper()
				if d := gocmp.Diff(found(t, h.fromHub()), found(t, h.stored())); d != "" {
					h.fatalf("what was found differs from what replay --from-hub finds (-want +got):\n%s", d)
				}
			}
			compare()
			for _, n := range h.Instances("usage") {
				if err := h.Kill("usage", n); err != nil {
					t.Error(err)
				}
			}
			h.tick()
			h.quiet()
			compare()
		})
	}
}

// found is of each incident what findings alone change.
func found(t testing.TB, lines string) (all []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var i incident.Incident
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s %s %.1f %v", i.ID, i.Severity, i.Risk, i.OpenedAt)
		for _, f := range i.Findings {
			text += fmt.Sprintf(" %s:%.1f:%d", f.Detector, f.Bits, f.Count)
		}
		all = append(all, text)
	}
	return all
}
