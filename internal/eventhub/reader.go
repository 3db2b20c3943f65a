package eventhub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/engine"
)

// Reader reads ranges of partitions again through a consumer group. It may be
// used by several goroutines, of which the service allows five to read the
// same partition at a time; more wait.
type Reader struct {
	hub      *Hub
	group    string
	patience time.Duration // without an event, before the partition is asked what it has
}

var _ engine.LogReader = (*Reader)(nil)

// Reader makes the Reader of a consumer group.
func (h *Hub) Reader(group string) *Reader {
	return &Reader{hub: h, group: group, patience: 2 * time.Second}
}

// Sizes of what is on its way to a Reader, in events: they bound its memory at
// some 200 times the largest message.
const (
	prefetch  = 100
	readBatch = 100
)

// Read implements engine.LogReader. Of a hub that was made again since nothing
// is kept. A cut link goes on where it was. Events that go while it reads, when
// the first was read, are a failure: the next Read begins behind them.
func (r *Reader) Read(ctx context.Context, log engine.LogID, from, to int64, do func(engine.LogEvent) error) (int64, error) {
	if from >= to {
		return to, nil
	}
	read := &reading{Reader: r, log: log, next: from, to: to, do: do}
	for failures := 0; ; failures++ {
		before := read.next
		err := read.some(ctx)
		if err == nil {
			return read.began(), nil
		}
		if read.next > before {
			failures = 0
		}
		why := verdict(err)
		if final := (errFinal{}); errors.As(err, &final) {
			why = final
		} else if why == nil && r.hub.namespace.wait(ctx, failures) != nil {
			why = ctx.Err()
		}
		if why != nil {
			return 0, r.hub.failed(fmt.Sprintf("read from event %d on of partition %s", read.next, log.Partition), why, err)
		}
	}
}

// reading is one Read.
type reading struct {
	*Reader
	log      engine.LogID
	next, to int64 // what is left
	do       func(engine.LogEvent) error
	begun    bool
	first    int64 // that was read, where one was
}

// errFinal marks what is not tried again.
type errFinal struct{ error }

func (e errFinal) Unwrap() error { return e.error }

func (r *reading) began() int64 {
	if r.begun {
		return r.first
	}
	return r.to
}

// some reads until the end, or until something fails.
func (r *reading) some(ctx context.Context) error {
	if err := r.bound(ctx); err != nil || r.next == r.to {
		return err
	}
	return r.link(ctx)
}

// bound asks what the partition has of the range.
func (r *reading) bound(ctx context.Context) error {
	hub, bounds, err := r.hub.Bounds(ctx, r.log.Partition)
	switch {
	case err != nil:
		return err
	case hub.Name != r.log.Hub:
		return errFinal{fmt.Errorf("the log is %v", r.log)}
	case hub.Created != r.log.Created:
		return r.gone(r.to)
	case bounds.Next < r.to:
		return errFinal{fmt.Errorf("it ends before event %d: there is no %d yet", bounds.Next, r.to-1)}
	case bounds.Begin > r.next:
		return r.gone(bounds.Begin)
	}
	return nil
}

// gone notes that the events before that number are no longer kept.
func (r *reading) gone(before int64) error {
	if r.begun {
		return errFinal{fmt.Errorf("its events %d to %d went while it was read", r.next, before-1)}
	}
	r.next = min(before, r.to)
	return nil
}

// link reads through one link until the end, or until that breaks.
func (r *reading) link(ctx context.Context) error {
	consumer, err := r.hub.consumer(r.group)
	if err != nil {
		return err
	}
	client, err := consumer.NewPartitionClient(r.log.Partition, &azeventhubs.PartitionClientOptions{
		StartPosition: azeventhubs.StartPosition{SequenceNumber: new(r.next), Inclusive: true},
		Prefetch:      prefetch,
	})
	if err != nil {
		return err
	}
	defer closeClient(ctx, client)
	for r.next < r.to {
		// The first event may be later than the one that was asked for, where
		// that is gone by now. So it is waited for alone.
		count := 1
		if r.begun {
			count = int(min(readBatch, r.to-r.next))
		}
		events, err := receive(ctx, client, count, r.patience)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			if err := r.bound(ctx); err != nil {
				return err
			}
		}
		for _, e := range events {
			if err := r.take(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// take hands one event on.
func (r *reading) take(e *azeventhubs.ReceivedEventData) error {
	if e.SequenceNumber < r.next {
		return nil // delivered twice
	}
	if e.SequenceNumber > r.next {
		if err := r.gone(e.SequenceNumber); err != nil {
			return err
		}
	}
	if r.next >= r.to {
		return nil
	}
	if !r.begun {
		r.begun, r.first = true, r.next
	}
	if err := r.do(engine.LogEvent{Sequence: e.SequenceNumber, Body: e.Body}); err != nil {
		return errFinal{err}
	}
	r.next++
	return nil
}

// receiver is what events come from.
type receiver interface {
	ReceiveEvents(context.Context, int, *azeventhubs.ReceiveEventsOptions) ([]*azeventhubs.ReceivedEventData, error)
	Close(context.Context) error
}

// receive is at most count events: fewer, or none, where others do not come in time.
func receive(ctx context.Context, from receiver, count int, patience time.Duration) ([]*azeventhubs.ReceivedEventData, error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	events, err := from.ReceiveEvents(limited, count, nil)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return events, err
}

// closeTime is how long the service may take to let a link go.
const closeTime = 5 * time.Second

// closeClient closes a link, even where the context has ended.
func closeClient(ctx context.Context, client receiver) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	_ = client.Close(ctx) // the link is gone, whatever the service says
}
