package hubemulator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

func TestSendAndReceive(t *testing.T) {
	clock := newClock()
	server := newServer(t, hubemulator.Config{Hubs: oneHub(4), Now: clock.now})
	producer, consumer := newProducer(t, server, "hub"), newConsumer(t, server, "hub", broker.DefaultGroup)
	ctx := testContext(t)
	batch, err := producer.NewEventDataBatch(ctx, to("2"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		event := &azeventhubs.EventData{
			Body: fmt.Append(nil, "event ", i), ContentType: pointer("text/plain"), MessageID: pointer(fmt.Sprint("id", i)),
			CorrelationID: "c", Properties: map[string]any{"n": int64(i), "s": "x"},
		}
		if err := batch.AddEventData(event, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.SendEventDataBatch(ctx, batch, nil); err != nil {
		t.Fatal(err)
	}
	events, err := newReader(t, consumer, "2", earliest).ReceiveEvents(ctx, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, event := range events {
		if string(event.Body) != fmt.Sprint("event ", i) || event.SequenceNumber != int64(i) || !event.EnqueuedTime.Equal(clock.now()) ||
			*event.ContentType != "text/plain" || *event.MessageID != fmt.Sprint("id", i) || event.CorrelationID != "c" || event.PartitionKey != nil {
			t.Errorf("event %d: %+v", i, event)
		}
		if diff := cmp.Diff(map[string]any{"n": int64(i), "s": "x"}, event.Properties); diff != "" {
			t.Errorf("event %d (-want +got):\n%s", i, diff)
		}
	}
	if events[0].Offset == events[1].Offset {
		t.Errorf("two events at offset %s", events[0].Offset)
	}
}

func TestProperties(t *testing.T) {
	clock := newClock()
	server := newServer(t, hubemulator.Config{
		Hubs: []broker.Spec{{Name: "Hub", Partitions: 2}, {Name: "geo", Partitions: 1, GeoReplicated: true}},
		Now:  clock.now,
	})
	ctx := testContext(t)
	producer := newProducer(t, server, "hub")
	hub, err := producer.GetEventHubProperties(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(azeventhubs.EventHubProperties{CreatedOn: clock.now(), Name: "Hub", PartitionIDs: []string{"0", "1"}}, hub); diff != "" {
		t.Errorf("hub (-want +got):\n%s", diff)
	}
	geo, err := newProducer(t, server, "geo").GetEventHubProperties(ctx, nil)
	if err != nil || !geo.GeoReplicationEnabled {
		t.Errorf("%+v, %v", geo, err)
	}
	empty := azeventhubs.PartitionProperties{
		EventHubName: "Hub", PartitionID: "1", IsEmpty: true, LastEnqueuedOffset: "-1", LastEnqueuedSequenceNumber: -1,
	}
	partition, err := producer.GetPartitionProperties(ctx, "1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(empty, partition); diff != "" {
		t.Errorf("empty partition (-want +got):\n%s", diff)
	}
	send(t, producer, to("1"), "a", "b")
	partition, err = producer.GetPartitionProperties(ctx, "1", nil)
	if err != nil || partition.IsEmpty || partition.LastEnqueuedSequenceNumber != 1 || !partition.LastEnqueuedOn.Equal(clock.now()) {
		t.Errorf("%+v, %v", partition, err)
	}
	if _, err := producer.GetPartitionProperties(ctx, "2", nil); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("partition 2: %v", err)
	}
	if _, err := newProducer(t, server, "other").GetEventHubProperties(ctx, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("another hub: %v", err)
	}
}

func TestRouting(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(4)})
	producer := newProducer(t, server, "hub")
	for i := range 8 {
		send(t, producer, nil, fmt.Sprint(i))
	}
	hub, err := server.Broker().Hub("hub")
	if err != nil {
		t.Fatal(err)
	}
	next := func(id string) int64 {
		partition, err := hub.Partition(id)
		if err != nil {
			t.Fatal(err)
		}
		return partition.Next()
	}
	for _, id := range hub.PartitionIDs() {
		if next(id) != 2 {
			t.Errorf("partition %s has %d events of 8 without a key", id, next(id))
		}
	}
	key := "FWfAT" // whose hash is -22341
	send(t, producer, &azeventhubs.EventDataBatchOptions{PartitionKey: &key}, "a", "b")
	if next("1") != 4 {
		t.Errorf("partition 1 has %d events, want those of the key too", next("1"))
	}
	reader := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "1", azeventhubs.PartitionClientOptions{
		StartPosition: azeventhubs.StartPosition{SequenceNumber: pointer(int64(2)), Inclusive: true},
	})
	events, err := reader.ReceiveEvents(testContext(t), 2, nil)
	if err != nil || events[0].PartitionKey == nil || *events[0].PartitionKey != key {
		t.Errorf("%+v, %v", events, err)
	}
	long := strings.Repeat("k", 129)
	if err := trySend(t, producer, &azeventhubs.EventDataBatchOptions{PartitionKey: &long}, "x"); err == nil {
		t.Error("a key of 129 characters was taken")
	}
}

func TestWhatIsNotThere(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: []broker.Spec{{Name: "hub", Partitions: 1, ConsumerGroups: []string{"recovery"}}}})
	send(t, newProducer(t, server, "hub"), to("0"), "a")
	for name, err := range map[string]error{
		"hub":       trySend(t, newProducer(t, server, "other"), nil, "x"),
		"partition": trySend(t, newProducer(t, server, "hub"), to("1"), "x"),
	} {
		if err == nil || !strings.Contains(err.Error(), "amqp:not-found") {
			t.Errorf("send to another %s: %v", name, err)
		}
	}
	for group, found := range map[string]bool{"recovery": true, "$default": true, "other": false} {
		_, err := newReader(t, newConsumer(t, server, "hub", group), "0", earliest).ReceiveEvents(testContext(t), 1, nil)
		if found && err != nil || !found && (err == nil || !strings.Contains(err.Error(), "amqp:not-found")) {
			t.Errorf("group %s: %v", group, err)
		}
	}
}

func TestSizeLimit(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Limits: hubemulator.Limits{Message: 100_000}})
	producer := newProducer(t, server, "hub")
	batch, err := producer.NewEventDataBatch(testContext(t), to("0"))
	if err != nil {
		t.Fatal(err)
	}
	err = batch.AddEventData(&azeventhubs.EventData{Body: make([]byte, 100_000)}, nil)
	if !errors.Is(err, azeventhubs.ErrEventDataTooLarge) {
		t.Errorf("the client would send 100,000 bytes: %v", err)
	}
	bodies := make([]string, 90) // several frames
	for i := range bodies {
		bodies[i] = strings.Repeat(fmt.Sprint(i%10), 1000)
	}
	send(t, producer, to("0"), bodies...)
	got := receive(t, newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", earliest), len(bodies))
	if diff := cmp.Diff(bodies, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLargeEventsInManyFrames(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	body := strings.Repeat("0123456789", 100_000)
	send(t, newProducer(t, server, "hub"), to("0"), body)
	got := receive(t, newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", earliest), 1)
	if got[0] != body {
		t.Errorf("%d bytes came of %d", len(got[0]), len(body))
	}
}

func TestCredit(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	var bodies []string
	for i := range 2500 {
		bodies = append(bodies, fmt.Sprint(i))
	}
	send(t, newProducer(t, server, "hub"), to("0"), bodies...)
	for _, prefetch := range []int32{-1, 0, 1, 7, 5000} {
		t.Run(fmt.Sprint("prefetch_", prefetch), func(t *testing.T) {
			options := earliest
			options.Prefetch = prefetch
			reader := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", options)
			var got []string
			for _, count := range []int{1, 999, 1500} {
				got = append(got, receive(t, reader, count)...)
			}
			if diff := cmp.Diff(bodies, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// More transfers than the client's session has room for.
func TestWindowOfTheClient(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	bodies := make([]string, 6000)
	for i := range bodies {
		bodies[i] = fmt.Sprint(i)
	}
	send(t, newProducer(t, server, "hub"), to("0"), bodies...)
	got := receive(t, newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", earliest), len(bodies))
	if diff := cmp.Diff(bodies, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReceiveWaits(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	reader := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", earliest)
	got := make(chan []string)
	go func() { got <- receive(t, reader, 2) }()
	producer := newProducer(t, server, "hub")
	send(t, producer, to("0"), "a")
	send(t, producer, to("0"), "b")
	if diff := cmp.Diff([]string{"a", "b"}, <-got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDeleteHub(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	producer, consumer := newProducer(t, server, "hub"), newConsumer(t, server, "hub", broker.DefaultGroup)
	send(t, producer, to("0"), "a")
	reader := newReader(t, consumer, "0", earliest)
	receive(t, reader, 1)
	before, err := producer.GetEventHubProperties(testContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.DeleteHub("hub"); err != nil {
		t.Fatal(err)
	}
	if err := trySend(t, producer, to("0"), "b"); err == nil || !strings.Contains(err.Error(), "amqp:not-found") {
		t.Errorf("send to a deleted hub: %v", err)
	}
	if text, _ := refusalOf(t, reader); !strings.Contains(text, "amqp:not-found") {
		t.Errorf("receive from a deleted hub: %s", text)
	}
	if _, err := server.Broker().Create(broker.Spec{Name: "hub", Partitions: 1}); err != nil {
		t.Fatal(err)
	}
	after, err := producer.GetEventHubProperties(testContext(t), nil)
	if err != nil || !after.CreatedOn.After(before.CreatedOn) {
		t.Errorf("created at %s and then %s, %v", before.CreatedOn, after.CreatedOn, err)
	}
	send(t, producer, to("0"), "c")
	if got := receive(t, newReader(t, consumer, "0", earliest), 1); got[0] != "c" {
		t.Errorf("%q", got)
	}
	if err := server.DeleteHub("other"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("delete what is not there: %v", err)
	}
}

func TestStateIsKept(t *testing.T) {
	config := hubemulator.Config{Hubs: oneHub(2), State: t.TempDir()}
	first, err := hubemulator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	producer := newProducer(t, first, "hub")
	send(t, producer, to("1"), "a", "b")
	before, err := producer.GetEventHubProperties(testContext(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := newServer(t, config)
	producer = newProducer(t, second, "hub")
	after, err := producer.GetEventHubProperties(testContext(t), nil)
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("%v (-before +after):\n%s", err, diff)
	}
	send(t, producer, to("1"), "c")
	events, err := newReader(t, newConsumer(t, second, "hub", broker.DefaultGroup), "1", earliest).ReceiveEvents(testContext(t), 3, nil)
	if err != nil || events[2].SequenceNumber != 2 || string(events[2].Body) != "c" || string(events[0].Body) != "a" {
		t.Errorf("%+v, %v", events, err)
	}
}
