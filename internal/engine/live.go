package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// HubEvent is an event of a hub: one body of Azure's diagnostic records.
type HubEvent struct {
	Sequence int64          // in its partition, ascending
	Enqueued detectors.Time // when the hub took it in; 0 where that is unknown
	Body     []byte
}

// Taken is what one Live.Take did.
type Taken struct {
	Records int             // judged, or known as duplicates of Azure's
	Known   int             // events that were taken in before
	Poison  []SetAside      // records set aside
	Logged  detectors.Time  // the latest time that a record was logged at; 0 where there was none
	Counts  azurelog.Counts // of what was decoded
}

// Live is an engine that takes events in as a hub delivers them (joined mode):
// what a call of Take was given is durable in the store when it returns
// without an error. It may be used by several goroutines, of which one at a
// time is served.
type Live struct {
	engine *Engine

	mu      sync.Mutex
	run     *run // nil before the first events, and after a failure
	cancel  context.CancelFunc
	arrived detectors.Time // the latest arrival, or tick
	decoder *azurelog.Decoder
}

// Live returns a Live that goes on where the store's last commit stands.
func (e *Engine) Live() *Live { return &Live{engine: e, decoder: azurelog.NewDecoder()} }

// Take judges events of one partition of a hub, which source names for ever: a
// hub that was deleted and made again needs another name. Events up to the
// last one that was committed of that source are passed over.
//
// On an error nothing of the events is kept, or (where the store does not know
// whether it committed) all of it: the same events may be given again.
func (l *Live) Take(ctx context.Context, source string, events []HubEvent) (Taken, error) {
	var taken Taken
	err := l.with(func(r *run) error {
		next := r.positions[source].Offset
		for i := range events {
			e := &events[i]
			if err := ctx.Err(); err != nil {
				return err
			}
			if e.Sequence < next {
				taken.Known++
				continue
			}
			l.arrived = max(l.arrived, e.Enqueued)
			r.arrive(source, e, l.decoder, &taken)
			next = e.Sequence + 1
		}
		taken.Counts = l.decoder.TakeCounts()
		if taken.Known == len(events) {
			return nil
		}
		r.moved[source] = Position{Offset: next}
		if err := r.settle(ctx); err != nil {
			return err
		}
		r.positions[source] = Position{Offset: next}
		return nil
	})
	if err != nil {
		return Taken{}, err
	}
	return taken, nil
}

// Tick lets time pass while no events come: the log's clock goes on at the
// pace of now, the time of the machine that calls. So what waits for its time
// is judged though its resource is not heard of again.
func (l *Live) Tick(ctx context.Context, now detectors.Time) error {
	return l.with(func(r *run) error {
		passed := now - l.arrived
		if l.arrived == 0 || r.clock.Now == 0 {
			passed = 0
		}
		l.arrived = max(l.arrived, now)
		if passed <= 0 {
			return nil
		}
		r.clock.Now += passed
		r.turn()
		r.each(func(w *worker) { w.tick(r.clock.Now, r.clock.Pulse) })
		return r.settle(ctx)
	})
}

// Command obeys what an analyst says. It is durable when it returns without an error.
func (l *Live) Command(ctx context.Context, c *detectors.Command) error {
	if err := c.Check(); err != nil {
		return err
	}
	return l.with(func(r *run) error {
		r.each(func(w *worker) { // while all wait: they share the rules
			if v := c.Verdict; v != nil && v.Principal.Kind != detectors.Operator && r.workers[r.workerOf(v.Principal.Resource)] == w {
				w.resource(v.Principal.Resource).decide(v, r.clock.Now)
			}
		})
		if c.Verdict == nil {
			r.rules = r.rules.With(c)
		}
		return r.settle(ctx)
	})
}

// Close ends the goroutines. The Live may be used again: it begins at the last commit.
func (l *Live) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
}

// with has do work on the run, which begins where there is none and ends
// where do fails: what it has judged and not committed is forgotten.
func (l *Live) with(do func(*run) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.run == nil {
		ctx, cancel := context.WithCancel(context.Background())
		r, err := newRun(ctx, l.engine)
		if err != nil {
			cancel()
			return err
		}
		l.run, l.cancel = r, cancel
	}
	if err := do(l.run); err != nil {
		l.end()
		return err
	}
	return nil
}

func (l *Live) end() {
	if l.run != nil {
		l.cancel()
		l.run.stop()
		l.run = nil
	}
}

// arrive sends the records of an event to the workers. A record that says it
// was logged well after it arrived is set aside: its time would make all
// others late.
func (r *run) arrive(source string, e *HubEvent, decoder *azurelog.Decoder, taken *Taken) {
	name := fmt.Sprintf("%s, event %d", source, e.Sequence)
	batch := r.decoded(decoder, azurelog.Block{Data: e.Body})
	defer batch.done()
	for _, p := range batch.poison {
		taken.Poison = append(taken.Poison, SetAside{name, e.Sequence, p})
	}
	for i := range batch.fragments {
		f := &batch.fragments[i]
		if err := untimely(f, e.Enqueued); err != nil {
			taken.Poison = append(taken.Poison, SetAside{name, e.Sequence, azurelog.Poison{Offset: f.Offset, Ordinal: f.Ordinal, Err: err}})
			continue
		}
		r.clock.catchUp(f.Logged)
		taken.Logged = max(taken.Logged, f.Logged)
		r.send(held{batch: batch, fragment: f, worker: batch.workers[i]})
		taken.Records++
	}
}
