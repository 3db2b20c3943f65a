package eventhub

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
)

// partition handles the events of a partition until the context ends, another
// process takes it, or something fails. Then the partition is given up: the
// processor opens it again from its checkpoint.
func (r *runner) partition(ctx context.Context, hub Properties, client *azeventhubs.ProcessorPartitionClient) {
	defer closeClient(ctx, client)
	id := client.PartitionID()
	p := &owned{runner: r, hub: hub, client: client, last: math.MinInt64}
	var err error
	for err == nil && ctx.Err() == nil {
		err = p.batch(ctx)
	}
	var coded *azeventhubs.Error
	switch {
	case err == nil || ctx.Err() != nil && verdict(err) == nil && !errors.Is(err, errHandler):
	case errors.As(err, &coded) && coded.Code == azeventhubs.ErrorCodeOwnershipLost:
		r.Log.InfoContext(ctx, "another process took the partition", "hub", hub.Name, "group", r.Group, "partition", id)
	default:
		r.mu.Lock()
		failures := r.failures[id]
		r.failures[id]++
		r.mu.Unlock()
		r.Log.WarnContext(ctx, "a partition was given up and is taken again from its checkpoint",
			"hub", hub.Name, "group", r.Group, "partition", id, "failures", failures+1, "error", err)
		_ = sleep(ctx, backoff(r.Balance/10, 6*r.Balance, failures)) // it is closed in any case
	}
}

// owned is a partition that this process reads.
type owned struct {
	*runner
	hub    Properties
	client *azeventhubs.ProcessorPartitionClient
	last   int64 // number of the latest event that was handled
}

var errHandler = errors.New("the events were not taken in")

// idle is how long a partition may be silent before the context is looked at.
const idle = time.Minute

// batch waits for events, handles them and writes that down.
func (p *owned) batch(ctx context.Context) error {
	events, err := receive(ctx, p.client, 1, idle)
	if err != nil || len(events) == 0 {
		return err
	}
	if p.Events > 1 {
		// A failure here comes up again with the next batch.
		more, _ := receive(ctx, p.client, p.Events-1, p.Wait)
		events = append(events, more...)
	}
	if ctx.Err() != nil {
		return nil // others will handle them
	}
	b := Batch{Hub: p.hub, ConsumerGroup: p.Group, Partition: p.client.PartitionID()}
	before := p.last
	for _, e := range events {
		if e.SequenceNumber > before { // else delivered twice
			b.Events = append(b.Events, eventOf(e))
			before = e.SequenceNumber
		}
	}
	if len(b.Events) == 0 {
		return nil
	}
	working, cancel := outlast(ctx, p.Grace)
	defer cancel()
	if err := p.do(working, b); err != nil {
		return fmt.Errorf("%w: %w", errHandler, err)
	}
	p.last = before
	p.mu.Lock()
	delete(p.failures, b.Partition)
	p.mu.Unlock()
	if err := p.client.UpdateCheckpoint(working, events[len(events)-1], nil); err != nil {
		return fmt.Errorf("write the checkpoint after event %d: %w", before, err)
	}
	return nil
}

// outlast is a context that ends so long after the given one.
func outlast(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		_ = sleep(longer, grace)
		cancel()
	})
	return longer, func() { stop(); cancel() }
}
