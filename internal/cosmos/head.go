package cosmos

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/internal/engine"
)

// headDocument is a head as it is stored.
type headDocument struct {
	ID        string          `json:"id"`
	Partition string          `json:"resource"` // the partition key
	Name      string          `json:"name"`     // the resource, for people
	Revision  engine.Revision `json:"revision"`
	Reached   []engine.Reach  `json:"reached"`
	Chunks    []int64         `json:"chunks"`
	Data      packed          `json:"data"`
}

func headPlace(resource string) place { return statePlace("resource", resource, "head") }

// Head implements engine.Ledger.
func (l *Ledger) Head(ctx context.Context, resource string) (engine.Head, error) {
	p := headPlace(resource)
	var d headDocument
	etag, err := l.get(ctx, p, &d)
	switch {
	case errors.Is(err, errMissing):
		return engine.Head{Resource: resource}, nil
	case err != nil:
		return engine.Head{}, err
	case d.Name != resource:
		return engine.Head{}, fmt.Errorf("cosmos: %v is the head of %q and not of %q", p, d.Name, resource)
	}
	return engine.Head{
		Resource: resource, Revision: d.Revision, Reached: d.Reached, Chunks: d.Chunks, Data: d.Data, ETag: string(etag),
	}, nil
}

// SaveHead implements engine.Ledger.
func (l *Ledger) SaveHead(ctx context.Context, h *engine.Head) error {
	p := headPlace(h.Resource)
	d := headDocument{p.id, p.partition, h.Resource, h.Revision, h.Reached, h.Chunks, h.Data}
	etag, err := commit(ctx, l.Client, p, &d, h.ETag)
	if err != nil {
		return err
	}
	h.ETag = etag
	return nil
}

// chunkDocument is a chunk as it is stored.
type chunkDocument struct {
	ID        string `json:"id"`
	Partition string `json:"resource"` // the partition key
	Data      packed `json:"data"`
}

func chunkPlace(key engine.ChunkKey) place {
	return statePlace("resource", key.Resource, fmt.Sprintf("chunk-%d-%d", key.Index, key.Generation))
}

// Chunk implements engine.Ledger.
func (l *Ledger) Chunk(ctx context.Context, key engine.ChunkKey) ([]byte, error) {
	var d chunkDocument
	_, err := l.get(ctx, chunkPlace(key), &d)
	if errors.Is(err, errMissing) {
		return nil, engine.ErrStale
	}
	return d.Data, err
}

// SaveChunk implements engine.Ledger.
func (l *Ledger) SaveChunk(ctx context.Context, key engine.ChunkKey, data []byte) error {
	p := chunkPlace(key)
	return l.set(ctx, p, chunkDocument{p.id, p.partition, data})
}

// dropAtOnce is how many chunks are deleted at the same time.
const dropAtOnce = 4

// DropChunks implements engine.Ledger.
func (l *Ledger) DropChunks(ctx context.Context, keys []engine.ChunkKey) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(dropAtOnce)
	for _, key := range keys {
		group.Go(func() error { return l.drop(ctx, chunkPlace(key)) })
	}
	return group.Wait()
}
