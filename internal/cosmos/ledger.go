package cosmos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/keywarden/keywarden/internal/engine"
)

// Ledger is engine.Ledger over a database. All that is known of one resource
// has one partition key, a hash of the resource's id, as has each checkpoint:
// ids of resources hold characters that ids of documents must not.
//
//	head                          the head: commit of the resource
//	chunk-INDEX-GENERATION        a chunk, written once
//	checkpoint                    of the log of a usage partition
//	layout                        how many partitions the usage hub has
type Ledger struct {
	*Client
	recent recent
}

var _ engine.Ledger = (*Ledger)(nil)

// Ledger is a Ledger over the database.
func (c *Client) Ledger() *Ledger { return &Ledger{Client: c} }

// statePlace is where a document of the state is: of whom it is, and its id.
func statePlace(kind, of, id string) place {
	sum := sha256.Sum256([]byte(kind + "\x00" + of))
	return place{StateContainer, base64.RawURLEncoding.EncodeToString(sum[:16]), id}
}

// commit stores v in place of the version that etag names, or as the first one
// where that is "". ErrStale where another version stands; the same one does
// where an answer was lost, and is as good as stored.
func commit[T any](ctx context.Context, c *Client, p place, v *T, etag string) (string, error) {
	stored, err := c.put(ctx, p, v, azcore.ETag(etag))
	switch {
	case err == nil:
		return string(stored), nil
	case !errors.Is(err, errExists) && !errors.Is(err, errChanged) && !errors.Is(err, errMissing):
		return "", err
	}
	var there T
	stored, err = c.get(ctx, p, &there)
	if errors.Is(err, errMissing) {
		return "", engine.ErrStale
	}
	if err != nil {
		return "", err
	}
	mine, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("cosmos: encode %v: %w", p, err)
	}
	theirs, err := json.Marshal(&there)
	if err != nil {
		return "", fmt.Errorf("cosmos: encode %v: %w", p, err)
	}
	if !bytes.Equal(mine, theirs) {
		return "", engine.ErrStale
	}
	return string(stored), nil
}

// layoutDocument says what the state was made for.
type layoutDocument struct {
	ID         string `json:"id"`
	Resource   string `json:"resource"` // the partition key
	Partitions int    `json:"partitions"`
}

// Partitions implements engine.Ledger.
func (l *Ledger) Partitions(ctx context.Context, n int) error {
	p := statePlace("layout", "", "layout")
	var there layoutDocument
	_, err := l.get(ctx, p, &there)
	if errors.Is(err, errMissing) {
		_, err = l.put(ctx, p, layoutDocument{p.id, p.partition, n}, "")
		if err == nil {
			return nil
		}
		if errors.Is(err, errExists) {
			_, err = l.get(ctx, p, &there)
		}
	}
	if err != nil {
		return err
	}
	if there.Partitions != n {
		return fmt.Errorf("%w: it has %d, and had %d", engine.ErrPartitions, n, there.Partitions)
	}
	return nil
}

// checkpointDocument is a checkpoint as it is stored.
type checkpointDocument struct {
	ID       string `json:"id"`
	Resource string `json:"resource"` // the partition key
	engine.Checkpoint
}

func checkpointPlace(log engine.LogID) place {
	return statePlace("log", fmt.Sprintf("%q %d %q", log.Hub, log.Created, log.Partition), "checkpoint")
}

// Checkpoint implements engine.Ledger.
func (l *Ledger) Checkpoint(ctx context.Context, log engine.LogID) (engine.Checkpoint, error) {
	var d checkpointDocument
	etag, err := l.get(ctx, checkpointPlace(log), &d)
	if errors.Is(err, errMissing) {
		return engine.Checkpoint{Log: log}, nil
	}
	d.ETag = string(etag)
	return d.Checkpoint, err
}

// SaveCheckpoint implements engine.Ledger.
func (l *Ledger) SaveCheckpoint(ctx context.Context, c *engine.Checkpoint) error {
	p := checkpointPlace(c.Log)
	etag, err := commit(ctx, l.Client, p, &checkpointDocument{p.id, p.partition, *c}, c.ETag)
	if err != nil {
		return err
	}
	c.ETag = etag
	return nil
}
