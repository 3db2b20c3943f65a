package hubemulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// tenEvents is a server whose partition 0 holds ten events, "0" to "9", a
// second apart.
func tenEvents(t *testing.T, spec broker.Spec) (*hubemulator.Server, time.Time) {
	clock := newClock()
	start := clock.now()
	server := newServer(t, hubemulator.Config{Hubs: []broker.Spec{spec}, Now: clock.now})
	producer := newProducer(t, server, spec.Name)
	for i := range 10 {
		send(t, producer, to("0"), fmt.Sprint(i))
		clock.pass(time.Second)
	}
	return server, start
}

func TestStartPositions(t *testing.T) {
	server, start := tenEvents(t, broker.Spec{Name: "hub", Partitions: 1})
	consumer := newConsumer(t, server, "hub", broker.DefaultGroup)
	all, err := newReader(t, consumer, "0", earliest).ReceiveEvents(testContext(t), 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		position azeventhubs.StartPosition
		want     string // the first body
	}{
		"earliest":                  {azeventhubs.StartPosition{Earliest: pointer(true)}, "0"},
		"offset_before_all":         {azeventhubs.StartPosition{Offset: pointer("-1")}, "0"},
		"offset":                    {azeventhubs.StartPosition{Offset: &all[4].Offset}, "5"},
		"offset_inclusive":          {azeventhubs.StartPosition{Offset: &all[4].Offset, Inclusive: true}, "4"},
		"sequence_number":           {azeventhubs.StartPosition{SequenceNumber: pointer(int64(4))}, "5"},
		"sequence_number_inclusive": {azeventhubs.StartPosition{SequenceNumber: pointer(int64(4)), Inclusive: true}, "4"},
		"sequence_number_before":    {azeventhubs.StartPosition{SequenceNumber: pointer(int64(-1))}, "0"},
		"sequence_number_last":      {azeventhubs.StartPosition{SequenceNumber: pointer(int64(9)), Inclusive: true}, "9"},
		"time":                      {azeventhubs.StartPosition{EnqueuedTime: pointer(start.Add(4 * time.Second))}, "5"},
		"time_inclusive":            {azeventhubs.StartPosition{EnqueuedTime: pointer(start.Add(4 * time.Second)), Inclusive: true}, "4"},
		"time_between":              {azeventhubs.StartPosition{EnqueuedTime: pointer(start.Add(4500 * time.Millisecond))}, "5"},
		"time_long_ago":             {azeventhubs.StartPosition{EnqueuedTime: pointer(start.Add(-time.Hour))}, "0"},
		"latest_inclusive":          {azeventhubs.StartPosition{Latest: pointer(true), Inclusive: true}, "9"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := newReader(t, consumer, "0", azeventhubs.PartitionClientOptions{StartPosition: test.position})
			if got := receive(t, reader, 1); got[0] != test.want {
				t.Errorf("begins with %s, want %s", got[0], test.want)
			}
			_ = reader.Close(testContext(t)) // five may read at a time
		})
	}
}

func TestStartAtTheEnd(t *testing.T) {
	server, start := tenEvents(t, broker.Spec{Name: "hub", Partitions: 1})
	consumer, producer := newConsumer(t, server, "hub", broker.DefaultGroup), newProducer(t, server, "hub")
	last := int64(9)
	for i, position := range []azeventhubs.StartPosition{
		{}, {Latest: pointer(true)}, {SequenceNumber: &last}, {EnqueuedTime: pointer(start.Add(time.Hour))},
	} {
		reader := newReader(t, consumer, "0", azeventhubs.PartitionClientOptions{StartPosition: position, OwnerLevel: pointer(int64(i))})
		attached := make(chan struct{})
		got := make(chan []string)
		go func() {
			close(attached)
			got <- receive(t, reader, 1)
		}()
		<-attached
		// It reads what is sent after it attached, which is not to be seen from here: sending goes on until it has one.
		for body := ""; body == ""; {
			send(t, producer, to("0"), "new")
			last++
			select {
			case bodies := <-got:
				body = bodies[0]
			case <-time.After(time.Millisecond):
			}
			if body != "" && body != "new" {
				t.Errorf("position %d begins with %q", i, body)
			}
		}
	}
}

func TestStartPositionsRefused(t *testing.T) {
	server, _ := tenEvents(t, broker.Spec{Name: "hub", Partitions: 1})
	consumer := newConsumer(t, server, "hub", broker.DefaultGroup)
	for name, test := range map[string]struct {
		position azeventhubs.StartPosition
		want     string
	}{
		"sequence_number_ahead": {azeventhubs.StartPosition{SequenceNumber: pointer(int64(10))}, "The supplied sequence number '10' is invalid. The last sequence number in the system is '9'"},
		"offset_ahead":          {azeventhubs.StartPosition{Offset: pointer("99999999")}, "The supplied offset '99999999' is invalid"},
		"offset_no_number":      {azeventhubs.StartPosition{Offset: pointer("x")}, "The supplied offset 'x' is invalid"},
		"offset_with_a_quote":   {azeventhubs.StartPosition{Offset: pointer("1' OR '1")}, "The filter"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := newReader(t, consumer, "0", azeventhubs.PartitionClientOptions{StartPosition: test.position})
			if text, _ := refusalOf(t, reader); !strings.Contains(text, test.want) || !strings.Contains(text, "com.microsoft:argument-error") {
				t.Errorf("%s; want %q", text, test.want)
			}
		})
	}
}

func TestGeoReplicatedOffsets(t *testing.T) {
	server, _ := tenEvents(t, broker.Spec{Name: "hub", Partitions: 1, GeoReplicated: true})
	consumer := newConsumer(t, server, "hub", broker.DefaultGroup)
	events, err := newReader(t, consumer, "0", earliest).ReceiveEvents(testContext(t), 5, nil)
	if err != nil || !strings.HasPrefix(events[4].Offset, "1:") || !strings.HasSuffix(events[4].Offset, ":4") {
		t.Fatalf("%v, %v", events, err)
	}
	reader := newReader(t, consumer, "0", azeventhubs.PartitionClientOptions{StartPosition: azeventhubs.StartPosition{Offset: &events[4].Offset}})
	if got := receive(t, reader, 1); got[0] != "5" {
		t.Errorf("begins with %s, want 5", got[0])
	}
	reader = newReader(t, consumer, "0", azeventhubs.PartitionClientOptions{StartPosition: azeventhubs.StartPosition{Offset: pointer("4")}})
	if text, _ := refusalOf(t, reader); !strings.Contains(text, "com.microsoft:georeplication:invalid-offset") {
		t.Errorf("an offset of before: %s", text)
	}
}

func TestRetentionAsClientsSeeIt(t *testing.T) {
	clock := newClock()
	server := newServer(t, hubemulator.Config{Hubs: []broker.Spec{{Name: "hub", Partitions: 1, Retention: time.Hour}}, Now: clock.now})
	producer, consumer := newProducer(t, server, "hub"), newConsumer(t, server, "hub", broker.DefaultGroup)
	send(t, producer, to("0"), "old")
	clock.pass(30 * time.Minute)
	send(t, producer, to("0"), "young")
	clock.pass(40 * time.Minute)
	if got := receive(t, newReader(t, consumer, "0", earliest), 1); got[0] != "young" {
		t.Errorf("the first that is left is %q", got[0])
	}
	fromGap := azeventhubs.PartitionClientOptions{StartPosition: azeventhubs.StartPosition{SequenceNumber: pointer(int64(0)), Inclusive: true}}
	if got := receive(t, newReader(t, consumer, "0", fromGap), 1); got[0] != "young" {
		t.Errorf("from a sequence number that is gone: %q", got[0])
	}
	properties, err := producer.GetPartitionProperties(testContext(t), "0", nil)
	if err != nil || properties.BeginningSequenceNumber != 1 || properties.LastEnqueuedSequenceNumber != 1 || properties.IsEmpty {
		t.Errorf("%+v, %v", properties, err)
	}
}
