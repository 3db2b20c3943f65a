package hubemulator_test

import (
	"context"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

func TestFirst(t *testing.T) {
	s, err := hubemulator.New(hubemulator.Config{Hubs: []broker.Spec{{Name: "hub", Partitions: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	p, err := azeventhubs.NewProducerClientFromConnectionString(s.ConnectionString(""), "hub", &azeventhubs.ProducerClientOptions{NewWebSocketConn: s.NewWebSocketConn})
	if err != nil {
		t.Fatal(err)
	}
	props, err := p.GetEventHubProperties(ctx, nil)
	t.Log(props, err)
	zero := "0"
	b, err := p.NewEventDataBatch(ctx, &azeventhubs.EventDataBatchOptions{PartitionID: &zero})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		b.AddEventData(&azeventhubs.EventData{Body: make([]byte, 1000)}, nil)
	}
	if err := p.SendEventDataBatch(ctx, b, nil); err != nil {
		t.Fatal(err)
	}
	pp, err := p.GetPartitionProperties(ctx, "0", nil)
	t.Logf("%+v %v", pp, err)
	c, err := azeventhubs.NewConsumerClientFromConnectionString(s.ConnectionString(""), "hub", "$Default", &azeventhubs.ConsumerClientOptions{NewWebSocketConn: s.NewWebSocketConn})
	if err != nil {
		t.Fatal(err)
	}
	tr := true
	pc, err := c.NewPartitionClient("0", &azeventhubs.PartitionClientOptions{StartPosition: azeventhubs.StartPosition{Earliest: &tr}})
	if err != nil {
		t.Fatal(err)
	}
	evs, err := pc.ReceiveEvents(ctx, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d %+v", len(evs), evs[99])
	t.Log(pc.Close(ctx), c.Close(ctx), p.Close(ctx))
}
