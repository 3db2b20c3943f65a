package engine

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// chunk is a part of a resource's principals: what is loaded, saved and
// dropped from memory at once. Which chunk a principal is in follows from its
// hash, so that any of them is found with one read.
type chunk struct {
	subjects map[caller]*subject
	changed  bool           // since it was saved
	used     detectors.Time // on the log's clock
}

const (
	// chunkMost is how many principals a chunk may hold before its resource gets
	// twice as many chunks: some 100 KB in a store.
	chunkMost = 32

	// chunksMost is how many chunks a resource may have; then they grow.
	chunksMost = 1 << 15
)

func newChunk() *chunk { return &chunk{subjects: map[caller]*subject{}} }

// chunkOf is the index of the chunk that a caller is in.
func (r *resource) chunkOf(by caller) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte{byte(by.Kind)}) // never fails
	_, _ = h.Write([]byte(by.ID))
	return int(h.Sum32() & uint32(len(r.chunks)-1))
}

// principal is the state of one of the resource's callers.
func (r *resource) principal(by caller) *subject {
	c := r.chunk(r.chunkOf(by))
	if p := c.subjects[by]; p != nil {
		return p
	}
	if len(c.subjects) >= chunkMost && len(r.chunks) < chunksMost {
		r.split()
		c = r.chunk(r.chunkOf(by))
	}
	r.tally.Principals++
	p := newSubject(r, by)
	c.subjects[by] = p
	p.chunk = c
	return p
}

// chunk is a chunk of the resource, from the store where it is not in memory.
func (r *resource) chunk(i int) *chunk {
	if c := r.chunks[i]; c != nil {
		return c
	}
	c := newChunk()
	r.chunks[i] = c
	data, err := r.kept.chunk(r.ctx, r, i)
	if err == nil {
		err = r.restoreChunk(c, data)
	}
	if err != nil {
		r.fail(fmt.Errorf("engine: state of chunk %d of %s: %w", i, r.id, err))
	}
	return c
}

// split gives the resource twice as many chunks.
func (r *resource) split() {
	var all []*subject
	for i := range r.chunks {
		all = slices.AppendSeq(all, maps.Values(r.chunk(i).subjects))
	}
	first := r.chunks[0]
	clear(first.subjects)
	r.chunks = slices.Repeat([]*chunk{nil}, 2*len(r.chunks))
	for i := range r.chunks {
		r.chunks[i] = newChunk()
	}
	r.chunks[0] = first
	for _, p := range all {
		c := r.chunks[r.chunkOf(p.caller)]
		c.used = max(c.used, p.chunk.used)
		c.subjects[p.caller] = p
		p.chunk = c
	}
	for _, c := range r.chunks {
		c.changed = true
	}
}

// save adds to b what changed of the resource since the last time.
func (r *resource) save(b *Batch) error {
	if len(r.joins.waiting) > 0 {
		b.Log.Waiting = append(b.Log.Waiting, r.id)
	}
	for i, c := range r.chunks {
		if c == nil || !c.changed {
			continue
		}
		data, err := r.encodeChunk(i, b)
		if err != nil {
			return err
		}
		b.States = append(b.States, State{Key{r.id, i}, data})
		c.changed = false
	}
	return nil
}

// encodeChunk is chunk i as bytes; incidents of it that changed go into b.
func (r *resource) encodeChunk(i int, b *Batch) ([]byte, error) {
	if i > 0 {
		return r.chunks[i].append(nil, b)
	}
	data, err := r.encode(b)
	if err != nil {
		return nil, err
	}
	return r.chunks[0].append(data, b)
}

// append appends the principals, in an order of their own.
func (c *chunk) append(data []byte, b *Batch) ([]byte, error) {
	for _, p := range slices.SortedFunc(maps.Values(c.subjects), byCaller) {
		one, err := p.encode(b)
		if err != nil {
			return nil, err
		}
		data = appendFrame(data, one)
	}
	return data, nil
}

func byCaller(a, b *subject) int {
	if a.Kind != b.Kind {
		return int(a.Kind) - int(b.Kind)
	}
	return strings.Compare(a.ID, b.ID)
}

// restoreChunk fills c with the principals that append has written.
func (r *resource) restoreChunk(c *chunk, data []byte) error {
	for f := (frames{b: data}); !f.end(); {
		one := f.next()
		if f.failed {
			return errState
		}
		p := newSubject(r, caller{})
		if err := p.restore(one); err != nil {
			return err
		}
		p.identify(caller{p.profile.Principal.Kind, p.profile.Principal.ID})
		p.chunk = c
		c.subjects[p.caller] = p
	}
	return nil
}

// evict drops saved chunks from memory, the longest unused first, until half
// of the worker's share is free. A resource goes with its first chunk, which
// is used whenever one of the others is; not while rows of it wait, nor while
// it remembers rows that nobody has saved.
func (w *worker) evict() {
	type spot struct {
		*resource
		index int
		*chunk
	}
	var all []spot
	for _, r := range w.resources {
		for i, c := range r.chunks {
			if c != nil && !c.changed {
				all = append(all, spot{r, i, c})
			}
		}
	}
	slices.SortFunc(all, func(a, b spot) int {
		if a.used != b.used {
			return int(a.used - b.used)
		}
		return b.index - a.index
	})
	for _, p := range all {
		if w.size <= w.Memory/int64(w.Workers)/2 {
			return
		}
		if p.index > 0 {
			p.drop(p.index)
		} else if p.joins.droppable(p.place == nil) && !slices.ContainsFunc(p.chunks[1:], func(c *chunk) bool { return c != nil }) {
			p.drop(0)
			w.size -= p.itself.size + p.joins.size
			w.awaited.set(p.resource)
			delete(w.resources, p.id)
		}
	}
}

// drop forgets a chunk that was saved.
func (r *resource) drop(i int) {
	for _, p := range r.chunks[i].subjects {
		r.size -= p.size
	}
	r.chunks[i] = nil
}
