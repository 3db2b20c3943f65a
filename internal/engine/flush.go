package engine

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/internal/incident"
)

// saveAtOnce is how many documents are written at the same time.
const saveAtOnce = 8

// flush saves the resources whose changes are old enough, or all of them where
// that is asked or the memory is full, and then the checkpoint: whatever is cut
// off in between is judged again from the log, and comes to the same.
func (p *Partition) flush(ctx context.Context, all bool) error {
	full := p.w.size > p.w.Memory
	var due []*resource
	for _, r := range p.w.resources {
		if r.place.dirty && (all || full || p.wall.Sub(r.place.since) >= p.patience(r.id)) {
			due = append(due, r)
		}
	}
	saves, err := p.prepareAll(due)
	if err != nil {
		return err
	}
	if err := p.note(ctx, saves); err != nil {
		return err
	}
	if err := p.saveResources(ctx, saves); err != nil {
		return err
	}
	if err := p.saveCheckpoint(ctx, all); err != nil {
		return err
	}
	if full {
		p.w.evict()
	}
	return nil
}

// patience is how old a resource's change may become: between half of Flush
// and the whole, so that not all are saved in one invocation.
func (p *Partition) patience(id string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return p.Flush/2 + time.Duration(h.Sum32()%1024)*(p.Flush/2)/1024
}

// save is what one resource has to write, in this order.
type save struct {
	resource  *resource
	incidents []*incident.Incident
	chunks    map[ChunkKey][]byte
	head      Head
	dropped   []ChunkKey
}

func (p *Partition) prepareAll(due []*resource) ([]*save, error) {
	saves := make([]*save, len(due))
	for i, r := range due {
		s, err := p.prepare(r)
		if err != nil {
			return nil, fmt.Errorf("engine: save %s: %w", r.id, err)
		}
		saves[i] = s
	}
	return saves, nil
}

func (p *Partition) saveResources(ctx context.Context, saves []*save) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(saveAtOnce)
	for _, s := range saves {
		group.Go(func() error {
			if err := p.write(ctx, s); err != nil {
				return fmt.Errorf("engine: save %s: %w", s.resource.id, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, s := range saves {
		s.resource.place.head, s.resource.place.dirty = s.head, false
		p.pending.remove(s)
	}
	return nil
}

// prepare encodes what has changed of a resource.
func (p *Partition) prepare(r *resource) (*save, error) {
	old := &r.place.head
	s := &save{resource: r, chunks: map[ChunkKey][]byte{}}
	s.head = Head{Resource: r.id, Revision: p.revision(), Reached: list(r.place.reached), Chunks: make([]int64, len(r.chunks)), ETag: old.ETag}
	generation := generationOf(s.head.Revision)
	var b Batch
	for i, c := range r.chunks {
		if i < len(old.Chunks) {
			s.head.Chunks[i] = old.Chunks[i]
		}
		if i > 0 && (c == nil || !c.changed) {
			continue
		}
		data, err := r.encodeChunk(i, &b)
		if err != nil {
			return nil, err
		}
		r.chunks[i].changed = false
		if i == 0 {
			s.head.Data = data
			continue
		}
		if was := s.head.Chunks[i]; was != 0 && was != generation {
			s.dropped = append(s.dropped, ChunkKey{r.id, i, was})
		}
		s.head.Chunks[i] = generation
		s.chunks[ChunkKey{r.id, i, generation}] = data
	}
	s.incidents = b.Incidents
	size := int64(len(r.joins.young)+len(r.joins.old)) * joinSize
	p.w.size += size - r.joins.size
	r.joins.size = size
	return s, nil
}

// joinSize is about what a correlation id takes in memory, in bytes.
const joinSize = 96

// write writes a resource: its incidents, chunks that no head names yet, the
// head, which commits them; then the chunks that it has replaced are dropped.
func (p *Partition) write(ctx context.Context, s *save) error {
	if err := p.saveIncidents(ctx, s.incidents); err != nil {
		return err
	}
	for key, data := range s.chunks {
		if err := p.Ledger.SaveChunk(ctx, key, data); err != nil {
			return err
		}
	}
	if err := p.Ledger.SaveHead(ctx, &s.head); err != nil {
		return err
	}
	if len(s.dropped) == 0 {
		return nil
	}
	return p.Ledger.DropChunks(ctx, s.dropped)
}

func (p *Partition) saveIncidents(ctx context.Context, all []*incident.Incident) error {
	for _, i := range all {
		if err := p.Ledger.SaveIncident(ctx, i, p.revision()); err != nil {
			return fmt.Errorf("engine: save incident %s: %w", i.ID, err)
		}
	}
	return nil
}

// saveCheckpoint saves how far the heads are, if that is well beyond what was saved.
func (p *Partition) saveCheckpoint(ctx context.Context, always bool) error {
	next := p.next
	for _, r := range p.w.resources {
		if r.place.dirty {
			next = min(next, r.place.first)
		}
	}
	early := !always && p.wall.Sub(p.checked) < p.Flush/2
	if early || len(p.marks) == 0 || next <= p.saved.Next && p.saved.ETag != "" {
		return nil
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	c := Checkpoint{Log: p.Log, Next: next, From: p.from(next), ETag: p.saved.ETag, Pending: p.pending.list()}
	if err := p.Ledger.SaveCheckpoint(ctx, &c); err != nil {
		return fmt.Errorf("engine: save checkpoint of %v: %w", p.Log, err)
	}
	for len(p.marks) > 0 && p.marks[0].Sequence < c.From.Sequence {
		p.marks = p.marks[1:]
	}
	p.saved, p.checked = c, p.wall
	return nil
}
