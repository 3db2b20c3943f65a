package broker

import (
	"errors"
	"sort"
	"sync"
	"time"
)

// Message is what is sent: an event without its place in a partition.
type Message struct {
	Annotations []byte // entries of the message's annotations, encoded
	Count       int    // of the entries
	Body        []byte // the rest of the message, encoded
}

// Event is a message with its place in a partition.
type Event struct {
	Message
	Sequence int64
	Offset   int64 // the event's first byte, counted over the life of the partition
	Enqueued int64 // milliseconds since 1970, UTC
}

// overhead is the bytes that an event costs besides its content.
const overhead = 96

func (e *Event) size() int64 { return int64(len(e.Annotations)+len(e.Body)) + overhead }

// Properties are what is known of a partition.
type Properties struct {
	Begin        int64 // sequence number of the first event that is kept, or that will be
	Last         int64 // sequence number of the last event ever sent; -1 before the first
	LastOffset   int64 // its offset; -1 before the first
	LastEnqueued time.Time
	Empty        bool
}

// chunkSize is how many events are kept, and forgotten, together in memory.
const chunkSize = 1024

// ErrClosed is what a partition answers whose hub is gone.
var ErrClosed = errors.New("the hub was deleted or closed")

// Partition is an ordered log of events.
type Partition struct {
	retention time.Duration
	maxBytes  int64
	now       func() time.Time

	mu       sync.Mutex
	chunks   [][]Event
	first    int64 // sequence number of the first event of the first chunk
	begin    int64 // sequence number of the first event that is kept
	next     int64 // sequence number of the next event
	offset   int64 // offset of the next event
	last     Event // the last event without its content
	bytes    int64
	log      *segments // nil without a folder
	closed   bool
	watchers map[chan<- struct{}]int
}

func newPartition(spec Spec, now func() time.Time) *Partition {
	return &Partition{
		retention: spec.Retention, maxBytes: spec.MaxBytes, now: now,
		last:     Event{Sequence: -1, Offset: -1},
		watchers: map[chan<- struct{}]int{},
	}
}

// Append adds messages, all or none, and returns the place of the first. It
// keeps the messages' memory.
func (p *Partition) Append(messages []Message) (Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return Event{}, ErrClosed
	}
	enqueued := max(p.now().UnixMilli(), p.last.Enqueued) // a clock set back does not disorder the log
	events := make([]Event, len(messages))
	offset := p.offset
	for i, message := range messages {
		events[i] = Event{Message: message, Sequence: p.next + int64(i), Offset: offset, Enqueued: enqueued}
		offset += events[i].size()
	}
	if p.log != nil {
		if err := p.log.append(events); err != nil {
			return Event{}, err
		}
	}
	for _, event := range events {
		p.add(event)
	}
	p.trim()
	for watcher := range p.watchers {
		select {
		case watcher <- struct{}{}:
		default: // it has been told and has not looked yet
		}
	}
	if len(events) == 0 {
		return Event{}, nil
	}
	return events[0], nil
}

// add adds an event that is already in the log.
func (p *Partition) add(event Event) {
	if n := len(p.chunks); n == 0 || len(p.chunks[n-1]) == chunkSize {
		p.chunks = append(p.chunks, make([]Event, 0, chunkSize))
	}
	if len(p.chunks) == 1 && len(p.chunks[0]) == 0 {
		p.first, p.begin = event.Sequence, max(p.begin, event.Sequence)
	}
	n := len(p.chunks) - 1
	p.chunks[n] = append(p.chunks[n], event)
	p.bytes += event.size()
	p.next, p.offset = event.Sequence+1, event.Offset+event.size()
	p.last = Event{Sequence: event.Sequence, Offset: event.Offset, Enqueued: event.Enqueued}
}

// at is the event of a sequence number from begin to next-1.
func (p *Partition) at(sequence int64) *Event {
	i := sequence - p.first
	return &p.chunks[i/chunkSize][i%chunkSize]
}

// trim forgets what is older than the retention, or more than the partition
// may hold.
func (p *Partition) trim() {
	oldest := p.now().Add(-p.retention).UnixMilli()
	for p.begin < p.next {
		event := p.at(p.begin)
		if event.Enqueued >= oldest && p.bytes <= p.maxBytes {
			break
		}
		p.bytes -= event.size()
		event.Message = Message{}
		p.begin++
		if p.begin-p.first == chunkSize {
			p.chunks[0] = nil
			p.chunks = p.chunks[1:]
			p.first = p.begin
		}
	}
	if p.begin == p.next {
		p.chunks, p.first = nil, p.next
	}
	if p.log != nil {
		p.log.trim(p.begin)
	}
}

// Read is events from a sequence number on, or from the first that is kept, of
// at least one and otherwise at most limit bytes; none where there are none
// yet. After a deletion it is ErrClosed.
func (p *Partition) Read(from, limit int64) ([]Event, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, ErrClosed
	}
	p.trim()
	from = max(from, p.begin)
	var events []Event
	for size := int64(0); from < p.next && len(events) < chunkSize; from++ {
		event := p.at(from)
		if size += event.size(); len(events) > 0 && size > limit {
			break
		}
		events = append(events, *event)
	}
	return events, nil
}

// Properties are the partition's now.
func (p *Partition) Properties() Properties {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trim()
	properties := Properties{Begin: p.begin, Last: p.last.Sequence, LastOffset: p.last.Offset, Empty: p.begin == p.next}
	if p.last.Sequence >= 0 {
		properties.LastEnqueued = time.UnixMilli(p.last.Enqueued).UTC()
	}
	return properties
}

// Next is the sequence number of the event that will be sent next.
func (p *Partition) Next() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next
}

// AtOffset is the sequence number of the first event at an offset or, where
// inclusive is false, after it.
func (p *Partition) AtOffset(offset int64, inclusive bool) int64 {
	return p.search(func(e *Event) bool { return e.Offset > offset || inclusive && e.Offset == offset })
}

// AtTime is the sequence number of the first event that was enqueued at a time
// in milliseconds or, where inclusive is false, later.
func (p *Partition) AtTime(enqueued int64, inclusive bool) int64 {
	return p.search(func(e *Event) bool { return e.Enqueued > enqueued || inclusive && e.Enqueued == enqueued })
}

// search is the sequence number of the first event for which found, false and
// then true over the log, is true; that of the next event where it never is.
func (p *Partition) search(found func(*Event) bool) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trim()
	return p.begin + int64(sort.Search(int(p.next-p.begin), func(i int) bool { return found(p.at(p.begin + int64(i))) }))
}

// Watch has the channel told of each append, without waiting, until Unwatch
// was called as often.
func (p *Partition) Watch(c chan<- struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers[c]++
}

// Unwatch ends Watch.
func (p *Partition) Unwatch(c chan<- struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watchers[c]--; p.watchers[c] <= 0 {
		delete(p.watchers, c)
	}
}

func (p *Partition) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.chunks, p.bytes, p.begin, p.first = nil, 0, p.next, p.next
	if p.log == nil {
		return nil
	}
	return p.log.close()
}
