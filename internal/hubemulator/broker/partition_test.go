package broker

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a clock that tests set.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func (c *clock) pass(d time.Duration) { c.Time = c.Add(d) }

func newClock() *clock { return &clock{time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)} }

func newTestHub(t *testing.T, folder string, c *clock, spec Spec) (*Broker, *Hub) {
	t.Helper()
	b, err := Open(folder, c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	hub, err := b.Create(spec)
	if err != nil {
		t.Fatal(err)
	}
	return b, hub
}

func partitionOf(t *testing.T, hub *Hub, id string) *Partition {
	t.Helper()
	p, err := hub.Partition(id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func appendBodies(t *testing.T, p *Partition, bodies ...string) {
	t.Helper()
	var messages []Message
	for _, body := range bodies {
		messages = append(messages, Message{Annotations: []byte("a" + body), Count: 1, Body: []byte(body)})
	}
	if _, err := p.Append(messages); err != nil {
		t.Fatal(err)
	}
}

// read is sequence number and body of all events from a sequence number on.
func read(t *testing.T, p *Partition, from int64) []string {
	t.Helper()
	var bodies []string
	for {
		events, err := p.Read(from, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return bodies
		}
		for _, event := range events {
			bodies = append(bodies, fmt.Sprintf("%d %s", event.Sequence, event.Body))
			from = event.Sequence + 1
		}
	}
}

func TestPropertiesBeforeAndAfterEvents(t *testing.T) {
	c := newClock()
	_, hub := newTestHub(t, "", c, Spec{Name: "hub", Partitions: 1})
	p := partitionOf(t, hub, "0")
	if diff := cmp.Diff(Properties{Begin: 0, Last: -1, LastOffset: -1, Empty: true}, p.Properties()); diff != "" {
		t.Errorf("before (-want +got):\n%s", diff)
	}
	appendBodies(t, p, "a", "b")
	want := Properties{Begin: 0, Last: 1, LastOffset: overhead + 3, LastEnqueued: c.Time}
	if diff := cmp.Diff(want, p.Properties()); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	c.pass(DefaultRetention + time.Second)
	want.Begin, want.Empty = 2, true
	if diff := cmp.Diff(want, p.Properties()); diff != "" {
		t.Errorf("after the retention (-want +got):\n%s", diff)
	}
}

func TestRetention(t *testing.T) {
	c := newClock()
	_, hub := newTestHub(t, "", c, Spec{Name: "hub", Partitions: 1, Retention: time.Hour})
	p := partitionOf(t, hub, "0")
	for i := range 3 * chunkSize {
		appendBodies(t, p, fmt.Sprint(i))
		c.pass(time.Second)
	}
	kept := read(t, p, 0)
	if want := 3 * chunkSize; len(kept) != want || kept[0] != "0 0" {
		t.Fatalf("%d events from %q, want %d", len(kept), kept[0], want)
	}
	c.pass(time.Hour - 100*time.Second)
	kept = read(t, p, 0)
	if len(kept) != 100 || kept[0] != "2972 2972" {
		t.Errorf("%d events from %q, want 100 from 2972", len(kept), kept[0])
	}
	c.pass(time.Hour)
	if kept = read(t, p, 0); len(kept) > 0 {
		t.Errorf("%d events are left", len(kept))
	}
	appendBodies(t, p, "next")
	if diff := cmp.Diff([]string{"3072 next"}, read(t, p, 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMaxBytes(t *testing.T) {
	_, hub := newTestHub(t, "", newClock(), Spec{Name: "hub", Partitions: 1, MaxBytes: 10 * (overhead + 3)})
	p := partitionOf(t, hub, "0")
	for range 10000 {
		appendBodies(t, p, "x")
	}
	if kept := read(t, p, 0); len(kept) != 10 || kept[0] != "9990 x" {
		t.Errorf("%d events from %q, want the last 10", len(kept), kept[0])
	}
	if p.bytes > p.maxBytes || len(p.chunks) > 2 {
		t.Errorf("%d bytes in %d chunks are held", p.bytes, len(p.chunks))
	}
}

func TestSearch(t *testing.T) {
	c := newClock()
	_, hub := newTestHub(t, "", c, Spec{Name: "hub", Partitions: 1})
	p := partitionOf(t, hub, "0")
	start := c.UnixMilli()
	for range 5 {
		appendBodies(t, p, "x", "y")
		c.pass(time.Second)
	}
	size := int64(overhead + 3)
	for name, test := range map[string]struct{ got, want int64 }{
		"offset_after":         {p.AtOffset(size, false), 2},
		"offset_at":            {p.AtOffset(size, true), 1},
		"offset_before_all":    {p.AtOffset(-1, false), 0},
		"offset_of_the_last":   {p.AtOffset(9*size, false), 10},
		"time_after":           {p.AtTime(start+1000, false), 4},
		"time_at":              {p.AtTime(start+1000, true), 2},
		"time_between":         {p.AtTime(start+1500, true), 4},
		"time_before_all":      {p.AtTime(0, true), 0},
		"time_after_all":       {p.AtTime(start+9000, true), 10},
		"next_sequence_number": {p.Next(), 10},
	} {
		if test.got != test.want {
			t.Errorf("%s: %d, want %d", name, test.got, test.want)
		}
	}
}

func TestClockSetBack(t *testing.T) {
	c := newClock()
	_, hub := newTestHub(t, "", c, Spec{Name: "hub", Partitions: 1})
	p := partitionOf(t, hub, "0")
	appendBodies(t, p, "a")
	c.pass(-time.Minute)
	appendBodies(t, p, "b")
	events, err := p.Read(0, 1<<20)
	if err != nil || len(events) != 2 || events[1].Enqueued < events[0].Enqueued {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestReadIsBounded(t *testing.T) {
	_, hub := newTestHub(t, "", newClock(), Spec{Name: "hub", Partitions: 1})
	p := partitionOf(t, hub, "0")
	for range 2 * chunkSize {
		appendBodies(t, p, "x")
	}
	if events, err := p.Read(0, 1); err != nil || len(events) != 1 {
		t.Errorf("%d events of one byte, %v", len(events), err)
	}
	if events, err := p.Read(0, 1<<30); err != nil || len(events) > chunkSize {
		t.Errorf("%d events at once, %v", len(events), err)
	}
}

func TestWatch(t *testing.T) {
	_, hub := newTestHub(t, "", newClock(), Spec{Name: "hub", Partitions: 1})
	p := partitionOf(t, hub, "0")
	told := make(chan struct{}, 1)
	p.Watch(told)
	p.Watch(told)
	p.Unwatch(told)
	appendBodies(t, p, "a")
	appendBodies(t, p, "b") // does not wait
	select {
	case <-told:
	default:
		t.Error("it was not told")
	}
	p.Unwatch(told)
	appendBodies(t, p, "c")
	select {
	case <-told:
		t.Error("it was told after Unwatch")
	default:
	}
	if len(p.watchers) > 0 {
		t.Errorf("%d watchers are left", len(p.watchers))
	}
}

func TestDeletedAndCreatedAgain(t *testing.T) {
	for name, folder := range map[string]string{"in_memory": "", "in_a_folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b, first := newTestHub(t, folder, c, Spec{Name: "Hub", Partitions: 1})
			p := partitionOf(t, first, "0")
			appendBodies(t, p, "a")
			if _, err := b.Create(Spec{Name: "hub", Partitions: 1}); !errors.Is(err, ErrExists) {
				t.Errorf("create again: %v", err)
			}
			if err := b.Delete("hUB"); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Hub("hub"); !errors.Is(err, ErrNotFound) {
				t.Errorf("after deletion: %v", err)
			}
			if _, err := p.Read(0, 1); !errors.Is(err, ErrClosed) {
				t.Errorf("read: %v", err)
			}
			if _, err := p.Append([]Message{{}}); !errors.Is(err, ErrClosed) {
				t.Errorf("append: %v", err)
			}
			if err := b.Delete("hub"); !errors.Is(err, ErrNotFound) {
				t.Errorf("delete again: %v", err)
			}
			c.pass(time.Second)
			second, err := b.Create(Spec{Name: "hub", Partitions: 1})
			if err != nil {
				t.Fatal(err)
			}
			if !second.Created().After(first.Created()) || partitionOf(t, second, "0").Next() != 0 {
				t.Errorf("created %s after %s, next event %d", second.Created(), first.Created(), partitionOf(t, second, "0").Next())
			}
		})
	}
}

func TestRouteAndNames(t *testing.T) {
	b, hub := newTestHub(t, "", newClock(), Spec{Name: "hub", Partitions: 3, ConsumerGroups: []string{"recovery"}})
	var turns []string
	for range 4 {
		turns = append(turns, hub.Route(""))
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "0"}, turns); diff != "" {
		t.Errorf("in turn (-want +got):\n%s", diff)
	}
	if a, again := hub.Route("key"), hub.Route("key"); a != again {
		t.Errorf("a key goes to %s and %s", a, again)
	}
	for name, known := range map[string]bool{"$default": true, "RECOVERY": true, "other": false} {
		if _, err := hub.Group(name); (err == nil) != known {
			t.Errorf("group %s: %v", name, err)
		}
	}
	for _, id := range []string{"3", "-1", "", "00", "x"} {
		if _, err := hub.Partition(id); !errors.Is(err, ErrNotFound) {
			t.Errorf("partition %q: %v", id, err)
		}
	}
	for _, spec := range []Spec{{Name: "../x", Partitions: 1}, {Name: "", Partitions: 1}, {Name: "a", Partitions: 0}, {Name: "a", Partitions: 33}, {Name: "a", Partitions: 1, ConsumerGroups: []string{"a/b"}}} {
		if _, err := b.Create(spec); err == nil {
			t.Errorf("%+v was created", spec)
		}
	}
}
