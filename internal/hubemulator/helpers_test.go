package hubemulator_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// oneHub is a hub called "hub".
func oneHub(partitions int) []broker.Spec {
	return []broker.Spec{{Name: "hub", Partitions: partitions}}
}

// clock is the server's in tests that move it. It begins now: clients sign
// with the time of the machine.
type clock struct{ millis atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.millis.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(c.millis.Load()).UTC() }

func (c *clock) pass(d time.Duration) { c.millis.Add(d.Milliseconds()) }

func newServer(t testing.TB, config hubemulator.Config) *hubemulator.Server {
	t.Helper()
	server, err := hubemulator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return server
}

// testContext ends before the test's patience does.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// quick are retries that do not make a test wait.
var quick = azeventhubs.RetryOptions{MaxRetries: 3, RetryDelay: time.Millisecond, MaxRetryDelay: 10 * time.Millisecond}

// never is no retries.
var never = azeventhubs.RetryOptions{MaxRetries: -1}

func newProducer(t testing.TB, server *hubemulator.Server, hub string) *azeventhubs.ProducerClient {
	t.Helper()
	return producerWith(t, server, server.ConnectionString(""), hub, quick)
}

func producerWith(t testing.TB, server *hubemulator.Server, connection, hub string, retry azeventhubs.RetryOptions) *azeventhubs.ProducerClient {
	t.Helper()
	client, err := azeventhubs.NewProducerClientFromConnectionString(connection, hub,
		&azeventhubs.ProducerClientOptions{NewWebSocketConn: server.NewWebSocketConn, RetryOptions: retry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func newConsumer(t testing.TB, server *hubemulator.Server, hub, group string) *azeventhubs.ConsumerClient {
	t.Helper()
	return consumerWith(t, server, server.ConnectionString(""), hub, &azeventhubs.ConsumerClientOptions{RetryOptions: quick}, group)
}

func consumerWith(t testing.TB, server *hubemulator.Server, connection, hub string, options *azeventhubs.ConsumerClientOptions, group string) *azeventhubs.ConsumerClient {
	t.Helper()
	options.NewWebSocketConn = server.NewWebSocketConn
	client, err := azeventhubs.NewConsumerClientFromConnectionString(connection, hub, group, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

func newReader(t testing.TB, client *azeventhubs.ConsumerClient, partition string, options azeventhubs.PartitionClientOptions) *azeventhubs.PartitionClient {
	t.Helper()
	reader, err := client.NewPartitionClient(partition, &options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close(context.Background()) })
	return reader
}

func pointer[T any](v T) *T { return &v }

// earliest reads a partition from its beginning.
var earliest = azeventhubs.PartitionClientOptions{StartPosition: azeventhubs.StartPosition{Earliest: pointer(true)}}

// to is a batch's options for a partition.
func to(partition string) *azeventhubs.EventDataBatchOptions {
	return &azeventhubs.EventDataBatchOptions{PartitionID: &partition}
}

// trySend sends bodies in one batch.
func trySend(t testing.TB, client *azeventhubs.ProducerClient, options *azeventhubs.EventDataBatchOptions, bodies ...string) error {
	t.Helper()
	ctx := testContext(t)
	batch, err := client.NewEventDataBatch(ctx, options)
	if err != nil {
		return fmt.Errorf("new batch: %w", err)
	}
	for _, body := range bodies {
		if err := batch.AddEventData(&azeventhubs.EventData{Body: []byte(body)}, nil); err != nil {
			return fmt.Errorf("add: %w", err)
		}
	}
	return client.SendEventDataBatch(ctx, batch, nil)
}

func send(t testing.TB, client *azeventhubs.ProducerClient, options *azeventhubs.EventDataBatchOptions, bodies ...string) {
	t.Helper()
	if err := trySend(t, client, options, bodies...); err != nil {
		t.Fatal(err)
	}
}

// receive is the bodies of the next count events.
func receive(t testing.TB, reader *azeventhubs.PartitionClient, count int) []string {
	t.Helper()
	events, err := reader.ReceiveEvents(testContext(t), count, nil)
	if err != nil {
		t.Fatalf("receive %d: %v", count, err)
	}
	var bodies []string
	for _, event := range events {
		bodies = append(bodies, string(event.Body))
	}
	return bodies
}

// refusalOf is why a reader is refused, with its code.
func refusalOf(t testing.TB, reader *azeventhubs.PartitionClient) (string, azeventhubs.ErrorCode) {
	t.Helper()
	_, err := reader.ReceiveEvents(testContext(t), 1, nil)
	if err == nil {
		t.Fatal("it may read")
	}
	var refused *azeventhubs.Error
	if errors.As(err, &refused) {
		return err.Error(), refused.Code
	}
	return err.Error(), ""
}

// waitFor waits until something is so.
func waitFor(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}
