package hubemulator_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// checkpoints is a checkpoint store in memory.
type checkpoints struct {
	mu          sync.Mutex
	tags        int
	ownerships  map[string]azeventhubs.Ownership
	checkpoints map[string]azeventhubs.Checkpoint
}

var _ azeventhubs.CheckpointStore = (*checkpoints)(nil)

func newCheckpoints() *checkpoints {
	return &checkpoints{ownerships: map[string]azeventhubs.Ownership{}, checkpoints: map[string]azeventhubs.Checkpoint{}}
}

func (c *checkpoints) ClaimOwnership(_ context.Context, claims []azeventhubs.Ownership, _ *azeventhubs.ClaimOwnershipOptions) ([]azeventhubs.Ownership, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var claimed []azeventhubs.Ownership
	for _, claim := range claims {
		held, ok := c.ownerships[claim.PartitionID]
		if ok && (claim.ETag == nil || *claim.ETag != *held.ETag) {
			continue
		}
		c.tags++
		claim.ETag, claim.LastModifiedTime = pointer(azcore.ETag(fmt.Sprint(c.tags))), time.Now()
		c.ownerships[claim.PartitionID] = claim
		claimed = append(claimed, claim)
	}
	return claimed, nil
}

func (c *checkpoints) ListOwnership(context.Context, string, string, string, *azeventhubs.ListOwnershipOptions) ([]azeventhubs.Ownership, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.ownerships)), nil
}

func (c *checkpoints) ListCheckpoints(context.Context, string, string, string, *azeventhubs.ListCheckpointsOptions) ([]azeventhubs.Checkpoint, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.checkpoints)), nil
}

func (c *checkpoints) SetCheckpoint(_ context.Context, checkpoint azeventhubs.Checkpoint, _ *azeventhubs.SetCheckpointOptions) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checkpoints[checkpoint.PartitionID] = checkpoint
	return nil
}

// process runs a processor until done says so, which is asked after each
// event.
func process(t *testing.T, server *hubemulator.Server, store *checkpoints, event func(body string) (done bool)) {
	t.Helper()
	consumer := newConsumer(t, server, "hub", broker.DefaultGroup)
	processor, err := azeventhubs.NewProcessor(consumer, store, &azeventhubs.ProcessorOptions{
		LoadBalancingStrategy: azeventhubs.ProcessorStrategyGreedy, UpdateInterval: 10 * time.Millisecond,
		StartPositions: azeventhubs.StartPositions{Default: azeventhubs.StartPosition{Earliest: pointer(true)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(testContext(t))
	defer stop()
	var working sync.WaitGroup
	working.Go(func() {
		for reader := processor.NextPartitionClient(ctx); reader != nil; reader = processor.NextPartitionClient(ctx) {
			working.Go(func() {
				defer reader.Close(context.Background()) //nolint:errcheck // a test's
				for {
					events, err := reader.ReceiveEvents(ctx, 1, nil)
					if err != nil {
						return
					}
					if event(string(events[0].Body)) {
						stop()
					}
					if err := reader.UpdateCheckpoint(context.Background(), events[0], nil); err != nil {
						t.Error(err)
					}
				}
			})
		}
	})
	if err := processor.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	working.Wait()
}

// Two processors one after the other, with links detached and connections cut
// on the way, see each event at least once, and the second continues at the
// first one's checkpoints.
func TestProcessor(t *testing.T) {
	script := hubemulator.NewScript(
		hubemulator.Step{On: hubemulator.OpDeliver, After: 5, Fault: hubemulator.Fault{Detach: hubemulator.DetachForced}},
		hubemulator.Step{On: hubemulator.OpDeliver, After: 5, Fault: hubemulator.Fault{Cut: true}},
	)
	server := newServer(t, hubemulator.Config{Hubs: oneHub(4), Faults: script})
	producer := newProducer(t, server, "hub")
	sendAll := func(from int) {
		for i := from; i < from+40; i++ {
			send(t, producer, to(fmt.Sprint(i%4)), fmt.Sprint(i))
		}
	}
	store := newCheckpoints()
	for round, from := range []int{0, 40} {
		sendAll(from)
		var mu sync.Mutex
		seen := map[string]bool{}
		process(t, server, store, func(body string) bool {
			mu.Lock()
			defer mu.Unlock()
			seen[body] = true
			fresh := 0
			for i := from; i < from+40; i++ {
				if seen[fmt.Sprint(i)] {
					fresh++
				}
			}
			return fresh == 40
		})
		if round == 1 && len(seen) > 50 {
			t.Errorf("the second saw %d events: it did not continue at the checkpoints", len(seen))
		}
	}
	if script.Hits() != 2 {
		t.Errorf("%d faults of 2 happened", script.Hits())
	}
}
