package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
)

// closeTimeout bounds the friendly end of a connection.
const closeTimeout = 2 * time.Second

// hub is an event hub as a source; its checkpoints are sequence numbers.
type hub struct {
	options Options
	connect func(options *azeventhubs.ConsumerClientOptions) (*azeventhubs.ConsumerClient, error)
	of      invocation.Hub
	fromEnd bool

	mu      sync.Mutex
	manager *azeventhubs.ConsumerClient // for questions about the hub
	parts   []string
}

func (o Options) openHub(t app.Binding, host app.Host, settings map[string]string) (*hub, error) {
	text, address, err := connection(t.Connection, "fullyQualifiedNamespace", settings)
	if err != nil {
		return nil, err
	}
	group := t.ConsumerGroup
	if group == "" {
		group = azeventhubs.DefaultConsumerGroup
	}
	h := &hub{options: o, fromEnd: host.FromEnd, of: invocation.Hub{Namespace: address, Name: t.EventHubName, ConsumerGroup: group}}
	if text == "" {
		credential, err := o.credential()
		if err != nil {
			return nil, err
		}
		h.connect = func(options *azeventhubs.ConsumerClientOptions) (*azeventhubs.ConsumerClient, error) {
			return azeventhubs.NewConsumerClient(address, t.EventHubName, group, credential, options)
		}
		return h, nil
	}
	properties, err := azeventhubs.ParseConnectionString(text)
	if err != nil {
		return nil, fmt.Errorf("the setting %s is no connection string of Event Hubs", t.Connection) // the cause may quote its key
	}
	h.of.Namespace = properties.FullyQualifiedNamespace
	named := t.EventHubName
	if properties.EntityPath != nil {
		named = "" // the SDK takes it from the connection string alone
	}
	h.connect = func(options *azeventhubs.ConsumerClientOptions) (*azeventhubs.ConsumerClient, error) {
		return azeventhubs.NewConsumerClientFromConnectionString(text, named, group, options)
	}
	return h, nil
}

// manage is the client for questions about the hub.
func (h *hub) manage() (*azeventhubs.ConsumerClient, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.manager == nil {
		client, err := h.connect(&h.options.Hub)
		if err != nil {
			return nil, fmt.Errorf("connect to hub %s: %w", h.of.Name, err)
		}
		h.manager = client
	}
	return h.manager, nil
}

// Partitions asks the hub once.
func (h *hub) Partitions(ctx context.Context) ([]string, error) {
	h.mu.Lock()
	known := h.parts
	h.mu.Unlock()
	if known != nil {
		return known, nil
	}
	client, err := h.manage()
	if err != nil {
		return nil, err
	}
	properties, err := client.GetEventHubProperties(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("ask hub %s for its partitions: %w", h.of.Name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts = properties.PartitionIDs
	return h.parts, nil
}

// Behind compares the checkpoint with the last sequence number.
func (h *hub) Behind(ctx context.Context, partition, checkpoint string) (bool, error) {
	client, err := h.manage()
	if err != nil {
		return false, err
	}
	properties, err := client.GetPartitionProperties(ctx, partition, nil)
	if err != nil {
		return false, fmt.Errorf("ask partition %s of hub %s: %w", partition, h.of.Name, err)
	}
	if properties.IsEmpty {
		return false, nil
	}
	done := int64(-1)
	if checkpoint != "" {
		if done, err = strconv.ParseInt(checkpoint, 10, 64); err != nil {
			return false, fmt.Errorf("checkpoint of partition %s: %w", partition, err)
		}
	}
	return properties.LastEnqueuedSequenceNumber > done, nil
}

// Close ends the connection for questions.
func (h *hub) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.manager == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return h.manager.Close(ctx)
}

// ownerLevel is the host's: of two readers with the same, the later one stays.
const ownerLevel = 0

// Open reads behind a sequence number on a connection of its own.
func (h *hub) Open(_ context.Context, partition, checkpoint, owner string) (trigger.Reader, error) {
	position := azeventhubs.StartPosition{Earliest: to.Ptr(true)}
	if h.fromEnd {
		position = azeventhubs.StartPosition{Latest: to.Ptr(true)}
	}
	if checkpoint != "" {
		n, err := strconv.ParseInt(checkpoint, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("checkpoint of partition %s: %w", partition, err)
		}
		position = azeventhubs.StartPosition{SequenceNumber: &n}
	}
	options := h.options.Hub
	options.InstanceID = owner
	client, err := h.connect(&options)
	if err != nil {
		return nil, fmt.Errorf("connect to hub %s: %w", h.of.Name, err)
	}
	reader, err := client.NewPartitionClient(partition, &azeventhubs.PartitionClientOptions{StartPosition: position, OwnerLevel: to.Ptr[int64](ownerLevel)})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read partition %s of hub %s: %w", partition, h.of.Name, err), client.Close(context.Background()))
	}
	of := h.of
	of.Partition = partition
	return &hubReader{client: client, reader: reader, of: of, gather: max(h.options.Gather, 5*time.Millisecond)}, nil
}

type hubReader struct {
	client *azeventhubs.ConsumerClient
	reader *azeventhubs.PartitionClient
	of     invocation.Hub
	gather time.Duration
}

// Next waits for one event and takes what else comes within a moment.
func (r *hubReader) Next(ctx context.Context, limit int) (trigger.Batch, error) {
	received, err := r.reader.ReceiveEvents(ctx, 1, nil)
	if err == nil && limit > 1 {
		soon, cancel := context.WithTimeout(ctx, r.gather)
		var more []*azeventhubs.ReceivedEventData
		more, err = r.reader.ReceiveEvents(soon, limit-1, nil)
		cancel()
		received = append(received, more...)
	}
	if len(received) == 0 {
		var failure *azeventhubs.Error
		if errors.As(err, &failure) && failure.Code == azeventhubs.ErrorCodeOwnershipLost {
			return trigger.Batch{}, trigger.ErrLost
		}
		return trigger.Batch{}, fmt.Errorf("receive: %w", err)
	}
	b := trigger.Batch{Hub: r.of, Checkpoint: strconv.FormatInt(received[len(received)-1].SequenceNumber, 10)}
	for _, e := range received {
		b.Events = append(b.Events, event(e))
	}
	return b, nil
}

func event(e *azeventhubs.ReceivedEventData) invocation.Event {
	out := invocation.Event{Body: e.Body, PartitionKey: e.PartitionKey, Offset: e.Offset, Sequence: e.SequenceNumber}
	if e.EnqueuedTime != nil {
		out.Enqueued = *e.EnqueuedTime
	}
	if len(e.Properties) > 0 {
		if text, err := json.Marshal(e.Properties); err == nil { // values that JSON does not know are left out
			out.Properties = text
		}
	}
	return out
}

// Close ends the connection.
func (r *hubReader) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = errors.Join(r.reader.Close(ctx), r.client.Close(ctx)) // the service frees what is left
}
