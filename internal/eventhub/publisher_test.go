package eventhub_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// bodies is all that a partition of the usage hub holds, read through the group recovery.
func bodies(t testing.TB, h *eventhub.Hub, partition string) []string {
	t.Helper()
	ctx := limited(t)
	properties, bounds, err := h.Bounds(ctx, partition)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	_, err = h.Reader("recovery").Read(ctx, properties.Log(partition), bounds.Begin, bounds.Next, func(e engine.LogEvent) error {
		all = append(all, string(e.Body))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPublisher_gets_everything_through_in_order(t *testing.T) {
	on := func(f hubemulator.Fault) hubemulator.Step {
		return hubemulator.Step{On: hubemulator.OpSend, Partition: "2", After: 3, Times: 5, Fault: f}
	}
	for name, test := range map[string]struct {
		step  hubemulator.Step
		twice bool // a message may come again
	}{
		"calm":          {step: hubemulator.Step{On: hubemulator.OpSend, Partition: "none"}},
		"server_busy":   {step: on(hubemulator.Fault{Error: hubemulator.ServerBusy})},
		"detached":      {step: on(hubemulator.Fault{Detach: hubemulator.DetachForced})},
		"cut_before":    {step: on(hubemulator.Fault{Cut: true})},
		"cut_after":     {step: on(hubemulator.Fault{Lost: true}), twice: true},
		"slow":          {step: on(hubemulator.Fault{Delay: 5 * time.Millisecond})},
		"attach_denied": {step: hubemulator.Step{On: hubemulator.OpAttach, Partition: "2", Times: 5, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}}},
		"claim_cut":     {step: hubemulator.Step{On: hubemulator.OpClaim, Times: 5, Fault: hubemulator.Fault{Cut: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, test.step)
			h := s.hub(t, "usage")
			p := publisher(t, h)
			var want []string
			for i := range 12 {
				want = append(want, fmt.Sprint("message ", i))
				if err := p.Publish(limited(t), 2, []byte(want[i])); err != nil {
					t.Fatal(err)
				}
			}
			got := bodies(t, h, "2")
			if test.twice {
				if len(got) <= len(want) {
					t.Error("no message was sent again")
				}
				got = slices.Compact(got)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if name != "calm" && s.script.Hits() < 5 {
				t.Errorf("%d faults happened", s.script.Hits())
			}
		})
	}
}

func TestPublisher_has_one_message_of_a_partition_on_its_way(t *testing.T) {
	s := newStandIn(t, hubemulator.Step{On: hubemulator.OpSend, Times: 100, Fault: hubemulator.Fault{Delay: time.Millisecond}})
	h := s.hub(t, "usage")
	p := publisher(t, h)
	first := make(chan struct{})
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			<-first
			for k := range 3 {
				if err := p.Publish(limited(t), 1, fmt.Appendf(nil, "%d/%d", i, k)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	close(first)
	all.Wait()
	next := map[string]int{}
	for _, body := range bodies(t, h, "1") {
		var i, k int
		if _, err := fmt.Sscanf(body, "%d/%d", &i, &k); err != nil {
			t.Fatal(err)
		}
		if next[fmt.Sprint(i)] != k {
			t.Errorf("%s came too early", body)
		}
		next[fmt.Sprint(i)]++
	}
	if len(next) != 20 {
		t.Errorf("messages of %d senders", len(next))
	}
}

func TestPublisher_gives_up_when_its_context_ends(t *testing.T) {
	s := newStandIn(t, hubemulator.Step{On: hubemulator.OpSend, Times: 1 << 30, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}})
	p := publisher(t, s.hub(t, "usage"))
	ctx, cancel := context.WithCancel(limited(t))
	failed := make(chan error, 1)
	go func() { failed <- p.Publish(ctx, 0, []byte("x")) }()
	eventually(t, "some tries", func() bool { return s.script.Hits() > 10 })
	waiting, stop := context.WithTimeout(limited(t), 5*time.Millisecond)
	defer stop()
	if err := p.Publish(waiting, 0, []byte("y")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second message: %v", err)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the first message: %v", err)
	}
}

func TestPublisher_says_at_once_what_cannot_pass(t *testing.T) {
	for name, test := range map[string]struct {
		steps   []hubemulator.Step
		message []byte
		to      int
		before  func(*standIn) error
		want    error
	}{
		"too_large":     {message: make([]byte, 2<<20), want: eventhub.ErrTooLarge},
		"refused_claim": {steps: []hubemulator.Step{{On: hubemulator.OpClaim, Times: 1000, After: 1, Fault: hubemulator.Fault{Error: hubemulator.Unauthorized}}}, want: eventhub.ErrUnauthorized},
		"refused_link":  {steps: []hubemulator.Step{{On: hubemulator.OpAttach, Partition: "0", Times: 1000, Fault: hubemulator.Fault{Error: hubemulator.Unauthorized}}}, want: eventhub.ErrUnauthorized},
		"refused_send":  {steps: []hubemulator.Step{{On: hubemulator.OpSend, Times: 1000, Fault: hubemulator.Fault{Error: hubemulator.Unauthorized}}}, want: eventhub.ErrUnauthorized},
		"hub_deleted":   {before: func(s *standIn) error { return s.DeleteHub("usage") }, want: eventhub.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStandIn(t, test.steps...)
			p := publisher(t, s.hub(t, "usage"))
			if test.before != nil {
				if err := test.before(s); err != nil {
					t.Fatal(err)
				}
			}
			err := p.Publish(limited(t), test.to, test.message)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if bytes.Contains([]byte(fmt.Sprint(err)), []byte(hubemulator.RootKeyValue)) {
				t.Errorf("a key is in the error: %v", err)
			}
		})
	}
	t.Run("no_such_partition", func(t *testing.T) {
		p := publisher(t, newStandIn(t).hub(t, "usage"))
		if err := p.Publish(limited(t), 4, nil); err == nil {
			t.Error("no error")
		}
	})
}

func TestPublisher_ticks_all_partitions(t *testing.T) {
	s := newStandIn(t, hubemulator.Step{On: hubemulator.OpSend, Partition: "3", Times: 4, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}})
	h := s.hub(t, "usage")
	p := publisher(t, h)
	now := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	if err := p.Tick(limited(t), now, 0); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"0", "1", "2", "3"} {
		got := bodies(t, h, id)
		var reader usagelog.Reader
		var m usagelog.Message
		if len(got) != 1 {
			t.Fatalf("partition %s: %d messages", id, len(got))
		}
		if err := reader.Read([]byte(got[0]), &m); err != nil || m.Kind != usagelog.Tick || m.Arrived != detectors.TimeOf(now) {
			t.Errorf("partition %s: %+v, %v", id, m, err)
		}
	}
}

func TestPublisher_refuses_to_tick_another_number_of_partitions(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	p := publisher(t, h)
	s.again(t, broker.Spec{Name: "usage", Partitions: 8})
	if _, err := h.Refresh(limited(t)); err != nil {
		t.Fatal(err)
	}
	if err := p.Tick(limited(t), time.Now(), 0); !errors.Is(err, engine.ErrPartitions) {
		t.Errorf("%v", err)
	}
}

// A verdict goes where its resource is judged, and nowhere else; the rest is for all.
func TestPublisher_Command(t *testing.T) {
	s := newStandIn(t)
	hub := s.hub(t, "usage")
	p, err := hub.Publisher(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	principal := detectors.Principal{Kind: detectors.APIMSubscription, ID: "p", Resource: "custom:g"}
	verdict := detectors.Command{Time: 1, By: "b", Verdict: &detectors.Verdict{Incident: "i", Principal: principal, Value: detectors.VerdictBenign}}
	decoy := detectors.Command{Time: 1, By: "b", Decoy: &detectors.Decoy{ID: "d", Owner: "o", Principal: principal}}
	for _, c := range []*detectors.Command{&verdict, &decoy} {
		if err := p.Command(limited(t), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Command(limited(t), &detectors.Command{Time: 1, By: "b"}); err == nil {
		t.Error("a command that says nothing is published")
	}
	for i := range p.Partitions() {
		want := 1
		if i == usagelog.Partition(principal.Resource, p.Partitions()) {
			want = 2
		}
		if got := bodies(t, hub, fmt.Sprint(i)); len(got) != want {
			t.Errorf("partition %d has %d messages, want %d", i, len(got), want)
		}
	}
}
