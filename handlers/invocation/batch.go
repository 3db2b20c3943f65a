package invocation

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// Batch is the events of one invocation of an Event Hubs function: all of one
// partition, ascending by sequence number.
type Batch struct {
	Namespace     string // its full name, NAME.servicebus.windows.net
	Hub           string
	ConsumerGroup string
	Partition     string // "" where the event came from no hub: see Placed
	Events        []Event
	Retry         Retry
}

// Event is an event of a hub.
type Event struct {
	Sequence   int64           // in its partition
	Offset     string          // opaque: it is a number in some namespaces only
	Enqueued   time.Time       // when the hub took it in; zero where that is unknown
	Body       []byte          // as it was sent
	Properties json.RawMessage // the sender's, as an object; nil where there are none
}

// Encoding is how the bodies of events stand in an invocation: the dataType of function.json.
type Encoding uint8

// Encodings. Binary carries any body; Text replaces what is no UTF-8.
const (
	Binary Encoding = iota
	Text
)

// DecodeEvents is DecodeBatch of binary events, as the functions here get them.
func DecodeEvents(body []byte) (Batch, error) { return DecodeBatch(body, Binary) }

// DecodeBatch decodes an invocation of a function whose trigger is named
// "events", of either cardinality. The body is written over, and the events
// point into it.
func DecodeBatch(body []byte, as Encoding) (Batch, error) {
	w, err := parse(body)
	if err != nil {
		return Batch{}, err
	}
	value, err := w.binding("events")
	if err != nil {
		return Batch{}, err
	}
	bodies, err := eventBodies(value, as)
	if err != nil {
		return Batch{}, fmt.Errorf("invocation: Data.events: %w", err)
	}
	b := Batch{Events: make([]Event, len(bodies))}
	for i := range bodies {
		b.Events[i].Body = bodies[i]
	}
	if b.Retry, err = w.retry(); err != nil {
		return Batch{}, err
	}
	if err := b.describe(&w); err != nil {
		return Batch{}, err
	}
	if err := b.position(&w); err != nil {
		return Batch{}, err
	}
	return b, nil
}

// Placed returns do for batches that came from a hub. Through the host's admin
// API somebody can make up an event that has no place in any partition: it is
// ignored, since it could not be counted once, and to fail would only bring it
// back without end.
func Placed(do func(context.Context, Batch) error) func(context.Context, Batch) error {
	return func(ctx context.Context, b Batch) error {
		if b.Partition == "" {
			return nil
		}
		return do(ctx, b)
	}
}

// eventBodies decodes an array of bodies, or a single one, wrapped in a string or not.
func eventBodies(value []byte, as Encoding) ([][]byte, error) {
	value, err := unwrap(value)
	if err != nil {
		return nil, err
	}
	if len(value) == 0 || value[0] != '[' {
		body, err := eventBody(value, as)
		return [][]byte{body}, err
	}
	bodies, err := elements(value)
	if err != nil {
		return nil, err
	}
	for i, element := range bodies {
		if bodies[i], err = eventBody(element, as); err != nil {
			return nil, fmt.Errorf("event %d of %d: %w", i+1, len(bodies), err)
		}
	}
	return bodies, nil
}

// eventBody decodes one body: a string, with or without its quotes, or the
// JSON itself that was sent.
func eventBody(value []byte, as Encoding) ([]byte, error) {
	if len(value) > 0 && value[0] == '{' {
		return value, nil
	}
	body, err := unwrap(value)
	if err != nil || as == Text {
		return body, err
	}
	n, err := base64.StdEncoding.Decode(body, body) // reads each eight bytes before it writes six
	if err != nil {
		return nil, fmt.Errorf("no base64: function.json must have dataType binary: %w", err)
	}
	return body[:n], nil
}

// describe reads which partition the events are of.
func (b *Batch) describe(w *wire) error {
	value := w.metadata["TriggerPartitionContext"]
	if value == nil {
		value = w.metadata["PartitionContext"]
	}
	if value == nil || isNull(value) {
		return nil
	}
	err := members(value, func(key string, value []byte) (err error) {
		switch key {
		case "FullyQualifiedNamespace":
			b.Namespace, err = plain(value)
		case "EventHubName":
			b.Hub, err = plain(value)
		case "ConsumerGroup":
			b.ConsumerGroup, err = plain(value)
		case "PartitionId":
			b.Partition, err = plain(value)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("invocation: PartitionContext: %w", err)
	}
	return nil
}

// position reads where in the partition each event is. One that the host was
// delivered twice is left out: between the first number and the last, all are
// there, and to refuse the batch would only bring it back without end.
func (b *Batch) position(w *wire) error {
	sequences, err := w.list("SequenceNumberArray", "SequenceNumber")
	if err != nil {
		return err
	}
	offsets, err := w.list("OffsetStringArray", "OffsetString")
	if err == nil && offsets == nil {
		offsets, err = w.list("OffsetArray", "Offset")
	}
	if err != nil {
		return err
	}
	times, err := w.list("EnqueuedTimeUtcArray", "EnqueuedTimeUtc")
	if err != nil {
		return err
	}
	properties := [][]byte{w.metadata["Properties"]}
	if array := w.metadata["PropertiesArray"]; array != nil {
		if properties, err = unwrapArray(array); err != nil {
			return fmt.Errorf("invocation: PropertiesArray: %w", err)
		}
	}
	n := len(b.Events)
	if len(sequences) != n || len(offsets) != n || len(times) != n || len(properties) != n {
		return fmt.Errorf("invocation: %d events, but %d sequence numbers, %d offsets, %d times and %d properties",
			n, len(sequences), len(offsets), len(times), len(properties))
	}
	kept := b.Events[:0]
	for i, e := range b.Events {
		e.Offset, e.Properties = offsets[i], raw(properties[i])
		if e.Sequence, err = strconv.ParseInt(sequences[i], 10, 64); err != nil {
			return fmt.Errorf("invocation: sequence number of event %d of %d: %w", i+1, n, err)
		}
		if e.Enqueued, err = instant(times[i]); err != nil {
			return err
		}
		if len(kept) == 0 || e.Sequence > kept[len(kept)-1].Sequence {
			kept = append(kept, e)
			continue
		}
		if e.Sequence < kept[0].Sequence {
			return fmt.Errorf("invocation: event %d comes after event %d, though the host sends a partition in order", e.Sequence, kept[len(kept)-1].Sequence)
		}
	}
	b.Events = kept
	return nil
}

// lane: invocations of one partition come one after the other.
func (b Batch) lane() string { return b.Namespace + "/" + b.Hub + "/" + b.Partition }

func (b Batch) attributes() []slog.Attr {
	all := []slog.Attr{slog.String("hub", b.Hub), slog.String("partition", b.Partition), slog.Int("events", len(b.Events))}
	if n := len(b.Events); n > 0 {
		all = append(all, slog.Int64("first", b.Events[0].Sequence), slog.Int64("last", b.Events[n-1].Sequence))
	}
	return append(all, b.Retry.attributes()...)
}

func (b Batch) summary() string {
	switch {
	case b.Partition == "":
		return fmt.Sprintf("%d events ignored: they come from no hub", len(b.Events))
	case len(b.Events) == 0:
		return "no events of partition " + b.Partition
	}
	return fmt.Sprintf("%d events of partition %s, %d to %d", len(b.Events), b.Partition, b.Events[0].Sequence, b.Events[len(b.Events)-1].Sequence)
}

func (r Retry) attributes() []slog.Attr {
	if r == (Retry{}) {
		return nil
	}
	return []slog.Attr{slog.Int("retry", r.Count)}
}
