package eventhub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Publisher sends messages to the partitions of a usage hub. It may be used by
// several goroutines: of each partition one message is on its way at a time,
// and the others wait in the order in which they came.
type Publisher struct {
	hub   *Hub
	ids   []string
	lanes []chan struct{} // by partition: full while a message is on its way
}

var _ engine.Publisher = (*Publisher)(nil)

// Publisher makes the Publisher of the hub, whose partitions it asks for.
func (h *Hub) Publisher(ctx context.Context) (*Publisher, error) {
	properties, err := h.Properties(ctx)
	if err != nil {
		return nil, err
	}
	p := &Publisher{hub: h, ids: properties.Partitions}
	for range p.ids {
		p.lanes = append(p.lanes, make(chan struct{}, 1))
	}
	return p, nil
}

// Partitions is how many the hub had when the Publisher was made.
func (p *Publisher) Partitions() int { return len(p.ids) }

// Publish returns when the hub has accepted the message. What can pass is tried
// again until the context ends. A message whose acceptance got lost is sent
// again: a partition may hold it twice, one right after the other but for what
// others sent between.
func (p *Publisher) Publish(ctx context.Context, partition int, message []byte) error {
	if partition < 0 || partition >= len(p.ids) {
		return fmt.Errorf("eventhub: %v has %d partitions: there is no number %d", p.hub, len(p.ids), partition)
	}
	select {
	case p.lanes[partition] <- struct{}{}:
		defer func() { <-p.lanes[partition] }()
	case <-ctx.Done():
		return p.hub.failed(fmt.Sprintf("publish to partition %d", partition), ctx.Err(), errors.New("others were before it"))
	}
	return p.hub.send(ctx, p.ids[partition], message)
}

// Tick tells all partitions the time, and when the latest record of any resource
// was logged, 0 where that is unknown. The number of partitions is checked
// again: it is an error that wraps engine.ErrPartitions where it is another.
func (p *Publisher) Tick(ctx context.Context, now time.Time, heard detectors.Time) error {
	properties, err := p.hub.Properties(ctx)
	if err != nil {
		return err
	}
	if n := len(properties.Partitions); n != len(p.ids) {
		return fmt.Errorf("eventhub: %v: %w: it has %d, and had %d", p.hub, engine.ErrPartitions, n, len(p.ids))
	}
	return p.Broadcast(ctx, usagelog.AppendTick(nil, detectors.TimeOf(now), heard))
}

// Command publishes what an analyst says: a verdict to the partition of its
// resource, all else to each. After an error some partitions may have it; said
// again with the same id it replaces itself.
func (p *Publisher) Command(ctx context.Context, c *detectors.Command) error {
	message, err := usagelog.AppendCommand(nil, c)
	if err != nil {
		return err
	}
	if c.Verdict != nil {
		return p.Publish(ctx, usagelog.Partition(c.Verdict.Principal.Resource, len(p.ids)), message)
	}
	return p.Broadcast(ctx, message)
}

// Broadcast publishes a message to each partition. After an error some have it.
func (p *Publisher) Broadcast(ctx context.Context, message []byte) error {
	failures := make([]error, len(p.ids))
	var all sync.WaitGroup
	for i := range p.ids {
		all.Go(func() { failures[i] = p.Publish(ctx, i, message) })
	}
	all.Wait()
	return errors.Join(failures...)
}

// send sends one event to a partition; to one of the service's choice where it is "".
func (h *Hub) send(ctx context.Context, partition string, body []byte) error {
	what := "publish"
	options := &azeventhubs.EventDataBatchOptions{}
	if partition != "" {
		what, options.PartitionID = "publish to partition "+partition, &partition
	}
	return h.again(ctx, what, func() error {
		// A batch is made anew for each try: it belongs to the link that it was made for.
		batch, err := h.producer.NewEventDataBatch(ctx, options)
		if err != nil {
			return err
		}
		err = batch.AddEventData(&azeventhubs.EventData{Body: body}, nil)
		if errors.Is(err, azeventhubs.ErrEventDataTooLarge) {
			return fmt.Errorf("%w: it has %d bytes", ErrTooLarge, len(body))
		}
		if err != nil {
			return err
		}
		return h.producer.SendEventDataBatch(ctx, batch, nil)
	})
}
