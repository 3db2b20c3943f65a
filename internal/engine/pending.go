package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pending are chunks that no head may name: they were written, or are to be
// dropped, and whoever did it may not have come to the end. The checkpoint
// lists them before the first of them is written; the next owner finds them
// there.
//
// A chunk may be deleted when a head of its resource is at its generation or
// beyond, and names another: each later head names what the one before it named,
// or a generation of its own, which is later still. So no owner that is alive,
// however late, can commit a head that needs the chunk.
type pending map[ChunkKey]struct{}

// generationOf is the generation of chunks that a head of this revision writes.
// 0 is an empty chunk's.
func generationOf(r Revision) int64 {
	if r.Sequence == 0 {
		return -1
	}
	return r.Sequence
}

func (p pending) add(all []Pending) {
	for _, r := range all {
		for _, c := range r.Chunks {
			p[ChunkKey{r.Resource, int(c[0]), c[1]}] = struct{}{}
		}
	}
}

// remove takes out the chunks of a save that came to its end.
func (p pending) remove(s *save) {
	for key := range s.chunks {
		delete(p, key)
	}
	for _, key := range s.dropped {
		delete(p, key)
	}
}

// keys are the chunks in an order of their own: those of a resource together.
func (p pending) keys() []ChunkKey {
	return slices.SortedFunc(maps.Keys(p), func(a, b ChunkKey) int {
		return cmp.Or(strings.Compare(a.Resource, b.Resource), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Generation, b.Generation))
	})
}

// list is the chunks as a checkpoint has them.
func (p pending) list() (all []Pending) {
	for _, key := range p.keys() {
		if len(all) == 0 || all[len(all)-1].Resource != key.Resource {
			all = append(all, Pending{Resource: key.Resource})
		}
		last := &all[len(all)-1]
		last.Chunks = append(last.Chunks, [2]int64{int64(key.Index), key.Generation})
	}
	return all
}

// note has the checkpoint list the chunks that are about to be written and
// dropped. It is also where an owner learns that it has lost the partition
// before it writes anything.
func (p *Partition) note(ctx context.Context, saves []*save) error {
	chunks := 0
	for _, s := range saves {
		chunks += len(s.chunks)
		for key := range s.chunks {
			p.pending[key] = struct{}{}
		}
		for _, key := range s.dropped {
			p.pending[key] = struct{}{}
		}
	}
	if chunks == 0 {
		return nil
	}
	c := p.saved
	if c.ETag == "" && len(p.marks) > 0 {
		c = Checkpoint{Log: p.Log, Next: p.marks[0].Sequence, From: p.marks[0]}
	}
	c.Pending = p.pending.list()
	if err := p.Ledger.SaveCheckpoint(ctx, &c); err != nil {
		return fmt.Errorf("engine: note the chunks that are written for %v: %w", p.Log, err)
	}
	p.saved = c
	return nil
}

// settle deletes pending chunks that no head can name any more, and forgets
// those that a head does name.
func (p *Partition) settle(ctx context.Context) error {
	heads := map[string]Head{}
	var orphans []ChunkKey
	for _, key := range p.pending.keys() {
		head, err := p.headOf(ctx, key.Resource, heads)
		if err != nil {
			return err
		}
		switch {
		case head.Revision.Created != p.Log.Created || generationOf(head.Revision) < key.Generation:
		case key.Index < len(head.Chunks) && head.Chunks[key.Index] == key.Generation:
			delete(p.pending, key)
		default:
			orphans = append(orphans, key)
		}
	}
	if len(orphans) == 0 {
		return nil
	}
	if err := p.Ledger.DropChunks(ctx, orphans); err != nil {
		return fmt.Errorf("engine: drop %d chunks that no head names: %w", len(orphans), err)
	}
	for _, key := range orphans {
		delete(p.pending, key)
	}
	return nil
}

// headOf is a head of a resource that was committed: the one in memory, or the
// ledger's, which is then among heads.
func (p *Partition) headOf(ctx context.Context, resource string, heads map[string]Head) (Head, error) {
	if p.w != nil {
		if r := p.w.resources[resource]; r != nil {
			return r.place.head, nil
		}
	}
	if head, read := heads[resource]; read {
		return head, nil
	}
	head, err := p.Ledger.Head(ctx, resource)
	if err != nil {
		return Head{}, fmt.Errorf("engine: head of %s: %w", resource, err)
	}
	heads[resource] = head
	return head, nil
}
