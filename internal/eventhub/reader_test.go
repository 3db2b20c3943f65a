package eventhub_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// fill publishes "0", "1" and so on to partition 1 of the usage hub.
func fill(t testing.TB, h *eventhub.Hub, n int) {
	t.Helper()
	p := publisher(t, h)
	for i := range n {
		if err := p.Publish(limited(t), 1, fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
}

func logOf(t testing.TB, h *eventhub.Hub) engine.LogID {
	t.Helper()
	p, err := h.Properties(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return p.Log("1")
}

// span is the events of a Read: the first and last number, and how many.
type span struct {
	First, Last int64
	Count       int
}

// collect reads and checks that numbers and bodies belong together.
func collect(ctx context.Context, t testing.TB, h *eventhub.Hub, log engine.LogID, from, to int64) (span, int64, error) {
	t.Helper()
	got := span{First: -1, Last: -1}
	began, err := h.Reader("recovery").Read(ctx, log, from, to, func(e engine.LogEvent) error {
		if got.Count == 0 {
			got.First = e.Sequence
		} else if e.Sequence != got.Last+1 {
			t.Errorf("event %d follows %d", e.Sequence, got.Last)
		}
		if string(e.Body) != fmt.Sprint(e.Sequence) {
			t.Errorf("event %d is %q", e.Sequence, e.Body)
		}
		got.Last = e.Sequence
		got.Count++
		return nil
	})
	return got, began, err
}

func TestReader_reads_what_is_asked_for(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	fill(t, h, 250)
	log := logOf(t, h)
	for name, test := range map[string]struct {
		from, to int64
		want     span
		began    int64
	}{
		"all":     {0, 250, span{0, 249, 250}, 0},
		"middle":  {17, 203, span{17, 202, 186}, 17},
		"one":     {249, 250, span{249, 249, 1}, 249},
		"nothing": {20, 20, span{-1, -1, 0}, 20},
		"before":  {20, 10, span{-1, -1, 0}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			got, began, err := collect(limited(t), t, h, log, test.from, test.to)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || began != test.began {
				t.Errorf("began with %d\n%s", began, diff)
			}
		})
	}
	t.Run("beyond_the_end", func(t *testing.T) {
		if _, _, err := collect(limited(t), t, h, log, 240, 251); err == nil {
			t.Error("no error")
		}
	})
	t.Run("of_another_hub", func(t *testing.T) {
		other := log
		other.Hub = "elsewhere/usage"
		if _, _, err := collect(limited(t), t, h, other, 0, 10); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no_such_group", func(t *testing.T) {
		_, err := h.Reader("nobody").Read(limited(t), log, 0, 10, func(engine.LogEvent) error { return nil })
		if !errors.Is(err, eventhub.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what_fails_does_not_go_on", func(t *testing.T) {
		stop := errors.New("stop")
		n := 0
		_, err := h.Reader("recovery").Read(limited(t), log, 0, 250, func(engine.LogEvent) error {
			if n++; n == 120 {
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) || n != 120 {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

func TestReader_goes_on_after_faults(t *testing.T) {
	deliver := func(f hubemulator.Fault) hubemulator.Step {
		return hubemulator.Step{On: hubemulator.OpDeliver, Partition: "1", After: 60, Times: 3, Fault: f}
	}
	for name, step := range map[string]hubemulator.Step{
		"detached":      deliver(hubemulator.Fault{Detach: hubemulator.DetachForced}),
		"busy":          deliver(hubemulator.Fault{Error: hubemulator.ServerBusy}),
		"cut":           deliver(hubemulator.Fault{Cut: true}),
		"duplicates":    deliver(hubemulator.Fault{Duplicate: 3}),
		"slow":          deliver(hubemulator.Fault{Delay: 5 * time.Millisecond}),
		"attach_denied": {On: hubemulator.OpAttach, Partition: "1", After: 1, Times: 5, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}},
		"manage_busy":   {On: hubemulator.OpManage, After: 2, Times: 7, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}},
		"manage_cut":    {On: hubemulator.OpManage, After: 2, Times: 7, Fault: hubemulator.Fault{Cut: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, step)
			h := s.hub(t, "usage")
			fill(t, h, 250)
			got, began, err := collect(limited(t), t, h, logOf(t, h), 3, 250)
			if err != nil {
				t.Fatal(err)
			}
			if want := (span{3, 249, 247}); got != want || began != 3 {
				t.Errorf("%+v from %d, want %+v", got, began, want)
			}
			if s.script.Hits() < 3 {
				t.Errorf("%d faults happened", s.script.Hits())
			}
		})
	}
}

func TestReader_begins_with_the_first_event_that_is_kept(t *testing.T) {
	spec := usage()
	spec.MaxBytes = 8 << 10
	s := withConfig(t, hubemulator.Config{Hubs: []broker.Spec{spec}})
	h := s.hub(t, "usage")
	fill(t, h, 400)
	_, kept, err := h.Bounds(limited(t), "1")
	if err != nil || kept.Begin < 20 || kept.Begin > 380 || kept.Next != 400 {
		t.Fatalf("%+v is kept, %v: the test has no sense", kept, err)
	}
	for name, test := range map[string]struct {
		from, to int64
		want     span
		began    int64
	}{
		"partly":   {3, 400, span{kept.Begin, 399, int(400 - kept.Begin)}, kept.Begin},
		"just":     {kept.Begin, 400, span{kept.Begin, 399, int(400 - kept.Begin)}, kept.Begin},
		"all_gone": {3, kept.Begin, span{-1, -1, 0}, kept.Begin},
	} {
		t.Run(name, func(t *testing.T) {
			got, began, err := collect(limited(t), t, h, logOf(t, h), test.from, test.to)
			if err != nil || got != test.want || began != test.began {
				t.Errorf("%+v from %d, %v; want %+v from %d", got, began, err, test.want, test.began)
			}
		})
	}
}

func TestReader_says_when_events_go_while_it_reads(t *testing.T) {
	spec := usage()
	spec.MaxBytes = 64 << 10
	s := withConfig(t, hubemulator.Config{Hubs: []broker.Spec{spec}})
	h := s.hub(t, "usage")
	fill(t, h, 300)
	n, p := 0, publisher(t, h)
	_, err := h.Reader("recovery").Read(limited(t), logOf(t, h), 0, 300, func(engine.LogEvent) error {
		if n++; n == 50 { // of the others only those are on their way that the link has credit for
			s.script.Add(hubemulator.Step{On: hubemulator.OpDeliver, Fault: hubemulator.Fault{Detach: hubemulator.DetachForced}})
			return p.Publish(limited(t), 1, make([]byte, 63<<10))
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "went while it was read") || n >= 300 {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestReader_finds_nothing_of_a_hub_that_was_made_again(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	fill(t, h, 50)
	old := logOf(t, h)
	s.again(t, usage())
	fill(t, h, 30)
	got, began, err := collect(limited(t), t, h, old, 10, 50)
	if want := (span{-1, -1, 0}); err != nil || got != want || began != 50 {
		t.Errorf("%+v from %d, %v, want nothing", got, began, err)
	}
	renewed := logOf(t, h)
	if renewed == old {
		t.Fatal("the hub that was made again was not noticed")
	}
	got, _, err = collect(limited(t), t, h, renewed, 0, 30)
	if want := (span{0, 29, 30}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

func TestReader_says_when_the_hub_is_made_again_while_it_reads(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	fill(t, h, 250)
	n := 0
	_, err := h.Reader("recovery").Read(limited(t), logOf(t, h), 0, 250, func(engine.LogEvent) error {
		if n++; n == 20 {
			s.again(t, usage())
		}
		return nil
	})
	if err == nil && n != 250 {
		t.Errorf("%d events and no error", n)
	}
}

func TestReader_ends_with_its_context(t *testing.T) {
	s := newStandIn(t, hubemulator.Step{On: hubemulator.OpDeliver, After: 10, Times: 1 << 30, Fault: hubemulator.Fault{Detach: hubemulator.DetachForced}})
	h := s.hub(t, "usage")
	fill(t, h, 50)
	log := logOf(t, h)
	ctx, cancel := context.WithTimeout(limited(t), 300*time.Millisecond)
	defer cancel()
	got, _, err := collect(ctx, t, h, log, 0, 50)
	if !errors.Is(err, context.DeadlineExceeded) || got.Count > 10 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReader_waits_for_its_turn(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	fill(t, h, 200)
	log := logOf(t, h)
	var all sync.WaitGroup
	for range 12 { // five may read at once
		all.Go(func() {
			got, _, err := collect(limited(t), t, h, log, 0, 200)
			if want := (span{0, 199, 200}); err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	all.Wait()
}
