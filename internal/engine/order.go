package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// cursor walks the fragments of one stream.
type cursor struct {
	*stream
	batch   *decoded
	next    int   // of batch.fragments
	reached int64 // offset of all that was given out
}

// load makes sure that batch.fragments[next] is there; false at the end of the stream.
func (c *cursor) load(ctx context.Context, r *run) bool {
	for c.batch == nil || c.next == len(c.batch.fragments) {
		c.release()
		var future chan *decoded
		select {
		case f, open := <-c.blocks:
			if !open {
				return false
			}
			future = f
		case <-ctx.Done():
			return false
		}
		select {
		case c.batch = <-future:
		case <-ctx.Done():
			return false
		}
		c.next = 0
		r.setAside(c.source.Name, c.batch.poison)
		for c.next < len(c.batch.fragments) && c.batch.fragments[c.next].Offset < c.from.Offset {
			c.next++
		}
	}
	return true
}

// release gives up the batch, which was given out wholly.
func (c *cursor) release() {
	if c.batch != nil {
		c.reached = max(c.reached, c.batch.end)
		c.batch.done()
		c.batch = nil
	}
}

// position is where the first fragment stands that was not given out.
func (c *cursor) position() Position {
	if c.batch != nil && c.next < len(c.batch.fragments) {
		return Position{Offset: c.batch.fragments[c.next].Offset}
	}
	return Position{Offset: max(c.reached, c.from.Offset)}
}

func (c *cursor) logged() detectors.Time { return c.batch.fragments[c.next].Logged }

// clock is the log's own: the latest time that its records were logged at. A
// time ahead of it must not make all others late: the clock follows it once
// believed records in a row are as far ahead. Until then a record up to
// farAhead from the clock is judged, and one beyond it is held.
type clock struct {
	Pace
	held []held
}

// Pace is how far a log's clock has come.
type Pace struct {
	Now   detectors.Time // what the clock says
	Ahead int            // records in a row that were ahead of it, and judged
	Least detectors.Time // of them

	Heard detectors.Time // the latest time that a record was logged at, of those that the clock has followed
	Pulse detectors.Time // for how long records were logged, pauses of all resources at once left out
}

// of is the clock for what f says. It is ahead of the others' where f is the
// first after a pause: f has not waited for as long as the clock stood still.
func (p *Pace) of(f *azurelog.Fragment) detectors.Time { return max(p.Now, f.Logged) }

// catchUp moves a clock that stands still for more than a day to a record
// logged at t, which came at about that time: nothing was logged in between.
func (p *Pace) catchUp(t detectors.Time) {
	if t > p.Now+farAhead {
		p.Now = t
	}
}

// silent is how long nothing is logged of any resource until that is a pause of
// the log: what is silent then is the delivery.
const silent = detectors.Hour

// hear moves the pulse by a record logged at t, or one that another partition has.
func (p *Pace) hear(t detectors.Time) {
	if t = min(t, p.Now); t > p.Heard {
		if p.Heard != 0 {
			p.Pulse += min(t-p.Heard, silent)
		}
		p.Heard = t
	}
}

// step moves the clock, and with it the pulse, by a record logged at t.
func (p *Pace) step(t detectors.Time) {
	defer p.hear(t)
	switch {
	case t <= p.Now+ahead:
		p.Now, p.Ahead = max(p.Now, t), 0
	case p.Ahead == 0:
		p.Ahead, p.Least = 1, t
	default:
		if p.Ahead, p.Least = p.Ahead+1, min(p.Least, t); p.Ahead == believed {
			p.Now, p.Ahead = p.Least, 0
		}
	}
}

const (
	ahead    = detectors.Hour
	farAhead = detectors.Day
	believed = 3

	// never is how far ahead a record is not believed though the log ends with it.
	never = 365 * detectors.Day
)

// held is a fragment on its way.
type held struct {
	cursor   *cursor
	batch    *decoded
	fragment *azurelog.Fragment
	worker   uint32
}

// order sends the fragments of the group's streams to the workers in the order
// of the log: of each stream as they come, among streams the earliest first.
func (r *run) order(ctx context.Context, group []*stream) error {
	r.cursors = r.cursors[:0]
	for _, s := range group {
		c := &cursor{stream: s}
		if c.again {
			r.result.Known++
			continue
		}
		if c.load(ctx, r) {
			r.cursors = append(r.cursors, c)
		} else {
			r.ended(ctx, c)
		}
	}
	for len(r.cursors) > 0 {
		first := 0
		for i, c := range r.cursors {
			if c.logged() < r.cursors[first].logged() {
				first = i
			}
		}
		c := r.cursors[first]
		r.pass(c)
		if !c.load(ctx, r) {
			r.cursors = slices.Delete(r.cursors, first, first+1)
			r.ended(ctx, c)
		}
		if err := r.commitIfDue(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// pass sends the cursor's next fragment, unless its time must be confirmed first.
func (r *run) pass(c *cursor) {
	f := &c.batch.fragments[c.next]
	h := held{c, c.batch, f, c.batch.workers[c.next]}
	c.next++
	far := r.clock.Now == 0 || f.Logged > r.clock.Now+farAhead
	if far && len(r.clock.held)+1 < believed {
		h.batch.users.Add(1)
		r.clock.held = append(r.clock.held, h)
		return
	}
	if far {
		r.believe(f.Logged)
	} else if len(r.clock.held) > 0 {
		r.disbelieve(r.clock.held)
	}
	r.send(h)
}

// send gives a fragment to its worker, at the time that the log has reached.
func (r *run) send(h held) {
	pulse := r.clock.Pulse
	r.clock.step(h.fragment.Logged)
	r.turn()
	r.sent++
	if r.rules.Since == 0 { // no worker has a record yet
		r.rules = r.rules.begun(r.clock.of(h.fragment))
	}
	r.workers[h.worker].send(item{h.fragment, r.clock.of(h.fragment), r.clock.Now, pulse}, h.batch)
}

// believe moves the clock to the held records and the one at t that agrees
// with them, and sends those. Where one of them is far ahead of the others,
// as at the beginning of a log, it is set aside.
func (r *run) believe(t detectors.Time) {
	for _, h := range r.clock.held {
		t = min(t, h.fragment.Logged)
	}
	r.clock.Now = t
	var wild []held
	for _, h := range r.clock.held {
		if h.fragment.Logged > t+farAhead && len(r.clock.held)+1 == believed {
			wild = append(wild, h)
			continue
		}
		r.send(h)
		h.batch.done()
	}
	r.disbelieve(wild)
}

// conclude sends what is held when the log ends: nothing followed that could
// speak against it. What is ahead by years is set aside all the same.
func (r *run) conclude() {
	if len(r.clock.held) == 0 {
		return
	}
	first := r.clock.held[0].fragment.Logged
	for _, h := range r.clock.held {
		first = min(first, h.fragment.Logged)
	}
	if r.clock.Now != 0 && first > r.clock.Now+never {
		r.disbelieve(r.clock.held)
		return
	}
	r.believe(first)
}

// disbelieve sets records aside that were held: none followed them.
func (r *run) disbelieve(wild []held) {
	for _, h := range wild {
		err := fmt.Errorf("logged at %v, more than a day ahead of the records around it", h.fragment.Logged)
		r.setAside(h.cursor.source.Name, []azurelog.Poison{{Offset: h.fragment.Offset, Err: err}})
		r.result.Wild++
		h.batch.done()
	}
	r.clock.held = nil
}
