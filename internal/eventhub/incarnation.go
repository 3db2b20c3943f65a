package eventhub

import (
	"context"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/detectors"
)

// incarnation is a store of checkpoints that keeps those of a hub that was made
// again apart: to the store the hub's name is "HUB@CREATED". So what a process
// still writes that has not noticed does no harm.
type incarnation struct {
	store   azeventhubs.CheckpointStore
	created detectors.Time
	pause   time.Duration // between tries
}

func (s incarnation) name(hub string) string { return hub + "@" + s.created.String() }

// ClaimOwnership implements azeventhubs.CheckpointStore.
func (s incarnation) ClaimOwnership(ctx context.Context, wanted []azeventhubs.Ownership, o *azeventhubs.ClaimOwnershipOptions) ([]azeventhubs.Ownership, error) {
	named := make([]azeventhubs.Ownership, len(wanted))
	for i, w := range wanted {
		w.EventHubName = s.name(w.EventHubName)
		named[i] = w
	}
	got, err := s.store.ClaimOwnership(ctx, named, o)
	if len(wanted) > 0 {
		plainOwners(got, wanted[0].EventHubName)
	}
	return got, err
}

// ListOwnership implements azeventhubs.CheckpointStore.
func (s incarnation) ListOwnership(ctx context.Context, namespace, hub, group string, o *azeventhubs.ListOwnershipOptions) ([]azeventhubs.Ownership, error) {
	got, err := s.store.ListOwnership(ctx, namespace, s.name(hub), group, o)
	plainOwners(got, hub)
	return got, err
}

func plainOwners(owners []azeventhubs.Ownership, hub string) {
	for i := range owners {
		owners[i].EventHubName = hub
	}
}

// ListCheckpoints implements azeventhubs.CheckpointStore. It tries until the
// context ends: the SDK's processor never comes back to a partition whose
// checkpoint it could not read.
func (s incarnation) ListCheckpoints(ctx context.Context, namespace, hub, group string, o *azeventhubs.ListCheckpointsOptions) ([]azeventhubs.Checkpoint, error) {
	for failures := 0; ; failures++ {
		got, err := s.store.ListCheckpoints(ctx, namespace, s.name(hub), group, o)
		if err == nil {
			for i := range got {
				got[i].EventHubName = hub
			}
			return got, nil
		}
		if sleep(ctx, backoff(s.pause/10, s.pause, failures)) != nil {
			return nil, err
		}
	}
}

// SetCheckpoint implements azeventhubs.CheckpointStore.
func (s incarnation) SetCheckpoint(ctx context.Context, c azeventhubs.Checkpoint, o *azeventhubs.SetCheckpointOptions) error {
	c.EventHubName = s.name(c.EventHubName)
	return s.store.SetCheckpoint(ctx, c, o)
}
