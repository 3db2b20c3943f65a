package eventhub_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
)

// taken is what handlers have taken in: by creation of the hub and partition,
// how often each event.
type taken struct {
	mu      sync.Mutex
	events  map[string]map[int64]int
	running map[string]bool
	fail    func(eventhub.Batch) error // nil where nothing fails
}

func (k *taken) take(_ context.Context, b eventhub.Batch) error {
	key := b.Hub.Created.String() + " " + b.Partition
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		k.running, k.events = map[string]bool{}, map[string]map[int64]int{}
	}
	if k.running[key] {
		return errors.New("two batches of a partition at a time")
	}
	k.running[key] = true
	k.mu.Unlock()
	time.Sleep(time.Millisecond)
	k.mu.Lock()
	k.running[key] = false
	if k.fail != nil {
		if err := k.fail(b); err != nil {
			return err
		}
	}
	if k.events[key] == nil {
		k.events[key] = map[int64]int{}
	}
	for i, e := range b.Events {
		if i > 0 && e.Sequence <= b.Events[i-1].Sequence {
			return fmt.Errorf("event %d follows %d", e.Sequence, b.Events[i-1].Sequence)
		}
		k.events[key][e.Sequence]++
	}
	return nil
}

// count is how many events were taken in, each once.
func (k *taken) count() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, events := range k.events {
		n += len(events)
	}
	return n
}

// most is how often the event was taken in that came most often.
func (k *taken) most() (n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, events := range k.events {
		for _, times := range events {
			n = max(n, times)
		}
	}
	return n
}

// running is a Run that goes on until it is ended.
type running struct {
	cancel context.CancelFunc
	done   chan error
}

func (r running) end(t testing.TB) {
	t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func (s *standIn) start(t testing.TB, h *eventhub.Hub, store azeventhubs.CheckpointStore, do eventhub.Handler) running {
	t.Helper()
	s.consumers[h] = true
	ctx, cancel := context.WithCancel(limited(t))
	r := running{cancel, make(chan error, 1)}
	c := eventhub.RunConfig{Group: "recovery", Store: store, Events: 10, Wait: 2 * time.Millisecond, Balance: 20 * time.Millisecond,
		Expiry: time.Second, Log: slog.New(slog.DiscardHandler)}
	go func() { r.done <- h.Run(ctx, c, do) }()
	return r
}

func files(t testing.TB) *eventhub.Files {
	t.Helper()
	store, err := eventhub.OpenFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// spread publishes n messages to each partition.
func spread(t testing.TB, h *eventhub.Hub, n int) {
	t.Helper()
	p := publisher(t, h)
	for i := range n {
		if err := p.Broadcast(limited(t), []byte(strconv.Itoa(i))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRun_takes_everything_once_and_goes_on_from_its_checkpoints(t *testing.T) {
	s := newStandIn(t)
	h, store, k := s.hub(t, "usage"), files(t), &taken{}
	spread(t, h, 25)
	first := s.start(t, h, store, k.take)
	eventually(t, "the first events", func() bool { return k.count() == 100 })
	first.end(t)
	spread(t, h, 10)
	second := s.start(t, s.hub(t, "usage"), store, k.take)
	eventually(t, "the other events", func() bool { return k.count() == 140 })
	second.end(t)
	if k.most() != 1 {
		t.Errorf("an event was taken in %d times, although all ended in order", k.most())
	}
	owners, err := store.ListOwnership(t.Context(), "emulator.servicebus.windows.net", "usage@"+createdOf(t, h).String(), "recovery", nil)
	if err != nil || len(owners) != 4 {
		t.Fatalf("%d owners, %v", len(owners), err)
	}
	for _, o := range owners {
		if o.OwnerID != "" {
			t.Errorf("partition %s is still owned by %s", o.PartitionID, o.OwnerID)
		}
	}
}

func createdOf(t testing.TB, h *eventhub.Hub) detectors.Time {
	t.Helper()
	p, err := h.Properties(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return p.Created
}

func TestRun_brings_again_what_was_not_taken_in(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	spread(t, h, 20)
	failures := map[string]int{}
	k := &taken{}
	k.fail = func(b eventhub.Batch) error {
		if failures[b.Partition]++; failures[b.Partition] <= 2 {
			return errors.New("the store is busy")
		}
		return nil
	}
	r := s.start(t, h, files(t), k.take)
	eventually(t, "all events", func() bool { return k.count() == 80 })
	r.end(t)
}

func TestRun_survives_faults(t *testing.T) {
	for name, step := range map[string]hubemulator.Step{
		"detached":       {On: hubemulator.OpDeliver, After: 30, Times: 4, Fault: hubemulator.Fault{Detach: hubemulator.DetachForced}},
		"cut":            {On: hubemulator.OpDeliver, After: 30, Times: 4, Fault: hubemulator.Fault{Cut: true}},
		"duplicates":     {On: hubemulator.OpDeliver, After: 30, Times: 4, Fault: hubemulator.Fault{Duplicate: 2}},
		"claim_refused":  {On: hubemulator.OpClaim, After: 8, Times: 4, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}},
		"manage_refused": {On: hubemulator.OpManage, After: 3, Times: 4, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}},
		"attach_refused": {On: hubemulator.OpAttach, Partition: "1", After: 1, Times: 4, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, step)
			h, k := s.hub(t, "usage"), &taken{}
			spread(t, h, 20)
			r := s.start(t, h, files(t), k.take)
			eventually(t, "all events", func() bool { return k.count() == 80 })
			r.end(t)
			if name != "manage_refused" && s.script.Hits() == 0 {
				t.Error("nothing went wrong")
			}
		})
	}
}

func TestRun_shares_partitions_with_another_process(t *testing.T) {
	s := newStandIn(t)
	h, store, k := s.hub(t, "usage"), files(t), &taken{}
	spread(t, h, 5)
	one := s.start(t, h, store, k.take)
	eventually(t, "the first events", func() bool { return k.count() == 20 })
	var mine sync.Map
	other := s.start(t, s.hub(t, "usage"), store, func(ctx context.Context, b eventhub.Batch) error {
		mine.Store(b.Partition, true)
		return k.take(ctx, b)
	})
	p, sent := publisher(t, h), 20
	eventually(t, "the other process to have two partitions", func() bool {
		if err := p.Broadcast(limited(t), []byte("x")); err != nil {
			t.Fatal(err)
		}
		sent += 4
		n := 0
		mine.Range(func(any, any) bool { n++; return true })
		return n >= 2
	})
	one.end(t)
	spread(t, h, 5)
	eventually(t, "all events", func() bool { return k.count() == sent+20 })
	other.end(t)
}

func TestRun_begins_anew_where_the_hub_was_made_again(t *testing.T) {
	s := newStandIn(t)
	h, store, k := s.hub(t, "usage"), files(t), &taken{}
	spread(t, h, 20)
	r := s.start(t, h, store, k.take)
	eventually(t, "the events of the first hub", func() bool { return k.count() == 80 })
	s.again(t, usage())
	spread(t, h, 10)
	eventually(t, "the events of the second hub", func() bool { return k.count() == 120 })
	r.end(t)
}

func TestRun_lets_handlers_end(t *testing.T) {
	s := newStandIn(t)
	h, store := s.hub(t, "usage"), files(t)
	fill(t, h, 1)
	begun, finish := make(chan struct{}), make(chan struct{})
	var ended error
	r := s.start(t, h, store, func(ctx context.Context, _ eventhub.Batch) error {
		close(begun)
		<-finish
		ended = ctx.Err()
		return nil
	})
	<-begun
	r.cancel()
	close(finish)
	r.end(t)
	if ended != nil {
		t.Errorf("the handler's context ended: %v", ended)
	}
	again := s.start(t, h, store, func(context.Context, eventhub.Batch) error {
		t.Error("what was handled came again")
		return nil
	})
	fill(t, s.hub(t, "diagnostics"), 3) // of other hubs nothing comes
	time.Sleep(100 * time.Millisecond)
	again.end(t)
}

func TestRun_fails_where_nothing_can_be_consumed(t *testing.T) {
	s := newStandIn(t)
	do := func(context.Context, eventhub.Batch) error { return nil }
	if err := s.hub(t, "nowhere").Run(limited(t), eventhub.RunConfig{Group: "g", Store: files(t)}, do); !errors.Is(err, eventhub.ErrNotFound) {
		t.Errorf("%v", err)
	}
	for name, c := range map[string]eventhub.RunConfig{
		"no_group": {Store: files(t)},
		"no_store": {Group: "g"},
		"negative": {Group: "g", Store: files(t), Events: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.hub(t, "usage").Run(limited(t), c, do); err == nil {
				t.Error("no error")
			}
		})
	}
}
