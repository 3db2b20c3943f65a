package invocation

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"
)

// Content is what one invocation hands over: the body of its request but for
// what changes from try to try.
type Content struct {
	data, metadata object
}

// RetryContext is what a function with a retry policy is told of earlier
// tries. Exception is a serialised .NET object of kilobytes, or nil.
type RetryContext struct {
	RetryCount    int
	MaxRetryCount int
	Exception     json.RawMessage
	Instance      *string
	State         struct{}
}

// Body is the JSON of the request. function is the function's name; retry is
// nil where it has no retry policy.
func (c Content) Body(function string, now time.Time, retry *RetryContext) []byte {
	metadata := append(object(nil), c.metadata...)
	if !metadata.has("sys") { // an event's own "sys" shadows the host's
		var sys object
		sys.set("MethodName", encode(function))
		sys.set("UtcNow", encode(now.UTC().Format(dotNet)+"Z"))
		sys.set("RandGuid", encode(NewID()))
		metadata.set("sys", sys.String())
	}
	if retry != nil {
		metadata.set("RetryContext", encode(retry))
	}
	var body object
	body.set("Data", c.data.String())
	body.set("Metadata", metadata.String())
	return []byte(body.String())
}

// dotNet is a DateTime of unspecified kind: up to seven digits of a second, no zone.
const dotNet = "2006-01-02T15:04:05.9999999"

// NewID returns a random UUID, as invocations and instances are named by.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Documents is the content of a Cosmos DB trigger: a JSON string that holds a
// string that holds the array of the documents.
func Documents(name string, documents []json.RawMessage) (Content, error) {
	array := []byte{'['}
	for i, d := range documents {
		text, ok := compact(d)
		if !ok {
			return Content{}, fmt.Errorf("document %d is no JSON", i)
		}
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, text...)
	}
	var c Content
	c.data.set(name, inString(string(append(array, ']'))))
	return c, nil
}

// Status is where the schedule of a timer stands.
type Status struct {
	Last, Next, LastUpdated time.Time
}

// Timer is the content of a timer trigger. status is nil for schedules of
// less than a minute.
func Timer(name string, status *Status, pastDue bool) Content {
	value := "null"
	if status != nil {
		var o object
		o.set("Last", encode(offset(status.Last)))
		o.set("Next", encode(offset(status.Next)))
		o.set("LastUpdated", encode(offset(status.LastUpdated)))
		value = o.String()
	}
	var timer object
	timer.set("Schedule", `{"AdjustForDST":true}`)
	timer.set("ScheduleStatus", value)
	timer.set("IsPastDue", encode(pastDue))
	var c Content
	c.data.set(name, timer.String())
	return c
}

// offset is a DateTimeOffset in UTC.
func offset(t time.Time) string { return t.UTC().Format(dotNet) + "+00:00" }
