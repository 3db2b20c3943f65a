package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

// failing is a store of progress that fails while it is told to, and counts.
type failing struct {
	engine.ProgressStore
	err   error
	saves int
}

func (f *failing) SaveProgress(ctx context.Context, p *engine.Progress) error {
	f.saves++
	if f.err != nil {
		return f.err
	}
	return f.ProgressStore.SaveProgress(ctx, p)
}

func TestNewRecorder_refuses(t *testing.T) {
	if _, err := engine.NewRecorder(nil); err == nil {
		t.Error("no error without a store")
	}
}

func TestRecorder_saves_now_and_then(t *testing.T) {
	store := &failing{ProgressStore: engine.NewMemory()}
	r, err := engine.NewRecorder(store)
	if err != nil {
		t.Fatal(err)
	}
	key := keyOf("usage", "0")
	record := func(at detectors.Time, gaps ...engine.Gap) {
		t.Helper()
		if err := r.Record(t.Context(), key, engine.Step{At: at, Calls: 1, Gaps: gaps}); err != nil {
			t.Fatal(err)
		}
	}
	for n := range detectors.Time(60) {
		record(checkedAt + n*detectors.Second)
	}
	if store.saves != 2 {
		t.Errorf("saved %d times in a minute, want twice", store.saves)
	}
	record(checkedAt+61*detectors.Second, engine.Gap{From: 1, To: 2})
	if store.saves != 3 {
		t.Errorf("saved %d times, want a gap saved at once", store.saves)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if store.saves != 3 {
		t.Errorf("saved %d times, want nothing saved that is", store.saves)
	}
}

// What a store does not take is not lost: the next save has it.
func TestRecorder_goes_on_after_a_failure(t *testing.T) {
	store := &failing{ProgressStore: engine.NewMemory(), err: errors.New("it is down")}
	r, err := engine.NewRecorder(store)
	if err != nil {
		t.Fatal(err)
	}
	key := keyOf("usage", "0")
	if err := r.Record(t.Context(), key, engine.Step{At: checkedAt, Calls: 1}); !errors.Is(err, store.err) {
		t.Errorf("error %v, want the store's", err)
	}
	store.err = engine.ErrStale
	if err := r.Record(t.Context(), key, engine.Step{At: checkedAt + detectors.Minute, Calls: 1}); err != nil {
		t.Errorf("error %v: that others are faster is none", err)
	}
	store.err = nil
	if err := r.Record(t.Context(), key, engine.Step{At: checkedAt + 2*detectors.Minute, Calls: 1}); err != nil {
		t.Fatal(err)
	}
	p, err := store.Progress(t.Context(), key)
	if err != nil || p.Total.Calls != 3 {
		t.Errorf("%d calls, error %v; want 3", p.Total.Calls, err)
	}
}
