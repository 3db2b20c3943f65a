package storetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
)

// RunProgress tests the promises of engine.ProgressStore. Each call of open must give a store of its own, empty.
func RunProgress(t *testing.T, open func(t *testing.T) engine.ProgressStore) {
	for name, test := range map[string]func(*testing.T, engine.ProgressStore){
		"new_is_empty":                   progressOfNobody,
		"finds_what_was_saved":           progressIsFound,
		"refuses_what_is_stale":          progressIsStale,
		"keeps_odd_keys_apart":           progressKeysAreApart,
		"recorders_beside_one_another":   recordersBesideOneAnother,
		"recorder_keeps_what_it_is_told": recorderKeepsWhatItIsTold,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

var usage = engine.ProgressKey{Function: engine.UsageFunction, Hub: "ns.example/usage", Partition: "3"}

const morning = 20_000*detectors.Day + 8*detectors.Hour

func step(at detectors.Time) engine.Step {
	return engine.Step{
		At: at, Sequence: int64(at - morning), Logged: at - 2000, Enqueued: at - 500, Events: 2, Bytes: 100, Records: 3, Calls: 1, Duplicates: 1, Poison: 1, Charge: 1.5, Throttled: 1,
		Counts: azurelog.Counts{Drift: azurelog.Names{"new\"Property": 2}, UnknownCategories: azurelog.Names{"Ünknown": 1}},
		Ends:   []engine.End{{ProgressKey: usage, Look: engine.Look{Sequence: 12, Looked: at}, Enqueued: at}},
	}
}

func progressOf(t testing.TB, s engine.ProgressStore, key engine.ProgressKey) engine.Progress {
	t.Helper()
	p, err := s.Progress(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func allProgress(t testing.TB, s engine.ProgressStore) []engine.Progress {
	t.Helper()
	all, err := s.AllProgress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b engine.Progress) int {
		return slices.Compare([]string{a.Function, a.Hub, a.Partition}, []string{b.Function, b.Hub, b.Partition})
	})
	return all
}

func progressOfNobody(t *testing.T, s engine.ProgressStore) {
	if d := cmp.Diff(engine.Progress{ProgressKey: usage}, progressOf(t, s, usage)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if all := allProgress(t, s); len(all) > 0 {
		t.Errorf("progress of %d functions", len(all))
	}
}

func progressIsFound(t *testing.T, s engine.ProgressStore) {
	want := engine.Progress{ProgressKey: usage}
	for n := range detectors.Time(3) {
		one := step(morning + n*detectors.Minute)
		one.Gaps = []engine.Gap{{From: 4, To: 9}}
		one.Resources = map[string]engine.Watched{"/r/ä": {Since: morning, Last: morning, Principals: 3}}
		want.Add(&one)
		if err := s.SaveProgress(t.Context(), &want); err != nil {
			t.Fatal(err)
		}
		if want.ETag == "" {
			t.Fatal("no ETag was set")
		}
		if d := cmp.Diff(want, progressOf(t, s, usage)); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	if d := cmp.Diff([]engine.Progress{want}, allProgress(t, s)); d != "" {
		t.Errorf("all (-want +got):\n%s", d)
	}
}

func progressIsStale(t *testing.T, s engine.ProgressStore) {
	first, second := engine.Progress{ProgressKey: usage, Last: 1000}, engine.Progress{ProgressKey: usage, Last: 2000}
	if err := s.SaveProgress(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveProgress(t.Context(), &second); !errors.Is(err, engine.ErrStale) {
		t.Errorf("a second first one: error %v, want ErrStale", err)
	}
	old := first
	if err := s.SaveProgress(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	old.Last = 3000
	if err := s.SaveProgress(t.Context(), &old); !errors.Is(err, engine.ErrStale) {
		t.Errorf("on an old one: error %v, want ErrStale", err)
	}
	if d := cmp.Diff(first, progressOf(t, s, usage)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func progressKeysAreApart(t *testing.T, s engine.ProgressStore) {
	var want []engine.Progress
	for _, function := range []string{"usage", "diagnostics", "sweep"} {
		for _, hub := range []string{"", "ns/a", "ns/a ", "ns/A", "ns/a#b?c", "ns/" + "%2F", "ä'--"} {
			for _, partition := range []string{"", "1", "10"} {
				p := engine.Progress{ProgressKey: engine.ProgressKey{Function: function, Hub: hub, Partition: partition}, Sequence: int64(len(want))}
				if err := s.SaveProgress(t.Context(), &p); err != nil {
					t.Fatal(err)
				}
				want = append(want, p)
			}
		}
	}
	for _, p := range want {
		if d := cmp.Diff(p, progressOf(t, s, p.ProgressKey)); d != "" {
			t.Errorf("%v (-want +got):\n%s", p.ProgressKey, d)
		}
	}
	if all := allProgress(t, s); len(all) != len(want) {
		t.Errorf("%d of %d are listed", len(all), len(want))
	}
}

// recordersBesideOneAnother: what two owners of a partition record is added up.
func recordersBesideOneAnother(t *testing.T, s engine.ProgressStore) {
	var recorders []*engine.Recorder
	for range 2 {
		r, err := engine.NewRecorder(s)
		if err != nil {
			t.Fatal(err)
		}
		recorders = append(recorders, r)
	}
	for n := range 20 {
		if err := recorders[n%2].Record(t.Context(), usage, step(morning+detectors.Time(n)*10*detectors.Second)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range recorders {
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	p := progressOf(t, s, usage)
	want := engine.Totals{Events: 40, Bytes: 2000, Records: 60, Calls: 20, Duplicates: 20, Charge: 30}
	if d := cmp.Diff(want, p.Total); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if p.Since != morning || p.Last != morning+190*detectors.Second || p.Drift["new\"Property"].Count != 40 {
		t.Errorf("%+v", p)
	}
}

func recorderKeepsWhatItIsTold(t *testing.T, s engine.ProgressStore) {
	r, err := engine.NewRecorder(s)
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]engine.Watched{"/r": {Since: morning + 1, Last: morning + 2, Principals: 2}}
	for _, later := range []detectors.Time{0, detectors.Minute, detectors.Hour} {
		if err := r.Watch(t.Context(), usage, morning+later, func() map[string]engine.Watched { return met }); err != nil {
			t.Fatal(err)
		}
	}
	key := usage
	key.Function = engine.WatchFunction
	p := progressOf(t, s, key)
	want := map[string]engine.Watched{"/r": {Since: morning, Last: morning, Principals: 2}}
	if d := cmp.Diff(want, p.Resources); d != "" || p.Last != morning+detectors.Hour {
		t.Errorf("last %v, -want +got:\n%s", p.Last, d)
	}
}
