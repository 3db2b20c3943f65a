package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/keywarden/keywarden/detectors"
)

// Recorder keeps the progress of the functions of one process, and saves what
// changed now and then: a function records each success, and saves in its own
// invocations. A record is not worth failing an invocation for: whoever calls
// Save logs its error and goes on.
type Recorder struct {
	store ProgressStore
	mu    sync.Mutex // for kept
	kept  map[ProgressKey]*recorded
}

// recorded is the progress under one key.
type recorded struct {
	mu      sync.Mutex
	known   bool     // it was read from the store
	now     Progress // with all steps
	pending []Step   // that are not saved
	saved   detectors.Time
	hour    detectors.Time // of resources that were saved
}

// How often progress is saved.
const (
	recordEvery    = 30 * detectors.Second
	pendingMost    = 500 // older ones are not counted again where somebody else saves in between
	recordAttempts = 3
)

// NewRecorder makes a Recorder, or says what is missing.
func NewRecorder(store ProgressStore) (*Recorder, error) {
	if store == nil {
		return nil, errors.New("engine: recorder without a store: pass a cosmos.Client or a sqlite.Store")
	}
	return &Recorder{store: store, kept: map[ProgressKey]*recorded{}}, nil
}

// Record counts a step, and saves if that was last done some time ago or the
// step has a gap. Its error is the store's: the step is counted all the same
// and saved the next time.
func (r *Recorder) Record(ctx context.Context, key ProgressKey, s Step) error {
	k := r.of(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now.ProgressKey = key
	k.now.Add(&s)
	k.pending = append(k.pending, s)
	k.pending = k.pending[max(0, len(k.pending)-pendingMost):]
	if s.At-k.saved < recordEvery && len(s.Gaps) == 0 {
		return nil
	}
	k.saved = s.At
	return r.save(ctx, k)
}

// stored is the progress under a key as it is saved, by whomever.
func (r *Recorder) stored(ctx context.Context, key ProgressKey) (Progress, error) {
	saved, err := r.store.Progress(ctx, key)
	if err != nil {
		return Progress{}, fmt.Errorf("engine: progress of %s: %w", key, err)
	}
	return saved, nil
}

// Watch records the resources that a usage partition has in memory. It saves
// them once an hour, so it may be called often.
func (r *Recorder) Watch(ctx context.Context, key ProgressKey, at detectors.Time, met func() map[string]Watched) error {
	key.Function = WatchFunction
	k := r.of(key)
	k.mu.Lock()
	defer k.mu.Unlock()
	hour := at / detectors.Hour
	if hour == k.hour {
		return nil
	}
	s := Step{At: at, Resources: met()}
	k.now.ProgressKey = key
	k.now.Add(&s)
	k.pending = []Step{s}
	if err := r.save(ctx, k); err != nil {
		return err
	}
	k.hour = hour
	return nil
}

// Flush saves all that is not saved: before a process ends in order.
func (r *Recorder) Flush(ctx context.Context) error {
	r.mu.Lock()
	var all []*recorded
	for _, k := range r.kept {
		all = append(all, k)
	}
	r.mu.Unlock()
	var errs []error
	for _, k := range all {
		k.mu.Lock()
		errs = append(errs, r.save(ctx, k))
		k.mu.Unlock()
	}
	return errors.Join(errs...)
}

func (r *Recorder) of(key ProgressKey) *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kept[key]
	if k == nil {
		k = &recorded{}
		r.kept[key] = k
	}
	return k
}

// save writes what is pending on top of what is stored.
func (r *Recorder) save(ctx context.Context, k *recorded) error {
	if len(k.pending) == 0 {
		return nil
	}
	key := k.now.ProgressKey
	for range recordAttempts {
		if !k.known {
			stored, err := r.store.Progress(ctx, key)
			if err != nil {
				return fmt.Errorf("engine: progress of %s: %w", key, err)
			}
			for i := range k.pending {
				stored.Add(&k.pending[i])
			}
			k.now, k.known = stored, true
		}
		err := r.store.SaveProgress(ctx, &k.now)
		if err == nil {
			k.pending = nil
			return nil
		}
		if !errors.Is(err, ErrStale) {
			return fmt.Errorf("engine: save progress of %s: %w", key, err)
		}
		k.known = false
	}
	return nil // others save all the time: there will be another step
}

// String is the key for messages.
func (k ProgressKey) String() string {
	if k.Hub == "" {
		return k.Function
	}
	return fmt.Sprintf("%s on partition %s of %s", k.Function, k.Partition, k.Hub)
}
