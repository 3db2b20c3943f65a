package eventhub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Hub is one hub of a Namespace. All that is sent to it shares a connection;
// each consumer group has another.
type Hub struct {
	namespace *Namespace
	name      string
	producer  *azeventhubs.ProducerClient

	mu        sync.Mutex
	consumers map[string]*azeventhubs.ConsumerClient // by group
	known     Properties
	read      time.Time        // when known was; zero where nothing is
	seen      map[string]place // by partition, the latest event of known
}

// place is where and when an event was.
type place struct {
	sequence int64
	enqueued time.Time
}

// Properties are those of one incarnation of a hub.
type Properties struct {
	Name       string         // "NAMESPACE/HUB", in lower case
	Created    detectors.Time // of the hub: what was deleted and made again differs by it
	Partitions []string       // ids, by number
}

// Log is the engine's name of a partition.
func (p Properties) Log(partition string) engine.LogID {
	return engine.LogID{Hub: p.Name, Created: p.Created, Partition: partition}
}

// Source is a partition as the source of records.
func (p Properties) Source(partition string) usagelog.Source {
	return usagelog.Source{Hub: p.Name + "/" + p.Created.String(), Partition: partition}
}

// fresh is how long Properties are believed.
const fresh = time.Minute

// Properties are the hub's, at most a minute old.
func (h *Hub) Properties(ctx context.Context) (Properties, error) {
	h.mu.Lock()
	known, read := h.known, h.read
	h.mu.Unlock()
	if !read.IsZero() && time.Since(read) < fresh {
		return known, nil
	}
	return h.Refresh(ctx)
}

// PropertiesAt are Properties of the hub that delivered a batch, of which the
// first and the last event are given. They are read anew where a partition's
// events come for the first time, and where it begins with a number that it has
// delivered before, at another time: only another hub of the name does that.
func (h *Hub) PropertiesAt(ctx context.Context, partition string, first, last Event) (Properties, error) {
	h.mu.Lock()
	seen, known := h.seen[partition]
	if !known || first.Sequence <= seen.sequence && first.Enqueued.After(seen.enqueued) {
		h.read = time.Time{}
	}
	h.mu.Unlock()
	p, err := h.Properties(ctx)
	if err != nil {
		return Properties{}, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if seen, known := h.seen[partition]; !known || last.Sequence > seen.sequence {
		h.seen[partition] = place{last.Sequence, last.Enqueued}
	}
	return p, nil
}

// Refresh reads the Properties from the service.
func (h *Hub) Refresh(ctx context.Context) (p Properties, err error) {
	err = h.again(ctx, "properties", func() error {
		p, err = h.ask(ctx)
		return err
	})
	return p, err
}

// ask reads the Properties once.
func (h *Hub) ask(ctx context.Context) (Properties, error) {
	raw, err := h.producer.GetEventHubProperties(ctx, nil)
	if err != nil {
		return Properties{}, err
	}
	p := Properties{Name: h.String(), Created: detectors.TimeOf(raw.CreatedOn), Partitions: slices.Clone(raw.PartitionIDs)}
	slices.SortFunc(p.Partitions, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	for i, id := range p.Partitions {
		if id != strconv.Itoa(i) {
			return Properties{}, fmt.Errorf("its partitions are %q, not 0 to %d", p.Partitions, len(p.Partitions)-1)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if p.Created != h.known.Created {
		clear(h.seen)
	}
	h.known, h.read = p, time.Now()
	return p, nil
}

// Bounds are the numbers of the events of a partition: from Begin on and before
// Next. They are equal where it is empty.
type Bounds struct{ Begin, Next int64 }

// Bounds reads which events of a partition are there, and of which hub they are.
func (h *Hub) Bounds(ctx context.Context, partition string) (Properties, Bounds, error) {
	var hub Properties
	var p azeventhubs.PartitionProperties
	err := h.again(ctx, "properties of partition "+partition, func() (err error) {
		// The SDK mends a broken management link for the first question only.
		if hub, err = h.ask(ctx); err != nil {
			return err
		}
		p, err = h.partitionProperties(ctx, partition)
		return err
	})
	if err != nil {
		return Properties{}, Bounds{}, err
	}
	next := p.LastEnqueuedSequenceNumber + 1
	if p.IsEmpty {
		return hub, Bounds{next, next}, nil
	}
	return hub, Bounds{p.BeginningSequenceNumber, next}, nil
}

// partitionProperties asks for them. The SDK waits for the answer whatever the
// context says: where that ends first, the goroutine ends with the answer or
// the connection.
func (h *Hub) partitionProperties(ctx context.Context, partition string) (azeventhubs.PartitionProperties, error) {
	type answer struct {
		azeventhubs.PartitionProperties
		err error
	}
	got := make(chan answer, 1)
	go func() {
		p, err := h.producer.GetPartitionProperties(ctx, partition, nil)
		got <- answer{p, err}
	}()
	select {
	case a := <-got:
		return a.PartitionProperties, a.err
	case <-ctx.Done():
		return azeventhubs.PartitionProperties{}, ctx.Err()
	}
}

// String is "NAMESPACE/HUB", in lower case.
func (h *Hub) String() string { return hubName(h.namespace, h.name) }

// newProducer makes the client that sends and asks.
func (h *Hub) newProducer() (*azeventhubs.ProducerClient, error) {
	c := &h.namespace.config
	o := &azeventhubs.ProducerClientOptions{ApplicationID: application, RetryOptions: c.Retry, TLSConfig: c.TLS, NewWebSocketConn: c.WebSocket}
	if c.Credential != nil {
		return azeventhubs.NewProducerClient(h.namespace.host, h.name, c.Credential, o)
	}
	return azeventhubs.NewProducerClientFromConnectionString(c.Namespace, h.parameter(), o)
}

// consumer is the client that reads for a consumer group.
func (h *Hub) consumer(group string) (*azeventhubs.ConsumerClient, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if client := h.consumers[group]; client != nil {
		return client, nil
	}
	client, err := h.newConsumer(group)
	if err != nil {
		return nil, fmt.Errorf("eventhub: a client for %v, consumer group %s: %w", h, group, err)
	}
	h.consumers[group] = client
	return client, nil
}

func (h *Hub) newConsumer(group string) (*azeventhubs.ConsumerClient, error) {
	c := &h.namespace.config
	o := &azeventhubs.ConsumerClientOptions{ApplicationID: application, RetryOptions: c.Retry, TLSConfig: c.TLS, NewWebSocketConn: c.WebSocket}
	if c.Credential != nil {
		return azeventhubs.NewConsumerClient(h.namespace.host, h.name, group, c.Credential, o)
	}
	return azeventhubs.NewConsumerClientFromConnectionString(c.Namespace, h.parameter(), group, o)
}

// parameter is the hub's name as the SDK wants it beside a connection string.
func (h *Hub) parameter() string {
	if h.namespace.entity != "" {
		return ""
	}
	return h.name
}

func (h *Hub) close(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := []error{h.producer.Close(ctx)}
	for _, client := range h.consumers {
		all = append(all, client.Close(ctx))
	}
	clear(h.consumers)
	return errors.Join(all...)
}
