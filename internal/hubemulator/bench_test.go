package hubemulator_test

import (
	"context"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// A KiB is what events of the benchmarks hold; a batch of them is nearly as
// large as a batch may be.
const (
	benchBody  = 1024
	benchBatch = 900
)

func benchServer(b *testing.B) *hubemulator.Server {
	return newServer(b, hubemulator.Config{Hubs: []broker.Spec{{Name: "hub", Partitions: 1, MaxBytes: 128 << 20}}})
}

func fullBatch(b *testing.B, client *azeventhubs.ProducerClient) *azeventhubs.EventDataBatch {
	batch, err := client.NewEventDataBatch(context.Background(), to("0"))
	if err != nil {
		b.Fatal(err)
	}
	event := &azeventhubs.EventData{Body: make([]byte, benchBody)}
	for range benchBatch {
		if err := batch.AddEventData(event, nil); err != nil {
			b.Fatal(err)
		}
	}
	return batch
}

func perEvent(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchBatch/b.Elapsed().Seconds(), "events/s")
	b.SetBytes(benchBatch * benchBody)
}

// BenchmarkSend is a full batch of events of a KiB, from making it to the
// answer, client and server in one process.
func BenchmarkSend(b *testing.B) {
	client := newProducer(b, benchServer(b), "hub")
	for b.Loop() {
		if err := client.SendEventDataBatch(context.Background(), fullBatch(b, client), nil); err != nil {
			b.Fatal(err)
		}
	}
	perEvent(b)
}

// BenchmarkReceive is as many events as a full batch has, received by a client
// that reads the same ones again and again.
func BenchmarkReceive(b *testing.B) {
	server := benchServer(b)
	client := newProducer(b, server, "hub")
	const stored = 100
	for range stored {
		if err := client.SendEventDataBatch(context.Background(), fullBatch(b, client), nil); err != nil {
			b.Fatal(err)
		}
	}
	consumer := newConsumer(b, server, "hub", broker.DefaultGroup)
	options := earliest
	options.Prefetch = 5000
	var reader *azeventhubs.PartitionClient
	left := 0
	for b.Loop() {
		if left == 0 {
			if reader != nil {
				_ = reader.Close(context.Background())
			}
			reader, left = newReader(b, consumer, "0", options), stored
		}
		left--
		events, err := reader.ReceiveEvents(context.Background(), benchBatch, nil)
		if err != nil || len(events) != benchBatch {
			b.Fatal(len(events), err)
		}
	}
	perEvent(b)
}
