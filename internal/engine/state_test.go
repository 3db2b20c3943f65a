package engine

import (
	"fmt"
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
	if len(b.States) != 1 {
		t.Fatalf("%d states, want the one chunk of the resource", len(b.States))
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
		r := newResource(fold.w, "r")
		_ = r.restoreChunk(r.chunks[0], data)
	})
}

// Peers are told apart by a bit that follows from who they are, also where they are read back.
func TestSubject_identify(t *testing.T) {
	var seen []int64
	fold := newFold(t, counter(1, &seen))
	r := newResource(fold.w, "r")
	a, b := newSubject(r, caller{detectors.APIMSubscription, "a"}), newSubject(r, caller{detectors.APIMSubscription, "b"})
	if a.profile.Caller == 0 || a.profile.Caller == b.profile.Caller {
		t.Fatalf("bits %b and %b", a.profile.Caller, b.profile.Caller)
	}
	c := newChunk()
	c.subjects[a.caller], c.subjects[b.caller] = a, b
	data, err := c.append(nil, &Batch{})
	if err != nil {
		t.Fatal(err)
	}
	again := newChunk()
	if err := newResource(fold.w, "r").restoreChunk(again, data); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*subject{a, b} {
		if got := again.subjects[s.caller]; got == nil || got.profile.Caller != s.profile.Caller || got.voice(&detectors.Network{}) != s.voice(&detectors.Network{}) {
			t.Errorf("%s is read back as %+v", s.ID, got)
		}
	}
}

// A resource with many principals is saved in chunks of which a call changes
// one, besides the first with what all callers do; and it is found again.
func TestSave_writes_what_changed(t *testing.T) {
	const many = 5_000
	var seen []int64
	fold := newFold(t, counter(1, &seen))
	of := func(n int) *azurelog.Fragment {
		f := call(0)
		f.Correlation = azurelog.Correlation{byte(n), byte(n >> 8), 1}
		f.ObjectID = fmt.Sprint("principal ", n)
		return f
	}
	clock := 20_700 * detectors.Day
	for n := range many {
		fold.Take(of(n), clock)
	}
	var all Batch
	if err := fold.w.save(&all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all.States {
		if s.Key.Chunk > 0 && len(s.Data) > 200<<10 {
			t.Errorf("chunk %d has %d bytes", s.Key.Chunk, len(s.Data))
		}
	}
	if n := len(all.States); n < many/chunkMost || n > 4*many/chunkMost {
		t.Errorf("%d chunks for %d principals", n, many)
	}
	if err := fold.w.Store.Commit(t.Context(), &all); err != nil {
		t.Fatal(err)
	}

	// Another process takes over, and one principal calls.
	next := newFold(t, counter(1, &seen))
	next.w.Store, next.w.kept = fold.w.Store, fold.w.kept
	again := of(77)
	again.Correlation[3] = 1
	next.Take(again, clock)
	if last := seen[len(seen)-1]; last != 2 || next.Tally().Principals != 0 {
		t.Errorf("a known principal's call is its %dth, %d principals are new; want the second, and none", last, next.Tally().Principals)
	}
	loaded := 0
	for _, c := range next.w.resources["r"].chunks {
		if c != nil {
			loaded++
		}
	}
	if loaded > 2 {
		t.Errorf("%d chunks are loaded for one call", loaded)
	}
	var one Batch
	if err := next.w.save(&one); err != nil || len(one.States) > 2 {
		t.Errorf("a call changes %d chunks, %v; want 2 at most", len(one.States), err)
	}
	next.w.Memory = 1
	one.Log.Commits = 1
	if err := next.w.Store.Commit(t.Context(), &one); err != nil {
		t.Fatal(err)
	}
	if next.w.evict(); len(next.w.resources) != 0 || next.w.size != 0 {
		t.Errorf("%d resources of %d bytes are in memory after all was evicted", len(next.w.resources), next.w.size)
	}
}
