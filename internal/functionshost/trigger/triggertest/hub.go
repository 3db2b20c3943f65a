// Package triggertest is a hub in memory, for tests of what listens to one.
package triggertest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/invocation"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
)

// Hub is a hub whose checkpoints are sequence numbers. Opening a partition
// takes it from its reader, as one owner level does.
type Hub struct {
	mu      sync.Mutex
	logs    map[string][]invocation.Event
	readers map[string]*reader
	changed chan struct{}
}

// NewHub makes an empty hub with n partitions, "0" and so on.
func NewHub(n int) *Hub {
	h := &Hub{logs: map[string][]invocation.Event{}, readers: map[string]*reader{}, changed: make(chan struct{})}
	for i := range n {
		h.logs[strconv.Itoa(i)] = nil
	}
	return h
}

// Send appends events with the given bodies.
func (h *Hub) Send(partition string, bodies ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, body := range bodies {
		n := int64(len(h.logs[partition]))
		h.logs[partition] = append(h.logs[partition], invocation.Event{Body: []byte(body), Sequence: n, Offset: strconv.FormatInt(n*100, 10), Enqueued: time.Now()})
	}
	h.wake()
}

// wake tells all readers to look again; the lock is held.
func (h *Hub) wake() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// Partitions lists them.
func (h *Hub) Partitions(context.Context) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for p := range h.logs {
		all = append(all, p)
	}
	slices.Sort(all)
	return all, nil
}

// Behind compares the checkpoint with the last event.
func (h *Hub) Behind(_ context.Context, partition, checkpoint string) (bool, error) {
	next, err := after(checkpoint)
	h.mu.Lock()
	defer h.mu.Unlock()
	return next < len(h.logs[partition]), err
}

// Open reads behind a sequence number.
func (h *Hub) Open(_ context.Context, partition, checkpoint, _ string) (trigger.Reader, error) {
	next, err := after(checkpoint)
	if err != nil {
		return nil, err
	}
	r := &reader{hub: h, partition: partition, next: next}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers[partition] = r
	h.wake()
	return r, nil
}

// after is the sequence number behind a checkpoint.
func after(checkpoint string) (int, error) {
	if checkpoint == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(checkpoint)
	if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	return n + 1, nil
}

type reader struct {
	hub       *Hub
	partition string
	next      int
}

// Next returns what there is.
func (r *reader) Next(ctx context.Context, limit int) (trigger.Batch, error) {
	for {
		r.hub.mu.Lock()
		log, changed, mine := r.hub.logs[r.partition], r.hub.changed, r.hub.readers[r.partition] == r
		r.hub.mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return trigger.Batch{}, context.Cause(ctx)
		case !mine:
			return trigger.Batch{}, trigger.ErrLost
		case r.next < len(log):
			events := slices.Clone(log[r.next:min(len(log), r.next+limit)])
			r.next += len(events)
			return trigger.Batch{Hub: invocation.Hub{Namespace: "ns", Name: "hub", ConsumerGroup: "group", Partition: r.partition},
				Events: events, Checkpoint: strconv.Itoa(r.next - 1)}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Close has nothing to end.
func (r *reader) Close() {}
