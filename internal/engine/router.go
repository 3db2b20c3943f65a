package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Publisher sends messages to the partitions of a usage hub.
type Publisher interface {
	// Publish returns when the hub has accepted the message. A failure that can
	// pass is retried until the context ends. ErrTooLarge where the hub takes
	// smaller messages only.
	Publish(ctx context.Context, partition int, message []byte) error
}

// ErrTooLarge says that a hub takes no message of that size.
var ErrTooLarge = errors.New("the message is larger than the hub takes")

// RouterConfig is what a Router is made of. All but MessageBytes are required.
type RouterConfig struct {
	Publisher    Publisher
	Partitions   int // of the usage hub
	MessageBytes int // the most that a message may have, as far as the hub takes so much; 1,000,000 where 0
}

// Router takes in the events of diagnostics hubs and sends what they say to the
// usage hub: of each resource to its own partition, in the order of the
// source. It remembers nothing but how much the hub takes, and may be used by
// several goroutines; events of one source partition are to be taken one batch
// after the other.
type Router struct {
	RouterConfig
	most     atomic.Int64 // that a message may have; less where the hub took no more
	decoders sync.Pool    // of *azurelog.Decoder
}

// NewRouter makes a Router, or says what is missing.
func NewRouter(c RouterConfig) (*Router, error) {
	switch {
	case c.Publisher == nil:
		return nil, errors.New("engine: router without a publisher: pass an eventhub.Publisher")
	case c.Partitions < 1:
		return nil, fmt.Errorf("engine: a usage hub of %d partitions: it has one at least", c.Partitions)
	case c.MessageBytes < 0:
		return nil, fmt.Errorf("engine: messages of %d bytes at most: it may not be negative", c.MessageBytes)
	}
	if c.MessageBytes == 0 {
		c.MessageBytes = 1_000_000
	}
	r := &Router{RouterConfig: c, decoders: sync.Pool{New: func() any { return azurelog.NewDecoder() }}}
	r.most.Store(int64(c.MessageBytes))
	return r, nil
}

// Routed is what became of events.
type Routed struct {
	Records int            // sent
	Bytes   int            // of the messages
	Logged  detectors.Time // the latest time that a record was logged at; 0 where there was none
	Poison  []SetAside     // records set aside
	Counts  azurelog.Counts
}

// Take decodes events of one partition of a diagnostics hub and sends them on.
// When it returns without an error all is accepted. After an error some may be:
// the same events are to be given again, before later ones of their source.
func (r *Router) Take(ctx context.Context, source usagelog.Source, events []HubEvent) (Routed, error) {
	return r.fitting(func(most int) (Routed, error) { return r.take(ctx, source, events, every, most) })
}

// every stands for all records of an event.
const every = -1

// Again sends one record of an event on that was set aside before, as a record
// of another source: what was read of its own is past it.
func (r *Router) Again(ctx context.Context, source usagelog.Source, event HubEvent, ordinal int) (Routed, error) {
	return r.fitting(func(most int) (Routed, error) {
		return r.take(ctx, source, []HubEvent{event}, ordinal, most)
	})
}

// AgainMessage sends the records of a message of the usage hub on that was set
// aside before, as an event of another source: its own is past them. It is an
// error where the message still cannot be read, or has no records.
func (r *Router) AgainMessage(ctx context.Context, source usagelog.Source, sequence int64, message []byte) (Routed, error) {
	var m usagelog.Message
	if err := new(usagelog.Reader).Read(message, &m); err != nil {
		return Routed{}, fmt.Errorf("engine: it still cannot be read: %w", err)
	}
	if len(m.Entries) == 0 {
		return Routed{}, errors.New("engine: the message has no records")
	}
	return r.fitting(func(most int) (Routed, error) { return r.takeMessage(ctx, source, sequence, &m, most) })
}

// messageLeast is what every hub takes: a few records.
const messageLeast = 8_000

// fitting sends all again in smaller messages where the hub takes none so large:
// what was accepted before is passed over by whoever reads it.
func (r *Router) fitting(send func(most int) (Routed, error)) (Routed, error) {
	for {
		most := r.most.Load()
		done, err := send(int(most))
		if !errors.Is(err, ErrTooLarge) || most/2 < messageLeast {
			return done, err
		}
		r.most.CompareAndSwap(most, most/2)
	}
}

func (r *Router) take(ctx context.Context, source usagelog.Source, events []HubEvent, only, most int) (Routed, error) {
	d := r.decoders.Get().(*azurelog.Decoder)
	outs := make([]out, r.Partitions)
	var done Routed
	arrived := detectors.Time(0)
	for i := range events {
		arrived = max(arrived, events[i].Enqueued)
	}
	for i := range events {
		r.decode(d, source, arrived, &events[i], only, most, outs, &done)
	}
	done.Counts = d.TakeCounts()
	r.decoders.Put(d)
	if err := r.send(ctx, outs, &done); err != nil {
		return Routed{}, err
	}
	return done, nil
}

func (r *Router) takeMessage(ctx context.Context, source usagelog.Source, sequence int64, m *usagelog.Message, most int) (Routed, error) {
	outs := make([]out, r.Partitions)
	var done Routed
	for i := range m.Entries {
		f := &m.Entries[i].Fragment
		f.Ordinal = i
		if !outs[usagelog.Partition(f.Resource, r.Partitions)].add(source, m.Arrived, sequence, f, most) {
			return Routed{}, fmt.Errorf("engine: record %d takes more than the %d bytes of a message of the usage hub", i, most)
		}
		done.Records++
		done.Logged = max(done.Logged, f.Logged)
	}
	return done, r.send(ctx, outs, &done)
}

// send sends what was made, of each partition in order, and counts its bytes.
func (r *Router) send(ctx context.Context, outs []out, done *Routed) error {
	group, ctx := errgroup.WithContext(ctx)
	for p := range outs {
		messages := outs[p].messages()
		for _, m := range messages {
			done.Bytes += len(m)
		}
		if len(messages) > 0 {
			group.Go(func() error { return r.publish(ctx, p, messages) })
		}
	}
	return group.Wait()
}

func (r *Router) publish(ctx context.Context, partition int, messages [][]byte) error {
	for _, m := range messages {
		if err := r.Publisher.Publish(ctx, partition, m); err != nil {
			return fmt.Errorf("engine: publish to partition %d of the usage hub: %w", partition, err)
		}
	}
	return nil
}

// decode adds what an event says to the messages. A record that says it was
// logged well after it arrived is set aside: its time would make all others late.
func (r *Router) decode(d *azurelog.Decoder, source usagelog.Source, arrived detectors.Time, e *HubEvent, only, most int, outs []out, done *Routed) {
	name := fmt.Sprintf("%s, partition %s, event %d", source.Hub, source.Partition, e.Sequence)
	fragments, poison := d.Decode(nil, azurelog.Block{Data: e.Body})
	wanted := func(ordinal int) bool { return only == every || ordinal == only }
	for _, p := range poison {
		if !wanted(p.Ordinal) {
			continue
		}
		done.Poison = append(done.Poison, SetAside{name, e.Sequence, p})
	}
	for i := range fragments {
		f := &fragments[i]
		if !wanted(f.Ordinal) {
			continue
		}
		err := untimely(f, e.Enqueued)
		if err == nil && !outs[usagelog.Partition(f.Resource, r.Partitions)].add(source, arrived, e.Sequence, f, most) {
			err = fmt.Errorf("it takes more than the %d bytes of a message of the usage hub", most)
		}
		if err != nil {
			done.Poison = append(done.Poison, SetAside{name, e.Sequence, azurelog.Poison{Offset: f.Offset, Ordinal: f.Ordinal, Err: err}})
			continue
		}
		done.Records++
		done.Logged = max(done.Logged, f.Logged)
	}
}

// untimely is why a record is set aside that came at the given time; 0 where that is unknown.
func untimely(f *azurelog.Fragment, enqueued detectors.Time) error {
	if enqueued == 0 || f.Logged <= enqueued+ahead {
		return nil
	}
	return fmt.Errorf("logged at %v, but it came at %v", f.Logged, enqueued)
}

// out is the messages for one partition.
type out struct {
	full   [][]byte
	writer usagelog.Writer
}

// add adds a fragment, and reports whether it fits into a message at all.
func (o *out) add(source usagelog.Source, arrived detectors.Time, sequence int64, f *azurelog.Fragment, most int) bool {
	if o.writer.Entries() == 0 {
		o.writer.Reset(source, arrived)
	}
	if len(o.writer.Bytes())+usagelog.Bound(f) > most {
		if o.writer.Entries() == 0 {
			return false
		}
		o.full = append(o.full, slices.Clone(o.writer.Bytes()))
		o.writer.Reset(source, arrived)
		return o.add(source, arrived, sequence, f, most)
	}
	o.writer.Add(sequence, f)
	return true
}

// messages are all that were made.
func (o *out) messages() [][]byte {
	if o.writer.Entries() > 0 {
		return append(o.full, o.writer.Bytes())
	}
	return o.full
}
