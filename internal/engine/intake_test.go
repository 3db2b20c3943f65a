package engine_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// trimmed is a partition of a diagnostics hub, and where it begins now.
type trimmed struct {
	t     *testing.T
	store *engine.Memory
	begin int64
	now   time.Time
}

func (f *trimmed) intake() *engine.Intake {
	f.t.Helper()
	recorder, err := engine.NewRecorder(f.store)
	if err != nil {
		f.t.Fatal(err)
	}
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: newUsageHub(1), Partitions: 1})
	if err != nil {
		f.t.Fatal(err)
	}
	intake, err := engine.NewIntake(engine.IntakeConfig{Taker: router, Letters: f.store, Recorder: recorder, Log: slog.New(slog.DiscardHandler),
		Begin: func(context.Context, string, string) (int64, error) { return f.begin, nil }})
	if err != nil {
		f.t.Fatal(err)
	}
	return intake
}

// take takes events of these numbers in, half a minute after those before.
func (f *trimmed) take(i *engine.Intake, numbers ...int64) {
	f.t.Helper()
	f.now = f.now.Add(time.Minute)
	var events []engine.HubEvent
	for _, n := range numbers {
		events = append(events, engine.HubEvent{Sequence: n, Enqueued: detectors.TimeOf(f.now), Body: []byte(`{"records":[]}`)})
	}
	if err := i.Take(f.t.Context(), f.now, "ns/diagnostics", usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, events); err != nil {
		f.t.Fatal(err)
	}
}

func (f *trimmed) expect(want ...[2]int64) {
	f.t.Helper()
	p, err := f.store.Progress(f.t.Context(), engine.ProgressKey{Function: engine.DiagnosticsFunction, Hub: "ns/diagnostics", Partition: "0"})
	if err != nil {
		f.t.Fatal(err)
	}
	var got [][2]int64
	for _, g := range p.Gaps {
		got = append(got, [2]int64{g.From, g.To})
	}
	if d := cmp.Diff(want, got); d != "" {
		f.t.Errorf("gaps (-want +got):\n%s", d)
	}
}

func TestIntake_names_gaps(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(f *trimmed)
		want [][2]int64
	}{
		"none": {func(f *trimmed) {
			i := f.intake()
			f.take(i, 0, 1, 2)
			f.take(i, 3, 4)
			f.take(i, 2, 3, 4, 5)
		}, nil},
		"before_the_first_of_all": {func(f *trimmed) {
			f.begin = 7
			f.take(f.intake(), 7, 8)
		}, nil},
		"while_nobody_ran": {func(f *trimmed) {
			f.take(f.intake(), 0, 1, 2)
			f.begin = 7
			f.take(f.intake(), 7, 8)
		}, [][2]int64{{3, 7}}},
		"while_it_ran": {func(f *trimmed) {
			i := f.intake()
			f.take(i, 0, 1, 2)
			f.begin = 7
			f.take(i, 7, 8)
		}, [][2]int64{{3, 7}}},
		"inside_a_batch": {func(f *trimmed) {
			i := f.intake()
			f.take(i, 0, 1)
			f.begin = 9
			f.take(i, 2, 3, 7, 9)
		}, [][2]int64{{4, 7}, {8, 9}}},
		"others_took_it_in": {func(f *trimmed) {
			i := f.intake()
			f.take(i, 0, 1, 2)
			f.take(f.intake(), 3, 4, 5)
			f.begin = 6
			f.take(i, 6)
		}, nil},
		"the_host_passed_over_it": {func(f *trimmed) {
			i := f.intake()
			f.take(i, 0, 1, 2)
			f.take(i, 5)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := &trimmed{t: t, store: engine.NewMemory(), now: time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)}
			test.do(f)
			f.expect(test.want...)
		})
	}
}
