package cosmos

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/internal/engine"
)

var _ engine.DeadLetters = (*Client)(nil)

// deadLetterDocument is a dead letter; the service deletes it when its time is over.
type deadLetterDocument struct {
	ID     string `json:"id"`
	Source string `json:"source"` // the partition key: hub and partition
	engine.DeadLetter
}

func deadLetterPlace(d *engine.DeadLetter) place {
	return place{DeadlettersContainer, d.Hub + "/" + d.Partition, d.ID()}
}

// deadLettersAtOnce is how many are written or deleted at the same time.
const deadLettersAtOnce = 8

// SaveDeadLetters implements engine.DeadLetters.
func (c *Client) SaveDeadLetters(ctx context.Context, all []engine.DeadLetter) error {
	return eachDeadLetter(ctx, all, func(ctx context.Context, d *engine.DeadLetter) error {
		p := deadLetterPlace(d)
		return c.set(ctx, p, deadLetterDocument{p.id, p.partition, *d})
	})
}

// DeadLetters implements engine.DeadLetters.
func (c *Client) DeadLetters(ctx context.Context) ([]engine.DeadLetter, error) {
	var all []engine.DeadLetter
	err := c.query(ctx, DeadlettersContainer, azcosmos.NewPartitionKey(), func(item []byte) error {
		var d deadLetterDocument
		if err := json.Unmarshal(item, &d); err != nil {
			return fmt.Errorf("cosmos: dead letter: %w", err)
		}
		all = append(all, d.DeadLetter)
		return nil
	})
	slices.SortFunc(all, engine.CompareDeadLetters)
	return all, err
}

// DropDeadLetters implements engine.DeadLetters.
func (c *Client) DropDeadLetters(ctx context.Context, all []engine.DeadLetter) error {
	return eachDeadLetter(ctx, all, func(ctx context.Context, d *engine.DeadLetter) error { return c.drop(ctx, deadLetterPlace(d)) })
}

func eachDeadLetter(ctx context.Context, all []engine.DeadLetter, do func(context.Context, *engine.DeadLetter) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(deadLettersAtOnce)
	for i := range all {
		group.Go(func() error { return do(ctx, &all[i]) })
	}
	return group.Wait()
}
