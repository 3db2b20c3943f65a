package eventhub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
)

// RunConfig says how to consume a hub. Group and Store are required.
type RunConfig struct {
	Group   string // the consumer group
	Store   azeventhubs.CheckpointStore
	Events  int           // of a batch at most; 64 where 0
	Wait    time.Duration // for more events after the first of a batch; 100 ms where 0
	Balance time.Duration // how often partitions are claimed and shared; 10 s where 0
	Expiry  time.Duration // after which the partitions of a process that died are free; 6 times Balance where 0
	Grace   time.Duration // that handlers have to end when the context has; 25 s where 0
	Log     *slog.Logger  // of what goes wrong meanwhile; slog.Default() where nil
}

// Handler takes a batch in. Of a partition one batch is handled at a time. When
// it returns nil the batch does not come again, unless this process dies or
// loses the partition before that is written down. After an error the same
// events come again, here or elsewhere.
//
// Its context ends Grace after that of Run, and not before.
type Handler func(context.Context, Batch) error

func (c *RunConfig) complete() error {
	switch {
	case c.Group == "":
		return errors.New("eventhub: run without a consumer group: there is always " + azeventhubs.DefaultConsumerGroup)
	case c.Store == nil:
		return errors.New("eventhub: run without a store of checkpoints: pass OpenFiles or OpenBlobs")
	case c.Events < 0 || c.Wait < 0 || c.Balance < 0 || c.Expiry < 0 || c.Grace < 0:
		return errors.New("eventhub: run: events, wait, balance, expiry and grace may not be negative")
	}
	setDefault(&c.Events, 64)
	setDefault(&c.Wait, 100*time.Millisecond)
	setDefault(&c.Balance, 10*time.Second)
	setDefault(&c.Expiry, 6*c.Balance)
	setDefault(&c.Grace, 25*time.Second)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return nil
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Run consumes the hub through a consumer group until the context ends, and
// then returns nil: when the handlers have ended, their checkpoints are written
// and the partitions are free for others. Other processes that run with the
// same store share the partitions. Without a checkpoint a partition begins
// with the first event that is kept; so does a hub that was made again.
//
// It returns an error where the hub cannot be used at all when it begins. Later
// all failures are logged and tried again.
func (h *Hub) Run(ctx context.Context, c RunConfig, do Handler) error {
	if err := c.complete(); err != nil {
		return err
	}
	r := &runner{hub: h, RunConfig: c, do: do, failures: map[string]int{}}
	if _, err := h.Refresh(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	for failures := 0; ctx.Err() == nil; {
		began := time.Now()
		err := r.generation(ctx)
		if err == nil {
			continue
		}
		if time.Since(began) > c.Expiry {
			failures = 0
		}
		c.Log.WarnContext(ctx, "consuming was interrupted and goes on", "hub", h.String(), "group", c.Group, "error", err)
		_ = sleep(ctx, backoff(c.Balance/10, c.Expiry, failures)) // the loop looks whether the context ended
		failures++
	}
	return nil
}

// runner is one Run.
type runner struct {
	RunConfig
	hub *Hub
	do  Handler

	mu       sync.Mutex
	failures map[string]int // by partition, since its last batch that was handled
}

var errMadeAgain = errors.New("the hub was made again")

// generation consumes one incarnation of the hub. When it returns nothing of it
// runs any more. It returns nil only when the context has ended.
func (r *runner) generation(ctx context.Context) error {
	properties, err := r.hub.Refresh(ctx)
	if err != nil {
		return err
	}
	consumer, err := r.hub.consumer(r.Group)
	if err != nil {
		return err
	}
	processor, err := azeventhubs.NewProcessor(consumer, incarnation{r.Store, properties.Created, r.Balance}, &azeventhubs.ProcessorOptions{
		UpdateInterval:              r.Balance,
		PartitionExpirationDuration: r.Expiry,
		Prefetch:                    int32(r.Events),
		StartPositions:              azeventhubs.StartPositions{Default: azeventhubs.StartPosition{Earliest: new(true)}},
	})
	if err != nil {
		return fmt.Errorf("eventhub: run: %w", err)
	}
	work, end := context.WithCancelCause(ctx)
	defer end(nil)
	// The processor outlives the handlers, so that it frees the partitions after them.
	owning, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		end(fmt.Errorf("eventhub: claim partitions of %v: %w", r.hub, processor.Run(owning)))
	}()
	var handlers sync.WaitGroup
	handlers.Go(func() { end(r.watch(work, properties)) })
	for {
		client := processor.NextPartitionClient(work)
		if client == nil {
			break
		}
		handlers.Go(func() { r.partition(work, properties, client) })
	}
	<-work.Done()
	handlers.Wait()
	release()
	<-ran
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(work)
}

// watch returns when the hub is another one, or the context has ended.
func (r *runner) watch(ctx context.Context, known Properties) error {
	for sleep(ctx, r.Balance) == nil {
		now, err := r.hub.Refresh(ctx)
		switch {
		case errors.Is(err, ErrNotFound):
			return err
		case err == nil && now.Created != known.Created:
			return fmt.Errorf("eventhub: %v: %w at %v", r.hub, errMadeAgain, now.Created)
		}
	}
	return ctx.Err()
}
