package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// worker judges the resources that are its own, in the order of the log.
type worker struct {
	*run
	index     int
	in        chan task
	pending   task // not sent yet; of the one who sends
	resources map[string]*resource
	tally     Tally
	alarmed   []*subject           // something was found about them since the list was emptied
	hands     []*resource          // networks of which something was seen since the list was emptied
	sighted   []detectors.Sighting // that nobody was told of yet
	stays     []detectors.Stay     // of premises, that nobody was told of yet
	awaited   awaited              // resources that are not in memory
	now       detectors.Time       // what the log's clock shows
	pulse     detectors.Time       // of the log, before the event that is taken in
	sequence  int64                // of the event of a partition's log that is taken in
	waiting   []due                // of a partition: resources where a row without identity waits, by when its time is up
	wall      time.Time            // of this machine, for saving alone
	size      int64                // of the states in memory, roughly
	err       error                // the first of the store; nothing is judged after it
	ctx       context.Context
}

// task is fragments to judge, in order, or something to do between them.
type task struct {
	items   []item
	batches []*decoded // that the items point into
	do      func(*worker)
}

// item is a fragment at its place in the log.
type item struct {
	fragment *azurelog.Fragment
	clock    detectors.Time // for what the fragment says: it may be ahead of the log's
	now      detectors.Time // what the log's clock shows
	pulse    detectors.Time // of the log, before the fragment
}

// taskSize is how many fragments are sent at once.
const taskSize = 512

func newWorker(ctx context.Context, r *run) *worker {
	return &worker{run: r, index: len(r.workers), ctx: ctx, in: make(chan task, 8), resources: map[string]*resource{}, awaited: awaited{}}
}

// send gives the worker a fragment of batch.
func (w *worker) send(i item, batch *decoded) {
	p := &w.pending
	p.items = append(p.items, i)
	if !slices.Contains(p.batches, batch) {
		batch.users.Add(1)
		p.batches = append(p.batches, batch)
	}
	if len(p.items) == taskSize {
		w.flush()
	}
}

// flush sends what is pending.
func (w *worker) flush() {
	if len(w.pending.items) > 0 {
		w.in <- w.pending
		w.pending = task{items: make([]item, 0, taskSize)}
	}
}

// work judges until there are no more tasks.
func (w *worker) work() {
	for t := range w.in {
		for _, i := range t.items {
			if w.err == nil && w.ctx.Err() == nil {
				w.now, w.pulse = i.now, i.pulse
				w.resource(i.fragment.Resource).take(i.fragment, i.clock)
			}
		}
		for _, d := range t.batches {
			d.done()
		}
		if t.do != nil {
			t.do(w)
		}
		if w.size > w.Memory/int64(w.Workers) {
			w.full.Store(true)
		}
	}
}

// resource is the state of a resource, from the store where it is not in memory.
func (w *worker) resource(id string) *resource {
	if r := w.resources[id]; r != nil {
		return r
	}
	r := newResource(w, id)
	if err := w.kept.restore(w.ctx, r); err != nil {
		w.fail(fmt.Errorf("engine: state of %s: %w", id, err))
	}
	w.resources[id] = r
	delete(w.awaited, id)
	return r
}

// due is a resource and the time at which it is to be looked at.
type due struct {
	at       detectors.Time
	resource string
}

// wakeAt has a resource looked at when the log's clock reaches the given time.
func (w *worker) wakeAt(at detectors.Time, resource string) {
	i := len(w.waiting)
	for i > 0 && w.waiting[i-1].at > at {
		i--
	}
	w.waiting = slices.Insert(w.waiting, i, due{at, resource})
}

// wake lets time pass for the resources whose time has come.
func (w *worker) wake(clock detectors.Time) {
	for len(w.waiting) > 0 && w.waiting[0].at <= clock {
		if r := w.resources[w.waiting[0].resource]; r != nil {
			r.tick(clock)
		}
		w.waiting = w.waiting[1:]
	}
}

// tick lets time pass for all resources, at the given pulse of the log.
func (w *worker) tick(clock, pulse detectors.Time) {
	w.now, w.pulse = clock, pulse
	for _, r := range w.resources {
		r.tick(clock)
	}
	for id, due := range w.awaited {
		if due <= pulse && w.err == nil {
			w.resource(id).tick(clock)
		}
	}
}

// fail stops the worker's judging: the run ends at its next commit.
func (w *worker) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// save adds to b what changed since the last time.
func (w *worker) save(b *Batch) error {
	for _, r := range w.resources {
		if w.err != nil {
			break
		}
		if err := r.save(b); err != nil {
			w.fail(fmt.Errorf("engine: save %s: %w", r.id, err))
		}
	}
	b.Log.Awaited = w.list()
	return w.err
}
