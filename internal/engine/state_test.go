package engine

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
)

// counter counts the events of a principal in its memory.
func counter(version int, seen *[]int64) *detectors.Detector {
	return detectors.New(detectors.Description{ID: "counter", Version: version},
		func(_ *detectors.Profile, _ detectors.Event, own *struct{ N int64 }) (detectors.Finding, bool) {
			own.N++
			*seen = append(*seen, own.N)
			return detectors.Finding{}, false
		})
}

func newFold(t testing.TB, list ...*detectors.Detector) *Fold {
	t.Helper()
	tables, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{Detectors: list, Locate: tables.Locate, Prices: incident.ListPrices(), Store: NewMemory()})
	if err != nil {
		t.Fatal(err)
	}
	return e.NewFold()
}

func call(n byte) *azurelog.Fragment {
	return &azurelog.Fragment{Resource: "r", Correlation: azurelog.Correlation{n}, ObjectID: "o",
		Call: detectors.Call{Time: 20_700 * detectors.Day, Model: "gpt-4o", RequestBytes: 1}}
}

// saveAndRestore moves the state of resource r to another fold.
func saveAndRestore(t *testing.T, from, to *Fold) {
	t.Helper()
	var b Batch
	if err := from.w.save(&b); err != nil {
		t.Fatal(err)
	}
	if len(b.States) != 2 {
		t.Fatalf("%d states, want the resource's and the principal's", len(b.States))
	}
	if err := to.w.Store.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
}

func TestRestore_of_a_detector_of_another_version(t *testing.T) {
	var seen []int64
	fold := newFold(t, counter(1, &seen))
	fold.Take(call(1), 20_700*detectors.Day)
	for i := byte(2); i <= 4; i++ {
		next := newFold(t, counter(2, &seen))
		saveAndRestore(t, fold, next)
		next.Take(call(i), 20_700*detectors.Day)
		if cold := next.Tally().Cold; cold != 1 {
			t.Errorf("%d memories that could not be read, want the one of version 1", cold)
		}
		fold = next
	}
	// It starts cold once, and then goes on.
	for i, want := range []int64{1, 1, 2, 3} {
		if seen[i] != want {
			t.Fatalf("the detector counted %v, want 1 and then 1, 2, 3", seen)
		}
	}
}

func FuzzRestore(f *testing.F) {
	fold := newFold(f, all.Detectors()...)
	fold.Take(call(1), 20_700*detectors.Day)
	var b Batch
	if err := fold.w.save(&b); err != nil {
		f.Fatal(err)
	}
	for _, s := range b.States {
		f.Add(s.Data)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		// Whatever the bytes are, there is an error or a usable state.
		if r := newResource(fold.w, "r"); r.restore(data) == nil {
			r.tick(20_701 * detectors.Day)
		}
		s := newSubject(newResource(fold.w, "r"), caller{detectors.EntraObject, "o"})
		if s.restore(data) == nil {
			s.profile.Advance(20_701 * detectors.Day)
		}
	})
}
