package invocation

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Event is one event of a hub.
type Event struct {
	Body         []byte
	PartitionKey *string
	Offset       string // not a number where the namespace is geo-replicated
	Sequence     int64
	Enqueued     time.Time
	Properties   json.RawMessage // a JSON object; nil = none
}

// Hub is where events come from.
type Hub struct {
	Namespace     string `json:"FullyQualifiedNamespace"`
	Name          string `json:"EventHubName"`
	ConsumerGroup string `json:"ConsumerGroup"`
	Partition     string `json:"PartitionId"`
}

// Shape is how a function wants its events: the name of its binding, its
// cardinality and its data type ("binary", "string" or "").
type Shape struct {
	Name     string
	Many     bool
	DataType string
}

// Events is the content of an invocation with events of one partition; with
// cardinality one there must be exactly one. An event that is not JSON, where
// the data type is not set, fails the batch here: the handler sees nothing.
func Events(shape Shape, hub Hub, events []Event) (Content, error) {
	var c Content
	data, err := shape.data(events)
	if err != nil {
		return Content{}, err
	}
	c.data.set(shape.Name, data)
	context := encode(struct {
		Checkpointing bool `json:"IsCheckpointingAfterInvocation"`
		Hub
	}{true, hub})
	c.metadata.set("TriggerPartitionContext", context)
	c.metadata.set("PartitionContext", context)
	if shape.Many {
		c.metadata.batch(events)
		return c, nil
	}
	c.metadata.single(events[0])
	if shape.DataType != "binary" {
		c.metadata.merge(events[0].Body)
	}
	return c, nil
}

// Admin is the content of an invocation through the admin API of a function
// with an Event Hubs trigger: one event that never was in a hub.
func Admin(shape Shape, input string) (Content, error) {
	event := Event{Body: []byte(input), Offset: "-1"}
	data, err := shape.data([]Event{event})
	if err != nil {
		return Content{}, err
	}
	var c Content
	c.data.set(shape.Name, data)
	c.metadata.set("Offset", inString("-1"))
	c.metadata.set("SequenceNumber", inString(0))
	c.metadata.set("EnqueuedTimeUtc", encode(time.Time{}.Format(dotNet)))
	c.metadata.set("Properties", "{}")
	c.metadata.set("SystemProperties", encode(system{Offset: -1, Enqueued: time.Time{}.Format(dotNet)}))
	c.metadata.set(shape.Name, inString(input))
	c.metadata.merge([]byte(input))
	return c, nil
}

// data is the value of the binding.
func (s Shape) data(events []Event) (string, error) {
	if !s.Many && len(events) != 1 {
		return "", fmt.Errorf("cardinality one with %d events", len(events))
	}
	switch {
	case s.DataType == "binary" && !s.Many:
		return encode(base64.StdEncoding.EncodeToString(events[0].Body)), nil
	case !s.Many:
		return inString(text(events[0].Body)), nil
	}
	values := make([]string, len(events))
	for i, e := range events {
		switch s.DataType {
		case "binary":
			values[i] = encode(base64.StdEncoding.EncodeToString(e.Body))
		case "string":
			values[i] = encode(text(e.Body))
		default:
			value, ok := compact(e.Body)
			if !ok {
				return "", fmt.Errorf("event %d (sequence number %d) is no JSON, and without a dataType that fails the whole batch", i, e.Sequence)
			}
			values[i] = value
		}
	}
	return encode("[" + strings.Join(values, ",") + "]"), nil
}

// text is a body as the host decodes it: what is no UTF-8 becomes U+FFFD.
func text(body []byte) string { return string([]rune(string(body))) }

// system is what the host calls the system properties of an event.
type system struct {
	XSequence *int64  `json:"x-opt-sequence-number,omitempty"`
	XOffset   string  `json:"x-opt-offset,omitempty"`
	XEnqueued string  `json:"x-opt-enqueued-time,omitempty"`
	Sequence  int64   `json:"SequenceNumber"`
	Offset    int64   `json:"Offset"`
	OffsetStr *string `json:"OffsetString"`
	Key       *string `json:"PartitionKey"`
	Enqueued  string  `json:"EnqueuedTimeUtc"`
}

func (e Event) system() system {
	return system{XSequence: &e.Sequence, XOffset: e.Offset, XEnqueued: offset(e.Enqueued), Sequence: e.Sequence, Offset: e.number(),
		OffsetStr: &e.Offset, Key: e.PartitionKey, Enqueued: e.Enqueued.UTC().Format(dotNet)}
}

// number is the offset as a number, -1 where it is none.
func (e Event) number() int64 {
	n, err := strconv.ParseInt(e.Offset, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (e Event) properties() json.RawMessage {
	if len(e.Properties) == 0 {
		return json.RawMessage("{}")
	}
	return e.Properties
}

// batch adds what a batch is told of its events, in arrays.
func (o *object) batch(events []Event) {
	n := len(events)
	keys, offsets, strs := make([]*string, n), make([]string, n), make([]string, n)
	sequences, times := make([]int64, n), make([]string, n)
	properties, systems := make([]json.RawMessage, n), make([]system, n)
	for i, e := range events {
		keys[i], offsets[i], strs[i] = e.PartitionKey, strconv.FormatInt(e.number(), 10), e.Offset
		sequences[i], times[i] = e.Sequence, e.Enqueued.UTC().Format(dotNet)
		properties[i], systems[i] = e.properties(), e.system()
	}
	o.set("PartitionKeyArray", inString(keys))
	o.set("OffsetArray", inString(offsets))
	o.set("OffsetStringArray", inString(strs))
	o.set("SequenceNumberArray", inString(sequences))
	o.set("EnqueuedTimeUtcArray", inString(times))
	o.set("PropertiesArray", inString(properties))
	o.set("SystemPropertiesArray", inString(systems))
}

// single adds what a single event is told of itself. Its time is cut to seconds.
func (o *object) single(e Event) {
	if e.PartitionKey != nil {
		o.set("PartitionKey", inString(*e.PartitionKey))
	}
	o.set("Offset", inString(strconv.FormatInt(e.number(), 10)))
	o.set("OffsetString", inString(e.Offset))
	o.set("SequenceNumber", inString(e.Sequence))
	o.set("EnqueuedTimeUtc", encode(e.Enqueued.UTC().Format("2006-01-02T15:04:05")))
	o.set("Properties", string(e.properties()))
	o.set("SystemProperties", encode(e.system()))
}

// merge adds the top-level members of a JSON object but for its arrays; they
// shadow what the host says, even PartitionContext and sys.
func (o *object) merge(body []byte) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return
	}
	for name, value := range members {
		switch value[0] {
		case '[':
		case '{':
			text, _ := compact(value)
			o.set(name, text)
		case '"':
			o.set(name, encode(string(value)))
		default:
			o.set(name, inString(string(value)))
		}
	}
}
