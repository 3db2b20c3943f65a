// Package trigger is how the Functions host listens: each instance of a
// function owns some partitions of a source through leases, dispatches the
// batches of a partition one after another, partitions beside one another,
// and writes a checkpoint behind what is done. A batch is delivered at least
// once; while a partition changes hands two owners can overlap.
package trigger

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/keywarden/keywarden/internal/functionshost/invocation"
)

// ErrLost is the end of a reader whose partition was taken by another owner.
var ErrLost = errors.New("the partition has another owner")

// Source is what a function listens to, in partitions: a hub, a container's
// change feed, a schedule.
type Source interface {
	// Partitions lists the partitions.
	Partitions(ctx context.Context) ([]string, error)
	// Open starts to read behind the checkpoint ("" = none yet) and takes the
	// partition from whoever reads it.
	Open(ctx context.Context, partition, checkpoint, owner string) (Reader, error)
	// Behind reports whether the partition holds more than the checkpoint says.
	Behind(ctx context.Context, partition, checkpoint string) (bool, error)
}

// Reader reads one partition.
type Reader interface {
	// Next waits for at least one and returns at most limit events or
	// documents. It returns ErrLost once another owner has the partition. A
	// batch may be empty where only the checkpoint moved.
	Next(ctx context.Context, limit int) (Batch, error)
	// Close ends the reading.
	Close()
}

// Batch is what one invocation gets, and the checkpoint behind it.
type Batch struct {
	Hub        invocation.Hub // of events
	Events     []invocation.Event
	Documents  []json.RawMessage
	Tick       *Tick
	Checkpoint string
}

// Tick is one occurrence of a schedule.
type Tick struct {
	Status  *invocation.Status // nil for schedules of less than a minute
	PastDue bool
}

// Len is the number of events, documents or ticks.
func (b Batch) Len() int {
	n := len(b.Events) + len(b.Documents)
	if b.Tick != nil {
		n++
	}
	return n
}
