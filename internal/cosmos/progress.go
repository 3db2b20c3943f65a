package cosmos

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/engine"
)

var _ engine.ProgressStore = (*Client)(nil)

// progressKind is the partition key of documents about progress.
const progressKind = "progress"

// progressDocument is the progress of one function on one partition.
type progressDocument struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"` // the partition key
	Progress engine.Progress `json:"progress"`
}

func progressPlace(key engine.ProgressKey) place {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", key.Function, key.Hub, key.Partition))
	return place{ConfigContainer, progressKind, base64.RawURLEncoding.EncodeToString(sum[:16])}
}

// Progress implements engine.ProgressStore.
func (c *Client) Progress(ctx context.Context, key engine.ProgressKey) (engine.Progress, error) {
	var d progressDocument
	etag, err := c.get(ctx, progressPlace(key), &d)
	if errors.Is(err, errMissing) {
		return engine.Progress{ProgressKey: key}, nil
	}
	d.Progress.ETag = string(etag)
	return d.Progress, err
}

// SaveProgress implements engine.ProgressStore.
func (c *Client) SaveProgress(ctx context.Context, p *engine.Progress) error {
	at := progressPlace(p.ProgressKey)
	etag, err := commit(ctx, c, at, &progressDocument{at.id, progressKind, *p}, p.ETag)
	if err != nil {
		return err
	}
	p.ETag = etag
	return nil
}

// AllProgress implements engine.ProgressStore.
func (c *Client) AllProgress(ctx context.Context) ([]engine.Progress, error) {
	var all []engine.Progress
	err := c.query(ctx, ConfigContainer, azcosmos.NewPartitionKeyString(progressKind), func(item []byte) error {
		var d progressDocument
		if err := json.Unmarshal(item, &d); err != nil {
			return fmt.Errorf("cosmos: progress: %w", err)
		}
		var stored struct {
			ETag string `json:"_etag"`
		}
		if err := json.Unmarshal(item, &stored); err != nil {
			return fmt.Errorf("cosmos: progress: %w", err)
		}
		d.Progress.ETag = stored.ETag
		all = append(all, d.Progress)
		return nil
	})
	return all, err
}

// query hands do all documents of a container that have a partition key, or
// all there are where that is empty. A page may be empty without being the last.
func (c *Client) query(ctx context.Context, container string, key azcosmos.PartitionKey, do func(item []byte) error) error {
	pages := c.containers[container].NewQueryItemsPager("SELECT * FROM c", key, nil)
	for pages.More() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return wrap("query "+container, err)
		}
		for _, item := range page.Items {
			if err := do(item); err != nil {
				return err
			}
		}
	}
	return nil
}
