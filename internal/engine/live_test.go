package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
)

const hub = "ns.servicebus.windows.net/diagnostics/0"

// delivered are the lines of a file as the events of a hub, with up to most records each.
func delivered(r *rand.Rand, file []byte, most int) (events []engine.HubEvent) {
	for rest := bytes.SplitAfter(bytes.TrimSpace(file), []byte("\n")); len(rest) > 0; {
		n := min(1+r.IntN(most), len(rest))
		events = append(events, engine.HubEvent{Sequence: int64(len(events)), Body: azurelog.AppendEnvelope(nil, rest[:n]...)})
		rest = rest[n:]
	}
	return events
}

func live(t *testing.T, c engine.Config) *engine.Live {
	t.Helper()
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l := e.Live()
	t.Cleanup(l.Close)
	return l
}

// feed gives l the events in batches, each some of the last one's events again,
// until all are taken in; onError says whether to go on after an error.
func feed(t *testing.T, r *rand.Rand, l *engine.Live, events []engine.HubEvent, onError func(error) bool) (records int) {
	t.Helper()
	for next := 0; next < len(events); {
		from := max(0, next-r.IntN(3))
		to := min(len(events), next+1+r.IntN(100))
		taken, err := l.Take(t.Context(), hub, events[from:to])
		if err != nil {
			if !onError(err) {
				t.Fatal(err)
			}
			continue
		}
		records += taken.Records
		next = to
	}
	return records
}

func never(error) bool { return false }

func TestLive_finds_what_a_replay_of_the_same_log_finds(t *testing.T) {
	file := bytes.Join(town(t, 1, 1_000_000), nil)
	want, report := replay(t, config(t), groups([][]byte{file}))
	if want == "" {
		t.Fatal("no incidents: this test compares nothing")
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			store := &mortal{Memory: engine.NewMemory(), after: 1 << 30}
			if seed > 0 {
				store.after, store.durable = 3+int(seed), seed%2 == 0
			}
			c := config(t)
			c.Store = store
			if seed == 3 {
				c.Memory = 1
			}
			l := live(t, c)
			kills := 0
			records := feed(t, r, l, delivered(r, file, 40), func(err error) bool { kills++; return errors.Is(err, errKilled) })
			l.Close()
			for range 2 { // the first tick starts the clock of this machine
				for {
					err := l.Tick(t.Context(), noon+detectors.Time(records)*detectors.Hour)
					if err == nil {
						break
					}
				}
				records++
			}
			if d := cmp.Diff(want, lines(t, store)); d != "" {
				t.Errorf("after %d kills the incidents differ from a replay's of %d calls (-want +got):\n%s", kills, report.Calls, d)
			}
			if seed > 0 && kills == 0 {
				t.Error("never killed")
			}
		})
	}
}

func TestLive_takes_no_event_in_twice(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 0))
	file := bytes.Join(town(t, 3, 1_000_000), nil)
	events := delivered(r, file, 30)
	c := config(t)
	l := live(t, c)
	if n := feed(t, r, l, events, never); n == 0 {
		t.Fatal("no records")
	}
	want := lines(t, c.Store)
	for _, again := range [][]engine.HubEvent{events, events[:1], events[len(events)-1:], nil} {
		taken, err := l.Take(t.Context(), hub, again)
		if err != nil || taken.Records != 0 || taken.Known != len(again) {
			t.Errorf("%d events again: %+v, %v", len(again), taken, err)
		}
	}
	if got := lines(t, c.Store); got != want {
		t.Errorf("incidents changed:\n%s", cmp.Diff(want, got))
	}
	taken, err := l.Take(t.Context(), strings.Replace(hub, "/0", "/1", 1), events[:5])
	if err != nil || taken.Known != 0 {
		t.Errorf("events of another partition are passed over: %+v, %v", taken, err)
	}
}

func TestLive_sets_aside_what_cannot_be(t *testing.T) {
	c := config(t)
	l := live(t, c)
	arrived := noon + 3*detectors.Minute
	events := []engine.HubEvent{
		{Sequence: 4, Enqueued: arrived, Body: azurelog.AppendEnvelope(nil, record(noon, 1), []byte(`{"time":`))},
		{Sequence: 5, Enqueued: arrived, Body: []byte("not JSON")},
		{Sequence: 6, Enqueued: arrived, Body: record(noon+20*detectors.Day, 2)},
		{Sequence: 7, Enqueued: arrived, Body: record(noon+detectors.Minute, 3)},
		{Sequence: 9, Enqueued: arrived, Body: nil},
	}
	taken, err := l.Take(t.Context(), hub, events)
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, p := range taken.Poison {
		sources = append(sources, p.Source)
	}
	want := []string{hub + ", event 4", hub + ", event 5", hub + ", event 6"}
	if d := cmp.Diff(want, sources); d != "" || taken.Records != 2 {
		t.Errorf("%d records judged, set aside:\n%s", taken.Records, d)
	}
	log, err := c.Store.Log(t.Context())
	if err != nil || log.Pace.Now != noon+detectors.Minute || log.Positions[hub].Offset != 10 {
		t.Errorf("log %+v, %v: want the clock at the last good record and the position after the last event", log, err)
	}
}

func TestLive_judges_at_a_tick_what_has_waited_for_its_twin(t *testing.T) {
	alone := azurelog.Fragment{
		Category: azurelog.RequestResponse, Logged: noon, Resource: "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a",
		Correlation: azurelog.Correlation{1}, NearEmpty: true, Call: detectors.Call{Time: noon, Status: 200},
	}
	body, err := azurelog.Append(nil, &alone, azurelog.Style{})
	if err != nil {
		t.Fatal(err)
	}
	c := config(t)
	l := live(t, c)
	if _, err := l.Take(t.Context(), hub, []engine.HubEvent{{Sequence: 1, Enqueued: noon + detectors.Minute, Body: body}}); err != nil {
		t.Fatal(err)
	}
	waiting := func() int {
		t.Helper()
		log, err := c.Store.Log(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(log.Waiting)
	}
	for _, step := range []struct {
		now  detectors.Time
		want int
	}{{noon + 15*detectors.Minute, 1}, {noon + 10*detectors.Minute, 1}, {noon + 16*detectors.Minute, 0}} {
		if err := l.Tick(t.Context(), step.now); err != nil {
			t.Fatal(err)
		}
		if got := waiting(); got != step.want {
			t.Errorf("at %v %d resources wait, want %d", step.now, got, step.want)
		}
	}
}
