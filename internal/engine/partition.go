package engine

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// LogEvent is an event of a usage hub: one message of the usage log.
type LogEvent struct {
	Sequence int64 // in its partition; the next event has the next number
	Body     []byte
}

// LogReader reads a partition of a usage hub again.
type LogReader interface {
	// Read hands do the events from number from on and before number to, in
	// order. Where the first of them are no longer kept it begins with the
	// first that is. It returns the number that it began with (to, where none
	// is kept), and fails where it cannot get to the end.
	Read(ctx context.Context, log LogID, from, to int64, do func(LogEvent) error) (began int64, err error)
}

// PartitionConfig is what a Partition is made of. Log, Ledger and Reader are required.
type PartitionConfig struct {
	Log    LogID
	Ledger Ledger
	Reader LogReader
	Flush  time.Duration // how old a change may become before it is saved; 2 minutes where 0

	Letters *Letters // keeps messages that cannot be read; nil where nobody looks at them

	// Publisher is where sightings go, to one of so many Partitions of the log,
	// and stays of premises, to all. Nil: nowhere, for the log holds them already.
	// They are published before what they follow from is saved: whoever judges it
	// again publishes the same again.
	Publisher  Publisher
	Partitions int
}

// Partition judges the log of one partition of a usage hub: its state is the
// fold of that log, whoever owned it before. What it remembers is lost with
// the process; then heads and log give it again.
//
//	take      events in order; incidents durable before it returns   partition.go, ahead.go
//	recover   heads from the ledger, the rest of the log again       recover.go
//	save      behind, in chunks and then heads, then the checkpoint  flush.go, pending.go
type Partition struct {
	engine *Engine
	PartitionConfig

	mu      sync.Mutex
	w       *worker // nil where nothing is in memory
	reader  usagelog.Reader
	m       usagelog.Message
	saved   Checkpoint                // as read or saved last
	checked time.Time                 // when it was saved
	next    int64                     // number of the first event that is not folded in
	here    Mark                      // at next, without its number
	reached map[usagelog.Source]Reach // by the records of all resources
	marks   []Mark                    // where a later recovery may begin, ascending
	pending pending                   // chunks that no head may name
	wall    time.Time                 // of the call that is served
	unread  []SetAside                // messages of it that cannot be read
	ahead   readAhead                 // of the message that is judged
	status  PartitionStatus
}

// PartitionStatus is what is known of a partition since its process began.
type PartitionStatus struct {
	Tally
	Next       int64          // number of the first event that is not folded in
	Clock      detectors.Time // of the log
	Arrived    detectors.Time // of the latest message
	Again      int64          // entries that had been taken in before
	Gaps       []Gap
	Poison     int64      // messages that are none of the usage log's, set aside
	Unkept     int64      // of them, those that no dead letter is kept of
	Unreadable []SetAside // the first maxWorst of them
	Recoveries int
	Reread     int64 // events that were read again
	Resources  int   // in memory
	Unsaved    int   // of them
	Bytes      int64 // that they take in memory, roughly
}

// Gap is a part of a log that nobody can read any more: what was in it was not judged.
type Gap struct {
	Log      LogID `json:"log"`
	From, To int64 // the first number that is missing, and the first that is there again
}

// Partition returns the judge of a partition's log. Of the engine's config it
// needs no Store.
func (e *Engine) Partition(c PartitionConfig) (*Partition, error) {
	switch {
	case c.Ledger == nil:
		return nil, errors.New("engine: partition without a ledger: pass a cosmos.Ledger or engine.NewInMemory()")
	case c.Reader == nil:
		return nil, errors.New("engine: partition without a reader of its log: pass an eventhub.Reader")
	case c.Publisher != nil && c.Partitions < 1:
		return nil, fmt.Errorf("engine: sightings to a usage hub of %d partitions: it has one at least", c.Partitions)
	case c.Flush < 0:
		return nil, fmt.Errorf("engine: flush every %v: it may not be negative", c.Flush)
	}
	if c.Flush == 0 {
		c.Flush = 2 * time.Minute
	}
	return &Partition{engine: e, PartitionConfig: c, pending: pending{}}, nil
}

// startOvers is how often Take begins anew where another owner saves at the same time.
const startOvers = 3

// Take folds events in, in order; those that were folded in before are passed
// over, and where some between them are gone from the log, that is a gap. When it returns without an error the
// incidents are durable, and all else is either saved or comes again from the
// log. After an error the same events may be given again, to any owner. now is
// the time of this machine: it decides when to save and nothing else.
func (p *Partition) Take(ctx context.Context, now time.Time, events []LogEvent) error {
	if len(events) == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wall = now
	var err error
	for range startOvers {
		if err = p.take(ctx, events); err == nil {
			return nil
		}
		p.forget()
		if !errors.Is(err, ErrStale) || ctx.Err() != nil {
			return err
		}
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	return err
}

func (p *Partition) take(ctx context.Context, events []LogEvent) error {
	if p.w == nil || events[0].Sequence > p.next {
		if err := p.recover(ctx, events[0].Sequence); err != nil {
			return err
		}
	}
	p.w.ctx, p.w.wall = ctx, p.wall
	for _, e := range events {
		switch {
		case e.Sequence < p.next:
			continue
		case e.Sequence > p.next:
			if err := p.cross(ctx, e.Sequence); err != nil {
				return err
			}
		}
		if err := p.fold(e); err != nil {
			return err
		}
	}
	if err := p.tell(ctx); err != nil {
		return err
	}
	if err := p.announce(ctx); err != nil {
		return err
	}
	if err := p.setAside(ctx); err != nil {
		return err
	}
	return p.flush(ctx, false)
}

// Save saves all that has changed, whatever its age: before an owner ends in
// order, so that the next one has nothing to read again.
func (p *Partition) Save(ctx context.Context, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return nil
	}
	p.wall, p.w.ctx = now, ctx
	if err := p.flush(ctx, true); err != nil {
		p.forget()
		return err
	}
	return nil
}

// Status is what the partition has done so far.
func (p *Partition) Status() PartitionStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status
	s.Gaps, s.Unreadable = slices.Clone(s.Gaps), slices.Clone(s.Unreadable)
	s.Next, s.Clock, s.Arrived = p.next, p.here.Pace.Now, p.here.Arrived
	if p.w != nil {
		s.add(&p.w.tally)
		s.Resources, s.Bytes = len(p.w.resources), p.w.size
		for _, r := range p.w.resources {
			if r.place.dirty {
				s.Unsaved++
			}
		}
	}
	return s
}

// forget drops what is in memory: the next Take recovers.
func (p *Partition) forget() {
	if p.w != nil {
		p.status.add(&p.w.tally)
	}
	p.w, p.marks, p.unread = nil, nil, nil
}

// fold takes one event in.
func (p *Partition) fold(e LogEvent) error {
	err := p.reader.Read(e.Body, &p.m)
	switch {
	case errors.Is(err, usagelog.ErrVersion):
		return fmt.Errorf("engine: event %d of %v: %w", e.Sequence, p.Log, err)
	case err != nil:
		if e.Sequence >= p.saved.Next { // else it was set aside before
			p.unread = append(p.unread, SetAside{fmt.Sprintf("%v, event %d", p.Log, e.Sequence), e.Sequence,
				azurelog.Poison{Length: int64(len(e.Body)), SHA256: sha256.Sum256(e.Body), Err: err}})
		}
	default:
		p.mark(e.Sequence)
		p.w.sequence = e.Sequence
		p.judge()
	}
	p.next = e.Sequence + 1
	return p.w.err
}

// setAside keeps the messages that could not be read.
func (p *Partition) setAside(ctx context.Context) error {
	if p.Letters != nil {
		unkept, err := p.Letters.Keep(ctx, p.Log.source(), detectors.TimeOf(p.wall), p.unread)
		if err != nil {
			return err
		}
		p.status.Unkept += int64(unkept)
	}
	p.status.Poison += int64(len(p.unread))
	p.status.Unreadable = append(p.status.Unreadable, p.unread[:min(len(p.unread), maxWorst-len(p.status.Unreadable))]...)
	p.unread = nil
	return nil
}

// judge takes in the message that was read.
func (p *Partition) judge() {
	m := &p.m
	switch m.Kind {
	case usagelog.Tick:
		p.tick(m.Arrived, m.Heard)
	case usagelog.Command:
		p.obey(m.Command)
	case usagelog.Sightings:
		p.lookAhead(p.w.ctx)
		for i := range m.Sightings {
			p.see(&m.Sightings[i])
		}
		p.ahead = readAhead{}
	case usagelog.Premises:
		p.w.rules = p.w.rules.housed(m.Stays)
	case usagelog.Fragments:
		p.here.Arrived = max(p.here.Arrived, m.Arrived)
		p.lookAhead(p.w.ctx)
		for i := range m.Entries {
			p.entry(m.Source, &m.Entries[i])
		}
		p.ahead = readAhead{} // heads may be written from now on
	}
}

// tick lets time pass: the log's clock goes on at the pace of the hub's, and its
// pulse by what was heard of any resource, in whatever partition.
func (p *Partition) tick(now, heard detectors.Time) {
	passed := now - p.here.Arrived
	if p.here.Arrived == 0 || p.here.Pace.Now == 0 {
		passed = 0
	}
	p.here.Arrived = max(p.here.Arrived, now)
	p.here.Pace.Now += max(passed, 0)
	p.here.Pace.hear(heard)
	p.w.tick(p.here.Pace.Now, p.here.Pace.Pulse)
}

// obey takes in what an analyst said.
func (p *Partition) obey(c *detectors.Command) {
	if c.Verdict == nil {
		p.w.rules = p.w.rules.With(c)
		return
	}
	if c.Verdict.Principal.Kind == detectors.Operator { // what it touched learns nothing from that
		return
	}
	r := p.w.resource(c.Verdict.Principal.Resource)
	if p.w.err != nil {
		return
	}
	if !r.assembling() {
		r.decide(c.Verdict, p.here.Pace.Now)
	}
}

// entry takes one fragment in, unless it was before.
func (p *Partition) entry(from usagelog.Source, e *usagelog.Entry) {
	f := &e.Fragment
	r := p.w.resource(f.Resource)
	if p.w.err != nil {
		return
	}
	p.w.now, p.w.pulse = p.here.Pace.Now, p.here.Pace.Pulse
	r.tick(p.here.Pace.Now)
	if !pass(p.reached, from, e.Sequence, f.Ordinal) || p.w.sequence > r.place.included && !pass(r.place.reached, from, e.Sequence, f.Ordinal) {
		p.status.Again++
		return
	}
	p.here.Pace.catchUp(f.Logged)
	p.here.Pace.step(f.Logged)
	p.w.now = p.here.Pace.Now
	p.w.rules = p.w.rules.begun(p.here.Pace.of(f))
	// A resource may fall quiet while a row waits there: what is read again on a
	// recovery does not reach back as far as its next event. The row is judged at
	// the first event at or after its time, whoever reads the log from wherever.
	p.w.wake(p.here.Pace.Now)
	locate(f, p.engine.Locate)
	at := p.here.Pace.of(f)
	p.here.Latest = max(p.here.Latest, at)
	r.take(f, at)
}

// see takes a sighting in.
func (p *Partition) see(s *detectors.Sighting) {
	r := p.w.resource(routeOf(s.From.Prefix))
	if p.w.err != nil {
		return
	}
	r.see(s, p.here.Pace.Now)
}

// announce makes incidents durable to which something was added.
func (p *Partition) announce(ctx context.Context) error {
	var changed []*incident.Incident
	for _, s := range p.w.alarmed {
		s.alarmed = false
		changed = append(changed, s.episode.Take()...)
	}
	p.w.alarmed = p.w.alarmed[:0]
	for _, r := range p.w.hands {
		changed = append(changed, r.takeJoint()...)
	}
	p.w.hands = p.w.hands[:0]
	return p.saveIncidents(ctx, changed)
}

func (p *Partition) revision() Revision { return Revision{p.Log.Created, p.next - 1} }
