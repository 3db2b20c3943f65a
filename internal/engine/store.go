package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// Store keeps what the engine must find again. Its readers may be called from
// several goroutines; Commit is not called beside another Commit.
type Store interface {
	// Log is the state of the log as of the last commit; the zero Log where there was none.
	Log(ctx context.Context) (Log, error)

	// State is what the last commit of that key held; nil where there was none.
	State(ctx context.Context, key Key) ([]byte, error)

	// Commit takes in a batch wholly or, on an error, not at all (after one that
	// is not ErrStale it may be unknown which: read the Log). A batch builds on
	// a Log; where another was committed since that was read, it is ErrStale.
	Commit(ctx context.Context, b *Batch) error

	// Incidents are all incidents, sorted as incident.Compare does.
	Incidents(ctx context.Context) ([]*incident.Incident, error)
}

// ErrStale says that another process has committed to the store meanwhile. What
// two remember apart must not be mixed.
var ErrStale = errors.New("another process has written to this store meanwhile: run one at a time, and this one again")

// Why a store that several processes share does not do what it is asked for
// now, though the same may be asked again. An adapter tries for a while first.
var (
	ErrThrottled   = errors.New("the store has no throughput left")
	ErrUnavailable = errors.New("the store cannot be reached, or fails")
)

// Log is how far the log was taken in.
type Log struct {
	Commits   int64               // how many there were; in a batch, how many there were before it
	Pace      Pace                // how far its clock has come
	Rules     Rules               // as commands have made them, with the premises
	Positions map[string]Position // by the source's identity

	// Waiting are the resources with rows that wait for their identity: time
	// must pass for them even when they are not heard of again.
	Waiting []string

	// Awaited are the resources whose silence would be noticed.
	Awaited map[string]detectors.Time
}

// Position is how far a source was taken in, by its identity.
type Position struct {
	Offset int64 // where the first record stands that was not taken in
	Done   bool  // the source was taken in to its end
}

// Key names a state: a part of what is known of a resource and its principals.
type Key struct {
	Resource string
	Chunk    int // from 0, which holds the resource's own state
}

// State is the bytes to keep under a key.
type State struct {
	Key  Key
	Data []byte
}

// Batch is what one commit changes.
type Batch struct {
	Log       Log // Positions holds those that changed
	States    []State
	Incidents []*incident.Incident // by their ID, each replaces the one before
}

// kept is where a worker finds again what was saved of a resource.
type kept interface {
	// restore sets r to what was saved of it, without its further chunks.
	restore(ctx context.Context, r *resource) error

	// chunk is the saved form of chunk i; nil where there is none.
	chunk(ctx context.Context, r *resource, i int) ([]byte, error)
}

// inStore is what commits to a Store have saved.
type inStore struct{ Store }

func (s inStore) restore(ctx context.Context, r *resource) error {
	data, err := s.State(ctx, Key{Resource: r.id})
	if err != nil || data == nil {
		return err
	}
	return r.restore(data)
}

func (s inStore) chunk(ctx context.Context, r *resource, i int) ([]byte, error) {
	return s.State(ctx, Key{r.id, i})
}

// Memory is a Store that lasts as long as the process.
type Memory struct {
	mu        sync.RWMutex
	log       Log
	states    map[Key][]byte
	incidents map[string]*incident.Incident
	progress  map[ProgressKey]Progress
	letters   map[string]DeadLetter // by their ids
	saved     int                   // versions of progress
}

var _ Store = (*Memory)(nil)

// NewMemory is an empty Memory.
func NewMemory() *Memory {
	return &Memory{
		log:       Log{Positions: map[string]Position{}},
		states:    map[Key][]byte{},
		incidents: map[string]*incident.Incident{},
		progress:  map[ProgressKey]Progress{},
		letters:   map[string]DeadLetter{},
	}
}

// Log implements Store.
func (m *Memory) Log(context.Context) (Log, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	log := m.log
	log.Positions = maps.Clone(log.Positions)
	return log, nil
}

// State implements Store.
func (m *Memory) State(_ context.Context, key Key) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.states[key], nil
}

// Commit implements Store.
func (m *Memory) Commit(ctx context.Context, b *Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if b.Log.Commits != m.log.Commits {
		return ErrStale
	}
	m.log.Commits, m.log.Pace, m.log.Rules = b.Log.Commits+1, b.Log.Pace, b.Log.Rules
	m.log.Waiting, m.log.Awaited = b.Log.Waiting, b.Log.Awaited
	maps.Copy(m.log.Positions, b.Log.Positions)
	for _, s := range b.States {
		m.states[s.Key] = s.Data
	}
	for _, i := range b.Incidents {
		m.incidents[i.ID] = i
	}
	return nil
}

// Incidents implements Store.
func (m *Memory) Incidents(context.Context) ([]*incident.Incident, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.SortedFunc(maps.Values(m.incidents), incident.Compare), nil
}
