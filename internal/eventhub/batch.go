package eventhub

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Batch is events of one partition, ascending by sequence number.
type Batch struct {
	Hub           Properties // the incarnation that delivered them
	ConsumerGroup string
	Partition     string
	Events        []Event // one at least
}

// Event is an event of a hub.
type Event struct {
	Sequence int64     // in its partition
	Offset   string    // opaque
	Enqueued time.Time // when the hub took it in
	Body     []byte    // as it was sent
}

// Log is the engine's name of the partition.
func (b *Batch) Log() engine.LogID { return b.Hub.Log(b.Partition) }

// Source is the partition as the source of records.
func (b *Batch) Source() usagelog.Source { return b.Hub.Source(b.Partition) }

// LogEvents are the events as those of a usage hub.
func (b *Batch) LogEvents() []engine.LogEvent {
	events := make([]engine.LogEvent, len(b.Events))
	for i, e := range b.Events {
		events[i] = engine.LogEvent{Sequence: e.Sequence, Body: e.Body}
	}
	return events
}

// HubEvents are the events as those of a diagnostics hub.
func (b *Batch) HubEvents() []engine.HubEvent {
	events := make([]engine.HubEvent, len(b.Events))
	for i, e := range b.Events {
		events[i] = engine.HubEvent{Sequence: e.Sequence, Body: e.Body}
		if !e.Enqueued.IsZero() {
			events[i].Enqueued = detectors.TimeOf(e.Enqueued)
		}
	}
	return events
}

// eventOf is an event as it was received.
func eventOf(r *azeventhubs.ReceivedEventData) Event {
	e := Event{Sequence: r.SequenceNumber, Offset: r.Offset, Body: r.Body}
	if r.EnqueuedTime != nil {
		e.Enqueued = r.EnqueuedTime.UTC()
	}
	return e
}
