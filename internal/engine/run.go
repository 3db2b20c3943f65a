package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// run is one Replay: decoders, one order, and workers that judge.
type run struct {
	*Engine
	kept    kept
	seed    maphash.Seed
	jobs    chan job
	workers []*worker
	running sync.WaitGroup

	clock     clock
	hour      detectors.Time // of the clock, up to which all that was sighted is exchanged
	rules     *Rules
	commits   int64               // that the store had
	positions map[string]Position // as of the last commit
	moved     map[string]Position // since then
	sent      int                 // fragments since then
	full      atomic.Bool         // a worker holds more than its share of the memory
	met       map[string]bool     // identities of this run's sources that were opened
	cursors   []*cursor           // of the group that is being taken in

	mu     sync.Mutex // for counts and result.Unreadable
	counts azurelog.Counts
	result Report
}

// newRun starts the decoders and the workers where the store's log stands.
func newRun(ctx context.Context, e *Engine) (*run, error) {
	log, err := e.Store.Log(ctx)
	if err != nil {
		return nil, fmt.Errorf("engine: read how far the log was taken in: %w", err)
	}
	r := &run{
		Engine:    e,
		kept:      inStore{e.Store},
		seed:      maphash.MakeSeed(),
		jobs:      make(chan job),
		clock:     clock{Pace: log.Pace},
		hour:      log.Pace.Now / detectors.Hour,
		rules:     &log.Rules,
		commits:   log.Commits,
		positions: log.Positions,
		moved:     map[string]Position{},
		met:       map[string]bool{},
	}
	for range e.Workers {
		r.running.Go(r.decode)
		r.workers = append(r.workers, newWorker(ctx, r))
	}
	for _, w := range r.workers {
		r.running.Go(w.work)
	}
	for resource, due := range log.Awaited {
		w := r.workers[r.workerOf(resource)]
		w.in <- task{do: func(w *worker) { w.awaited[resource] = due }}
	}
	for _, resource := range log.Waiting {
		w := r.workers[r.workerOf(resource)]
		w.in <- task{do: func(w *worker) { w.resource(resource) }}
	}
	return r, nil
}

// workerOf is who judges a resource.
func (r *run) workerOf(resource string) uint32 {
	return uint32(maphash.String(r.seed, resource) % uint64(r.Workers))
}

// stop ends the decoders and the workers.
func (r *run) stop() {
	close(r.jobs)
	for _, w := range r.workers {
		close(w.in)
	}
	r.running.Wait()
	for _, w := range r.workers {
		r.result.add(&w.tally)
	}
	r.result.Counts = r.counts
}

// groupsAhead is how many groups are opened before they are wanted.
const groupsAhead = 2

// take is the whole way, from opening the sources to the last commit.
func (r *run) take(ctx context.Context, groups [][]Source) error {
	opened := make(chan []*stream, groupsAhead)
	reading, cancel := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait() // they feed the decoders, which stop ends
	defer cancel()
	readers.Go(func() {
		defer close(opened)
		for _, group := range groups {
			streams := make([]*stream, len(group))
			for i, source := range group {
				s := r.open(source)
				readers.Go(func() { s.read(reading, r) })
				streams[i] = s
			}
			if !offer(reading, opened, streams) {
				return
			}
		}
	})
	for streams := range opened {
		if err := r.order(ctx, streams); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.conclude()
	return r.close(ctx)
}

// open is the stream of a source, with its identity, which takes at most the
// reading of its first MiB. One goroutine opens all.
func (r *run) open(source Source) *stream {
	s := &stream{source: source, blocks: make(chan chan *decoded, blocksAhead)}
	if s.id, s.err = source.identity(); s.err != nil {
		return s
	}
	s.from = r.positions[s.id]
	s.again = r.met[s.id]
	r.met[s.id] = true
	return s
}

// close lets the time pass that a row without identity waits for, and commits.
func (r *run) close(ctx context.Context) error {
	end := r.clock.Now + identityWait
	r.each(func(w *worker) { w.tick(end, r.clock.Pulse) })
	return r.commit(ctx)
}

// each has every worker do something after all that it was sent, and waits for all.
func (r *run) each(do func(*worker)) {
	var done sync.WaitGroup
	for _, w := range r.workers {
		w.flush()
		done.Add(1)
		w.in <- task{do: func(w *worker) { defer done.Done(); do(w) }}
	}
	done.Wait()
}

// setAside counts poison and keeps the first of it for the report.
func (r *run) setAside(source string, poison []azurelog.Poison) {
	for _, p := range poison {
		r.result.Poison++
		if len(r.result.Worst) < maxWorst {
			r.result.Worst = append(r.result.Worst, SetAside{source, 0, p})
		}
	}
}

// ended says why a stream that gives out no more came to its end, and keeps where.
func (r *run) ended(ctx context.Context, c *cursor) {
	if ctx.Err() != nil || c.id == "" && c.err == nil {
		return
	}
	if c.err != nil {
		r.result.Unreadable = append(r.result.Unreadable, fmt.Errorf("%s: %w", c.source.Name, c.err))
	}
	if c.id != "" {
		p := c.position()
		if c.from.Done && p.Offset == c.from.Offset {
			r.result.Known++
		}
		p.Done = c.err == nil
		r.moved[c.id] = p
	}
}

// breath is how many fragments are judged between two commits at least, however little memory there is.
const breath = 4096

// commitIfDue commits when enough was taken in since the last time, or the memory is full.
func (r *run) commitIfDue(ctx context.Context) error {
	due := r.sent >= r.CommitEvery || r.sent >= breath && r.full.Load()
	if !due || len(r.clock.held) > 0 {
		return nil
	}
	return r.settle(ctx)
}

// settle commits, and frees memory where it is full.
func (r *run) settle(ctx context.Context) error {
	if err := r.commit(ctx); err != nil {
		return err
	}
	if r.full.Swap(false) {
		r.each(func(w *worker) { w.evict() })
	}
	return nil
}

// turn exchanges what was sighted when the clock comes to another hour. What is
// premises by then has become so two hours before at least, so that it makes no
// difference what else was exchanged meanwhile.
func (r *run) turn() {
	if hour := r.clock.Now / detectors.Hour; hour != r.hour {
		r.hour = hour
		r.exchange()
	}
}

// exchange has the networks that were sighted taken in by whose they are, and
// what is premises by that known to all. When that is makes no difference to what
// becomes of them.
func (r *run) exchange() {
	each := make([][]detectors.Sighting, len(r.workers))
	r.each(func(w *worker) { each[w.index], w.sighted = w.sighted, nil })
	all := slices.Concat(each...)
	if len(all) == 0 {
		return
	}
	r.each(func(w *worker) {
		for i := range all {
			if id := routeOf(all[i].From.Prefix); r.workerOf(id) == uint32(w.index) && w.err == nil {
				w.resource(id).see(&all[i], r.clock.Now)
			}
		}
	})
	for _, w := range r.workers { // they have nothing to do
		r.rules = r.rules.housed(w.stays)
		w.stays = nil
	}
}

// commit makes durable what was sent so far.
func (r *run) commit(ctx context.Context) error {
	r.exchange()
	batches := make([]Batch, len(r.workers))
	errs := make([]error, len(r.workers))
	r.each(func(w *worker) { errs[w.index] = w.save(&batches[w.index]) })
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, c := range r.cursors {
		r.moved[c.id] = c.position()
	}
	all := Batch{Log: Log{Commits: r.commits, Pace: r.clock.Pace, Rules: *r.rules, Positions: r.moved, Awaited: awaited{}}}
	for i := range batches {
		b := &batches[i]
		all.States = append(all.States, b.States...)
		all.Incidents = append(all.Incidents, b.Incidents...)
		all.Log.Waiting = append(all.Log.Waiting, b.Log.Waiting...)
		maps.Copy(all.Log.Awaited, b.Log.Awaited)
	}
	if err := r.Store.Commit(ctx, &all); err != nil {
		return fmt.Errorf("engine: commit: %w", err)
	}
	r.commits++
	r.moved, r.sent = map[string]Position{}, 0
	return nil
}
