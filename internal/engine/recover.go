package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// recover brings the partition to event number to: what is in the heads is
// taken from there when it is needed, and the log is read again from where the
// joins of the checkpoint begin. Up to the checkpoint, and beyond it up to its
// head's revision, a resource only assembles; from there on it judges.
func (p *Partition) recover(ctx context.Context, to int64) error {
	p.forget()
	saved, err := p.Ledger.Checkpoint(ctx, p.Log)
	if err != nil {
		return fmt.Errorf("engine: checkpoint of %v: %w", p.Log, err)
	}
	alone := *p.engine
	alone.Workers = 1
	p.w = newWorker(ctx, &run{Engine: &alone, kept: inLedger{p}, rules: &saved.From.Rules})
	p.w.wall = p.wall
	maps.Copy(p.w.awaited, saved.From.Awaited)
	p.saved, p.here, p.next = saved, saved.From, saved.From.Sequence
	p.pending.add(saved.Pending)
	p.reached = map[usagelog.Source]Reach{}
	for _, reach := range saved.From.Reached {
		p.reached[reach.Source] = reach
	}
	p.status.Recoveries++
	if to <= p.next {
		return nil
	}
	first := true
	began, err := p.Reader.Read(ctx, p.Log, p.next, to, func(e LogEvent) error {
		if first {
			p.next, first = e.Sequence, false
		}
		if e.Sequence != p.next {
			return fmt.Errorf("event %d follows %d", e.Sequence, p.next-1)
		}
		p.status.Reread++
		return p.fold(e)
	})
	if err != nil {
		return fmt.Errorf("engine: read %v again from %d to %d: %w", p.Log, saved.From.Sequence, to, err)
	}
	if saved.ETag != "" && began > saved.Next {
		if gap := (Gap{p.Log, saved.Next, began}); !slices.Contains(p.status.Gaps, gap) {
			p.status.Gaps = append(p.status.Gaps, gap)
		}
	}
	if p.next < to {
		if began < to {
			return fmt.Errorf("engine: read %v again: it ended before event %d, of %d to come", p.Log, p.next, to)
		}
		p.next = to
	}
	return nil
}

// cross goes on at event number to where those before it did not come: what was
// judged is saved, so that no more than what is gone is missing.
func (p *Partition) cross(ctx context.Context, to int64) error {
	if err := p.tell(ctx); err != nil {
		return err
	}
	if err := p.announce(ctx); err != nil {
		return err
	}
	if err := p.flush(ctx, true); err != nil {
		return err
	}
	if err := p.recover(ctx, to); err != nil {
		return err
	}
	p.w.ctx, p.w.wall = ctx, p.wall
	return nil
}

// inLedger is what the heads and chunks of a partition have saved.
type inLedger struct{ *Partition }

func (p inLedger) restore(ctx context.Context, r *resource) error {
	head, read := p.ahead.heads[r.id]
	if !read {
		var err error
		if head, err = p.Ledger.Head(ctx, r.id); err != nil {
			return err
		}
	}
	r.place = &place{head: head, reached: map[usagelog.Source]Reach{}, included: -1, judged: p.saved.Next - 1}
	for _, reach := range head.Reached {
		r.place.reached[reach.Source] = reach
	}
	if head.Data == nil {
		return nil
	}
	if head.Revision.Created == p.Log.Created {
		r.place.included = head.Revision.Sequence
		r.place.judged = max(r.place.judged, r.place.included)
	}
	if err := r.restore(head.Data); err != nil {
		return err
	}
	if len(head.Chunks) != len(r.chunks) {
		return errState
	}
	return nil
}

func (p inLedger) chunk(ctx context.Context, r *resource, i int) ([]byte, error) {
	generation := r.place.head.Chunks[i]
	if generation == 0 {
		return nil, nil
	}
	key := ChunkKey{r.id, i, generation}
	if data, read := p.ahead.chunks[key]; read {
		return data, nil
	}
	return p.Ledger.Chunk(ctx, key)
}

const (
	// markEvery is how far apart on the log's clock recoveries may begin.
	markEvery = 10 * detectors.Minute

	// windows is how many hours of the log's clock before the current one are
	// read again, with the records that came earlier because they were ahead of
	// it. One is what the joins remember. Whether a row in it was a call's first
	// depends on the hour before it; so on, but only for a call with rows in each
	// of four hours in a row would a further hour say more.
	windows = 2
)

// mark notes where event number sequence stands, if the last mark is long ago.
func (p *Partition) mark(sequence int64) {
	if n := len(p.marks); n > 0 && p.here.Pace.Now < p.marks[n-1].Pace.Now+markEvery {
		return
	}
	m := p.here
	m.Sequence, m.Reached, m.Rules, m.Awaited = sequence, list(p.reached), *p.w.rules, p.w.list()
	p.marks = append(p.marks, m)
}

// from is where a recovery begins that goes on to judge at event number next:
// so long before that the joins are then what they are now.
func (p *Partition) from(next int64) Mark {
	var found Mark
	now := detectors.Time(0)
	for _, m := range p.marks {
		if m.Sequence <= next {
			now = m.Pace.Now
		}
	}
	window := (now/remembered - windows) * remembered
	for i, m := range p.marks {
		if i == 0 || m.Sequence <= next && max(m.Latest, m.Pace.Now) < window {
			found = m
		}
	}
	return found
}
