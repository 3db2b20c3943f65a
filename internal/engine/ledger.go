package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Ledger is where partitions of a usage hub keep what must be found again when
// their memory is gone. No two of its documents are written at once, and none
// needs to be: a head is the commit of its resource, a checkpoint that of its
// partition. Its methods may be called from several goroutines.
type Ledger interface {
	// Partitions is how many partitions the usage hub of this ledger has. The
	// first call decides; another number is refused from then on (ErrPartitions).
	Partitions(ctx context.Context, n int) error

	// Checkpoint is what was saved last; one of the zero Log where there was none.
	Checkpoint(ctx context.Context, log LogID) (Checkpoint, error)

	// SaveCheckpoint replaces the checkpoint that was read or saved with this
	// ETag, and sets the new one. ErrStale where another owner was faster.
	SaveCheckpoint(ctx context.Context, c *Checkpoint) error

	// Head is the head of a resource; one without data where there is none.
	Head(ctx context.Context, resource string) (Head, error)

	// SaveHead replaces the head that was read or saved with this ETag, and
	// sets the new one. ErrStale where another owner was faster.
	SaveHead(ctx context.Context, h *Head) error

	// Chunk is what was saved under the key. ErrStale where nothing is: then a
	// later head stands, and its owner has dropped the chunks of this one.
	Chunk(ctx context.Context, key ChunkKey) ([]byte, error)

	// SaveChunk saves a chunk. Whoever saves one of the same key saves the same bytes.
	SaveChunk(ctx context.Context, key ChunkKey, data []byte) error

	// DropChunks forgets chunks that no head names any more.
	DropChunks(ctx context.Context, keys []ChunkKey) error

	// SaveIncident keeps i, unless what is kept of it has the same or a later revision.
	SaveIncident(ctx context.Context, i *incident.Incident, r Revision) error
}

// LogID names the log of one partition of a usage hub. A hub that was deleted
// and made again has other logs: Created differs.
type LogID struct {
	Hub       string         `json:"hub"`       // "NAMESPACE/NAME"
	Created   detectors.Time `json:"created"`   // when the hub was made
	Partition string         `json:"partition"` // its id
}

// String is the log for messages.
func (l LogID) String() string {
	return fmt.Sprintf("partition %s of %s (made %v)", l.Partition, l.Hub, l.Created)
}

// source is the log as the source of what is set aside of it.
func (l LogID) source() usagelog.Source {
	return usagelog.Source{Hub: l.Hub + "/" + l.Created.String(), Partition: l.Partition}
}

// Revision orders what was written of one document: by the incarnation of the
// usage hub, then by the sequence number of the event that it is the state after.
type Revision struct {
	Created  detectors.Time `json:"created"`
	Sequence int64          `json:"sequence"`
}

// After reports whether r is later than o.
func (r Revision) After(o Revision) bool {
	return r.Created > o.Created || r.Created == o.Created && r.Sequence > o.Sequence
}

// Checkpoint is how far a partition's log is in the heads, and from where it
// is read again when the memory is gone.
type Checkpoint struct {
	Log  LogID  `json:"log"`
	Next int64  `json:"next"` // all before it is in the heads of its resources
	From Mark   `json:"from"` // where to begin to read
	ETag string `json:"-"`    // of the saved form; "" where there is none

	Pending []Pending `json:"pending,omitempty"` // chunks that are being written or dropped
}

// Pending are chunks of a resource that its head may name or not, because
// whoever wrote or dropped them may have been killed before it was done.
type Pending struct {
	Resource string     `json:"resource"`
	Chunks   [][2]int64 `json:"chunks"` // index and generation
}

// Mark is what the whole partition knows before the event with its sequence number.
type Mark struct {
	Sequence int64          `json:"sequence"`
	Pace     Pace           `json:"pace"`
	Latest   detectors.Time `json:"latest,omitzero"` // that a record was taken in at: it may be ahead of the clock
	Arrived  detectors.Time `json:"arrived"`         // of the latest message: the clock of the hub
	Reached  []Reach        `json:"reached"`         // by the records of all resources
	Rules    Rules          `json:"rules"`

	// Awaited are the resources whose silence would be noticed.
	Awaited map[string]detectors.Time `json:"awaited,omitempty"`
}

// Head is the committed state of a resource: all that its part of the log up to
// Revision has made of it, but for the joins, which the log gives again.
type Head struct {
	Resource string   `json:"resource"`
	Revision Revision `json:"revision"` // of the last event that it includes
	Reached  []Reach  `json:"reached"`  // by the records of this resource: they count where the log's own are gone
	Chunks   []int64  `json:"chunks"`   // by index the generation of each further chunk; 0 where it is empty
	Data     []byte   `json:"data"`     // the first chunk; nil where there is no head
	ETag     string   `json:"-"`        // of the saved form; "" where there is none
}

// Reach is the last position of a source of which records were taken in: what
// comes at it or before it was delivered again.
type Reach struct {
	Source   usagelog.Source `json:"source"`
	Sequence int64           `json:"sequence"`
	Ordinal  int             `json:"ordinal"`
}

// ChunkKey names a saved chunk. The same resource, index and generation have the same bytes.
type ChunkKey struct {
	Resource   string
	Index      int
	Generation int64
}

// ErrPartitions says that a usage hub has another number of partitions than the state was made for.
var ErrPartitions = errors.New("the usage hub has another number of partitions than the kept state was made for: " +
	"keep the number, or begin with an empty database and seed it")

// InMemory is a Ledger that lasts as long as the process.
type InMemory struct {
	mu          sync.Mutex
	partitions  int
	checkpoints map[LogID]Checkpoint
	heads       map[string]Head
	chunks      map[ChunkKey][]byte
	incidents   map[string]revised
	saved       int // etags given out
}

type revised struct {
	*incident.Incident
	revision Revision
}

var _ Ledger = (*InMemory)(nil)

// NewInMemory is an empty InMemory.
func NewInMemory() *InMemory {
	return &InMemory{
		checkpoints: map[LogID]Checkpoint{},
		heads:       map[string]Head{},
		chunks:      map[ChunkKey][]byte{},
		incidents:   map[string]revised{},
	}
}

// Partitions implements Ledger.
func (l *InMemory) Partitions(_ context.Context, n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.partitions == 0 {
		l.partitions = n
	}
	if l.partitions != n {
		return fmt.Errorf("%w: it has %d, and had %d", ErrPartitions, n, l.partitions)
	}
	return nil
}

// Checkpoint implements Ledger.
func (l *InMemory) Checkpoint(_ context.Context, log LogID) (Checkpoint, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.checkpoints[log]
	c.Log = log
	return c, nil
}

// SaveCheckpoint implements Ledger.
func (l *InMemory) SaveCheckpoint(_ context.Context, c *Checkpoint) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.checkpoints[c.Log].ETag != c.ETag {
		return ErrStale
	}
	c.ETag = l.etag()
	l.checkpoints[c.Log] = *c
	return nil
}

// etag is one that was never given out.
func (l *InMemory) etag() string {
	l.saved++
	return fmt.Sprint(l.saved)
}

// Head implements Ledger.
func (l *InMemory) Head(_ context.Context, resource string) (Head, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.heads[resource]
	h.Resource = resource
	h.Reached, h.Chunks = slices.Clone(h.Reached), slices.Clone(h.Chunks)
	return h, nil
}

// SaveHead implements Ledger.
func (l *InMemory) SaveHead(_ context.Context, h *Head) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heads[h.Resource].ETag != h.ETag {
		return ErrStale
	}
	h.ETag = l.etag()
	kept := *h
	kept.Reached, kept.Chunks = slices.Clone(h.Reached), slices.Clone(h.Chunks)
	l.heads[h.Resource] = kept
	return nil
}

// Chunk implements Ledger.
func (l *InMemory) Chunk(_ context.Context, key ChunkKey) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, there := l.chunks[key]
	if !there {
		return nil, ErrStale
	}
	return data, nil
}

// SaveChunk implements Ledger.
func (l *InMemory) SaveChunk(_ context.Context, key ChunkKey, data []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chunks[key] = data
	return nil
}

// DropChunks implements Ledger.
func (l *InMemory) DropChunks(_ context.Context, keys []ChunkKey) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		delete(l.chunks, key)
	}
	return nil
}

// SaveIncident implements Ledger.
func (l *InMemory) SaveIncident(_ context.Context, i *incident.Incident, r Revision) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if kept, there := l.incidents[i.ID]; !there || r.After(kept.revision) {
		l.incidents[i.ID] = revised{i, r}
	}
	return nil
}

// Incidents are all incidents, sorted as incident.Compare does.
func (l *InMemory) Incidents(context.Context) ([]*incident.Incident, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []*incident.Incident
	for _, i := range l.incidents {
		all = append(all, i.Incident)
	}
	slices.SortFunc(all, incident.Compare)
	return all, nil
}
