package engine

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/internal/azurelog"
)

// readAtOnce is how many documents are read at the same time.
const readAtOnce = 16

// readAhead is what was read of the ledger before it is needed: all that a message
// needs at once, not one after the other. What could not be read is not there:
// it is read again when it is needed, and the error is told then.
type readAhead struct {
	heads  map[string]Head
	chunks map[ChunkKey][]byte
}

// lookAhead reads what judging the message will need and is not in memory.
func (p *Partition) lookAhead(ctx context.Context) {
	heads := map[string]Head{}
	for i := range p.m.Entries {
		if id := p.m.Entries[i].Fragment.Resource; p.w.resources[id] == nil {
			heads[id] = Head{}
		}
	}
	for i := range p.m.Sightings {
		if id := routeOf(p.m.Sightings[i].From.Prefix); p.w.resources[id] == nil {
			heads[id] = Head{}
		}
	}
	p.ahead = readAhead{heads: readAll(ctx, heads, p.Ledger.Head)}
	chunks := map[ChunkKey][]byte{}
	for i := range p.m.Entries {
		f := &p.m.Entries[i].Fragment
		if f.Act != nil || f.Continued || f.NearEmpty || f.Category != azurelog.RequestResponse && f.Category != azurelog.GatewayLogs {
			continue
		}
		r := p.w.resource(f.Resource)
		if p.w.err != nil {
			return
		}
		if index := r.chunkOf(callerOf(f)); r.chunks[index] == nil && !r.assembling() && r.place.head.Chunks[index] != 0 {
			chunks[ChunkKey{r.id, index, r.place.head.Chunks[index]}] = nil
		}
	}
	p.ahead.chunks = readAll(ctx, chunks, p.Ledger.Chunk)
}

// readAll reads the values of the keys of a map, several at once. One alone is
// left to whoever needs it.
func readAll[K comparable, V any](ctx context.Context, keys map[K]V, read func(context.Context, K) (V, error)) map[K]V {
	if len(keys) < 2 {
		return nil
	}
	var mu sync.Mutex
	found := make(map[K]V, len(keys))
	var group errgroup.Group
	group.SetLimit(readAtOnce)
	for key := range keys {
		group.Go(func() error {
			if v, err := read(ctx, key); err == nil {
				mu.Lock()
				defer mu.Unlock()
				found[key] = v
			}
			return nil
		})
	}
	_ = group.Wait() // none of them fails
	return found
}
