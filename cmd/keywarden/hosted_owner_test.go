//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost"
)

// owners moves partitions of a function about between its invocations.
type owners struct {
	*deployment
	function string

	mu    sync.Mutex
	r     *rand.Rand
	every int // one in so many invocations is followed by do
	left  int
	count int
	do    func(i functionshost.Invocation, r *rand.Rand)
}

// after is a hook of the host.
func (o *owners) after(i functionshost.Invocation, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i.Function != o.function || err != nil || o.left == 0 || o.r.IntN(o.every) > 0 {
		return
	}
	o.left--
	o.count++
	o.do(i, o.r)
}

// move gives a partition to another instance, if that still lives.
func (h *deployment) move(function, partition string, r *rand.Rand) {
	if living := h.Instances(function); len(living) > 0 {
		_ = h.Move(function, partition, living[r.IntN(len(living))]) // it may end at this moment
	}
}

func TestHosted_ownership_moves_among_three_instances(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 2, crowd: 60})
		for _, function := range []string{"diagnostics", "usage"} {
			t.Run(fmt.Sprintf("%s_seed_%d", function, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, sources: 2, usage: 3, instances: map[string]int{function: 3}, flush: 20 * time.Millisecond,
					limit: batches(seed, map[string]int{"diagnostics": 3, "usage": 4}), waiting: true})
				h.sideBySide()
				o := &owners{deployment: h, function: function, r: rand.New(rand.NewPCG(seed, 11)), every: 3, left: 25}
				o.do = func(i functionshost.Invocation, r *rand.Rand) {
					if r.IntN(8) == 0 {
						if _, err := h.Add(function, ""); err != nil {
							t.Error(err)
						}
						h.unlessGone(function, i.Instance, h.Lose(function, i.Instance))
						return
					}
					h.move(function, i.Partition, r)
				}
				set(h, &h.after, o.after)
				h.send(l.events)
				h.quiet()
				if o.count < 5 {
					t.Errorf("moved %d times only", o.count)
				}
				h.check()
			})
		}
	}
}

// An owner that is late with what it took before it lost its partition: the
// other is past it by then.
func TestHosted_two_owners_at_once(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for function, flush := range map[string]time.Duration{"diagnostics": 1, "usage": 50 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s_seed_%d", function, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, instances: map[string]int{function: 2}, flush: flush,
					limit: batches(seed, map[string]int{"diagnostics": 30, "usage": 3}), waiting: true})
				z := &zombies{deployment: h, function: function, r: rand.New(rand.NewPCG(seed, 12)), left: 4, held: map[string]bool{}, done: map[string]int{}}
				set(h, &h.before, z.before)
				set(h, &h.after, z.after)
				h.send(l.events)
				h.quiet()
				if z.late < 2 {
					t.Errorf("%d late owners only", z.late)
				}
				h.check()
			})
		}
	}
}

// zombies holds invocations up until another instance has done the same
// partition's and more.
type zombies struct {
	*deployment
	function string

	mu   sync.Mutex
	r    *rand.Rand
	left int             // to come
	late int             // that were held up until others were past them
	held map[string]bool // partitions of which one is held up
	done map[string]int  // invocations that succeeded, by partition and instance
}

func zombieKey(partition string, instance int) string {
	return partition + "/" + strconv.Itoa(instance)
}

func (z *zombies) before(i functionshost.Invocation) {
	z.mu.Lock()
	hold := i.Function == z.function && i.Try == 0 && z.left > 0 && !z.held[i.Partition] && z.r.IntN(4) == 0
	other := -1
	for _, n := range z.Instances(z.function) {
		if n != i.Instance {
			other = n
		}
	}
	if !hold || other < 0 {
		z.mu.Unlock()
		return
	}
	z.left--
	z.held[i.Partition] = true
	key := zombieKey(i.Partition, other)
	want := z.done[key] + 1 + z.r.IntN(3)
	z.mu.Unlock()
	if err := z.Move(z.function, i.Partition, other); err != nil {
		z.t.Error(err)
		return
	}
	for z.t.Context().Err() == nil {
		z.mu.Lock()
		past := z.done[key] >= want
		z.mu.Unlock()
		if past || z.atItsEnd(i.Partition, i.Last) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	z.mu.Lock()
	z.late++
	delete(z.held, i.Partition)
	z.mu.Unlock()
}

// atItsEnd reports whether the other has nothing more to do.
func (z *zombies) atItsEnd(partition string, last int64) bool {
	done, err := strconv.ParseInt(z.Leases(z.function)[partition].Done, 10, 64)
	return err == nil && done >= last
}

func (z *zombies) after(i functionshost.Invocation, err error) {
	if i.Function != z.function || err != nil {
		return
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.done[zombieKey(i.Partition, i.Instance)]++
}

func TestHosted_delivered_again_from_an_old_checkpoint(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for _, function := range []string{"diagnostics", "usage"} {
			t.Run(fmt.Sprintf("%s_seed_%d", function, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, flush: 20 * time.Millisecond, limit: batches(seed, map[string]int{"diagnostics": 60, "usage": 4}), waiting: true})
				o := &owners{deployment: h, function: function, r: rand.New(rand.NewPCG(seed, 13)), every: 4, left: 4}
				o.do = func(i functionshost.Invocation, r *rand.Rand) {
					old := strconv.FormatInt(r.Int64N(i.Last+1)-1, 10)
					if old == "-1" {
						old = ""
					}
					if r.IntN(2) == 0 { // to one who remembers nothing
						h.unlessGone(function, i.Instance, h.Kill(function, i.Instance))
					}
					if err := h.Rewind(function, i.Partition, old); err != nil {
						t.Error(err)
					}
				}
				set(h, &h.after, o.after)
				h.send(l.events)
				h.quiet()
				if o.count == 0 {
					t.Error("never set back")
				}
				h.check()
			})
		}
	}
}

// A host that is gone leaves its handler and its leases behind.
func TestHosted_lease_lost(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		for _, function := range []string{"diagnostics", "usage"} {
			t.Run(fmt.Sprintf("%s_seed_%d", function, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, flush: 20 * time.Millisecond, limit: some(seed), waiting: true})
				var abandoning sync.WaitGroup
				o := &owners{deployment: h, function: function, r: rand.New(rand.NewPCG(seed, 14)), every: 5, left: 2}
				o.do = func(i functionshost.Invocation, _ *rand.Rand) {
					if _, err := h.Add(function, ""); err != nil {
						t.Error(err)
					}
					abandoning.Go(func() {
						_, _ = h.Abandon(function, i.Instance) // it may be gone already
					})
				}
				set(h, &h.after, o.after)
				h.send(l.events)
				h.quiet()
				abandoning.Wait()
				if o.count == 0 {
					t.Error("never lost")
				}
				h.check()
			})
		}
	}
}

func TestHosted_batches_of_any_size(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 40})
		for name, most := range map[string]map[string]int{
			"small":   {"diagnostics": 4, "usage": 1},
			"uneven":  {"diagnostics": 200, "usage": 9},
			"largest": nil,
		} {
			t.Run(fmt.Sprintf("%s_seed_%d", name, seed), func(t *testing.T) {
				t.Parallel()
				o := hostedOptions{load: l}
				if most != nil {
					o.limit = batches(seed, most)
				}
				deploy(t, o).check()
			})
		}
	}
}
