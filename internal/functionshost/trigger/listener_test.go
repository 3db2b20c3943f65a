package trigger_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/functionshost/trigger/triggertest"
)

// fixture is a feed and what its owners dispatched, "owner/partition:first-last".
type fixture struct {
	t     *testing.T
	hub   *triggertest.Hub
	store *trigger.Store

	mu         sync.Mutex
	dispatched []string
	running    map[string]int // by owner and partition
	most       int            // running at once
	work       func(ctx context.Context, owner string) bool
	every      int
}

func newFixture(t *testing.T, partitions int) *fixture {
	store, err := trigger.OpenStore("")
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{t: t, hub: triggertest.NewHub(partitions), store: store, running: map[string]int{},
		work: func(context.Context, string) bool { return true }}
}

type owner struct {
	*trigger.Listener
	crash, drain func()
	ended        chan struct{}
}

// join starts an owner.
func (f *fixture) join(name string) owner {
	l := &trigger.Listener{Function: "f", Owner: name, Source: f.hub, Store: f.store, Clock: clock.System{},
		Balance: trigger.DefaultBalance, Term: trigger.DefaultTerm, CheckpointEvery: f.every,
		Limit: func(string) int { return 2 }, Log: func(text string) { f.t.Log(text) }}
	l.Dispatch = func(ctx, _ context.Context, partition string, b trigger.Batch) bool {
		return f.dispatch(ctx, name, partition, b)
	}
	l.Start()
	ctx, crash := context.WithCancel(f.t.Context())
	drain, stop := context.WithCancel(ctx)
	o := owner{l, crash, stop, make(chan struct{})}
	go func() {
		defer close(o.ended)
		l.Run(ctx, drain)
	}()
	return o
}

func (f *fixture) dispatch(ctx context.Context, name, partition string, b trigger.Batch) bool {
	key := name + "/" + partition
	f.mu.Lock()
	if f.running[key]++; f.running[key] > 1 {
		f.t.Errorf("two invocations at once of %s", key)
	}
	n := 0
	for _, running := range f.running {
		n += running
	}
	f.most = max(f.most, n)
	f.dispatched = append(f.dispatched, fmt.Sprintf("%s:%d-%d", key, b.Events[0].Sequence, b.Events[len(b.Events)-1].Sequence))
	work := f.work
	f.mu.Unlock()
	done := work(ctx, name)
	f.mu.Lock()
	f.running[key]--
	f.mu.Unlock()
	return done
}

// took returns what was dispatched since the last call.
func (f *fixture) took() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	took := f.dispatched
	f.dispatched = nil
	return took
}

func (f *fixture) checkpoint(partition string) string {
	return f.store.Leases("f")[partition].Checkpoint
}

func (f *fixture) working(work func(ctx context.Context, owner string) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.work = work
}

// lasting is work that takes a time, unless the instance is lost.
func lasting(d time.Duration) func(context.Context, string) bool {
	return func(ctx context.Context, _ string) bool { return clock.System{}.Sleep(ctx, d) == nil }
}

func (f *fixture) expect(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.took()); diff != "" {
		f.t.Errorf("dispatched (-want +got):\n%s", diff)
	}
}

func (f *fixture) expectCheckpoint(partition, want string) {
	f.t.Helper()
	synctest.Wait()
	if got := f.checkpoint(partition); got != want {
		f.t.Errorf("checkpoint of partition %s is %q, want %q", partition, got, want)
	}
}

func TestAPartitionIsReadInOrderOneBatchAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 3)
		f.working(lasting(time.Second))
		for _, p := range []string{"0", "1", "2"} {
			f.hub.Send(p, "a", "b", "c")
		}
		f.join("x")
		time.Sleep(5 * time.Second)
		got := f.took()
		slices.Sort(got)
		want := []string{"x/0:0-1", "x/0:2-2", "x/1:0-1", "x/1:2-2", "x/2:0-1", "x/2:2-2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if f.most != 3 {
			t.Errorf("%d partitions at once, want all 3", f.most)
		}
		f.expectCheckpoint("1", "2")
	})
}

func TestWhatIsNotDoneLeavesNoCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.hub.Send("0", "a")
		f.working(func(context.Context, string) bool { return false })
		o := f.join("x")
		f.expect("x/0:0-0")
		f.expectCheckpoint("0", "")
		o.drain()
	})
}

func TestALostInstancesPartitionsAreTakenOverWhenItsLeasesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.hub.Send("0", "a", "b", "c")
		x := f.join("x")
		f.expect("x/0:0-1", "x/0:2-2")
		f.working(lasting(time.Minute))
		f.hub.Send("0", "d")
		f.expect("x/0:3-3")
		x.crash()
		f.working(lasting(0))
		f.join("y")
		time.Sleep(trigger.DefaultTerm - trigger.DefaultBalance)
		f.expect()
		time.Sleep(2 * trigger.DefaultBalance)
		f.expect("y/0:3-3")
		f.expectCheckpoint("0", "3")
	})
}

func TestADrainedInstanceFinishesAndGivesItsPartitionsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.working(lasting(time.Second))
		f.hub.Send("0", "a", "b", "c")
		x := f.join("x")
		f.expect("x/0:0-1")
		x.drain()
		<-x.ended
		f.expectCheckpoint("0", "1")
		f.join("y")
		f.expect("y/0:2-2")
	})
}

func TestOwnersOverlapWhileAPartitionMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.hub.Send("0", "a", "b")
		f.working(func(ctx context.Context, owner string) bool {
			if owner == "x" {
				return lasting(5*time.Second)(ctx, owner)
			}
			return true
		})
		f.join("x")
		f.expect("x/0:0-1")
		y := f.join("y")
		synctest.Wait()
		f.store.Take("f", "0", "y", time.Now().Add(time.Minute))
		y.Kick()
		f.expect("y/0:0-1") // x is still at it
		f.hub.Send("0", "c")
		f.expect("y/0:2-2")
		f.expectCheckpoint("0", "2")
		time.Sleep(6 * time.Second) // x did not look at its leases yet: its checkpoint is written, backwards
		f.expectCheckpoint("0", "1")
		time.Sleep(time.Minute)
		f.expect()
		if got := f.store.Leases("f")["0"].Done; got != "2" {
			t.Errorf("the owner has done up to %q, want 2", got)
		}
		f.hub.Send("0", "d")
		f.expect("y/0:3-3")
	})
}

func TestWhatIsDoneIsThatOfTheOwner(t *testing.T) {
	s, err := trigger.OpenStore("")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	expect := func(when, checkpoint, done string) {
		t.Helper()
		if l := s.Leases("f")["0"]; l.Checkpoint != checkpoint || l.Done != done {
			t.Errorf("%s: checkpoint %q, done %q, want %q, %q", when, l.Checkpoint, l.Done, checkpoint, done)
		}
	}
	write := func(owner, checkpoint string) {
		t.Helper()
		if err := s.Checkpoint("f", "0", owner, checkpoint, 0); err != nil {
			t.Fatal(err)
		}
	}
	s.Take("f", "0", "x", now)
	s.Begin("f", "0", "x", "", 0)
	write("x", "4")
	s.Take("f", "0", "y", now)
	expect("nobody reads yet", "4", "4")
	s.Begin("f", "0", "y", "4", 0)
	write("y", "9")
	write("x", "5")
	expect("x is late", "5", "9")
	s.Take("f", "0", "z", now)
	expect("z would begin where x was", "5", "5")
	s.Take("f", "0", "y", now)
	expect("y has not stopped", "5", "9")
	s.End("f", "0", "y")
	expect("y would begin again where x was", "5", "5")
	write("z", "7")
	s.Begin("f", "0", "y", "7", 0)
	expect("y begins again", "7", "7")
	if err := s.Rewind("f", "0", "2"); err != nil {
		t.Fatal(err)
	}
	write("y", "8")
	expect("set back", "2", "2")
}

func TestAnOwnerThatSawItsLossWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.hub.Send("0", "a")
		f.working(lasting(time.Minute))
		f.join("x")
		f.expect("x/0:0-0")
		f.store.Take("f", "0", "nobody", time.Now().Add(time.Hour))
		time.Sleep(2 * time.Minute)
		f.expectCheckpoint("0", "")
	})
}

func TestRewindDeliversAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.hub.Send("0", "a", "b", "c", "d", "e")
		x := f.join("x")
		f.expect("x/0:0-1", "x/0:2-3", "x/0:4-4")
		f.working(lasting(time.Second))
		f.hub.Send("0", "f")
		f.expect("x/0:5-5")
		if err := f.store.Rewind("f", "0", "1"); err != nil {
			t.Fatal(err)
		}
		x.Kick()
		time.Sleep(10 * time.Second)
		f.expect("x/0:2-3", "x/0:4-5")
		f.expectCheckpoint("0", "5")
	})
}

func TestPartitionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 8)
		share := func() string {
			held := map[string]int{}
			for _, l := range f.store.Leases("f") {
				held[l.Owner]++
			}
			return fmt.Sprint(held)
		}
		f.join("x")
		synctest.Wait()
		if got := share(); got != "map[x:8]" {
			t.Errorf("one owner: %s", got)
		}
		y := f.join("y")
		time.Sleep(time.Minute)
		if got := share(); got != "map[x:4 y:4]" {
			t.Errorf("two owners: %s", got)
		}
		f.join("z")
		time.Sleep(time.Minute)
		if got := share(); !strings.Contains("map[x:2 y:3 z:3] map[x:3 y:2 z:3] map[x:3 y:3 z:2]", got) {
			t.Errorf("three owners: %s", got)
		}
		y.drain()
		time.Sleep(time.Minute)
		if got := share(); got != "map[x:4 z:4]" {
			t.Errorf("after one left: %s", got)
		}
	})
}

func TestCheckpointsAreWrittenEveryFewBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.every = 2
		f.hub.Send("0", "a", "b", "c", "d", "e", "f")
		f.join("x")
		f.expect("x/0:0-1", "x/0:2-3", "x/0:4-5")
		f.expectCheckpoint("0", "3")
	})
}

// failing is a source that cannot be opened at first.
type failing struct {
	*triggertest.Hub
	mu   sync.Mutex
	left int
}

func (f *failing) Open(ctx context.Context, partition, checkpoint, owner string) (trigger.Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left--; f.left >= 0 {
		return nil, errors.New("no connection")
	}
	return f.Hub.Open(ctx, partition, checkpoint, owner)
}

func TestAFailedReaderIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, 1)
		f.hub.Send("0", "a")
		var logged []string
		l := &trigger.Listener{Function: "f", Owner: "x", Source: &failing{Hub: f.hub, left: 2}, Store: f.store, Clock: clock.System{},
			Balance: trigger.DefaultBalance, Term: trigger.DefaultTerm, Limit: func(string) int { return 9 },
			Log: func(text string) { logged = append(logged, text) }}
		l.Dispatch = func(ctx, _ context.Context, p string, b trigger.Batch) bool { return f.dispatch(ctx, "x", p, b) }
		l.Start()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		l.Run(ctx, ctx)
		f.expect("x/0:0-0")
		if len(logged) != 2 {
			t.Errorf("logged %q, want two failures", logged)
		}
	})
}

func TestStoreKeepsCheckpoints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "checkpoints.json")
	s, err := trigger.OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Balance("f", "x", []string{"0", "1"}, time.Now(), time.Minute)
	if err := s.Checkpoint("f", "0", "x", "41", 0); err != nil {
		t.Fatal(err)
	}
	again, err := trigger.OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]trigger.Lease{"0": {Checkpoint: "41", Done: "41"}, "1": {}}
	if diff := cmp.Diff(want, again.Leases("f")); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}
