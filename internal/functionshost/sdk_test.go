//go:build linux

package functionshost

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/functionshost/azure"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// services are the stand-ins for the hub and the account, in this process.
type services struct {
	hub      *hubemulator.Server
	producer *azeventhubs.ProducerClient
	database *azcosmos.DatabaseClient
	azure    azure.Options
}

const accountText = "AccountEndpoint=http://example.test/;AccountKey=" + cosmosemulator.EmulatorKey + ";"

func newServices(t *testing.T) services {
	t.Helper()
	hub, err := hubemulator.New(hubemulator.Config{Hubs: []broker.Spec{{Name: "diagnostics", Partitions: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hub.Close() })
	account, err := cosmosemulator.New(cosmosemulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = account.Close() })
	s := services{hub: hub, azure: azure.Options{
		Hub:    azeventhubs.ConsumerClientOptions{NewWebSocketConn: hub.NewWebSocketConn},
		Cosmos: azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: account.Transport()}}},
	}}
	s.producer, err = azeventhubs.NewProducerClientFromConnectionString(hub.ConnectionString(""), "diagnostics",
		&azeventhubs.ProducerClientOptions{NewWebSocketConn: hub.NewWebSocketConn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.producer.Close(context.Background()) })
	key, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
	if err != nil {
		t.Fatal(err)
	}
	client, err := azcosmos.NewClientWithKey("http://example.test/", key, &s.azure.Cosmos)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "keywarden"}, nil); err != nil {
		t.Fatal(err)
	}
	if s.database, err = client.NewDatabase("keywarden"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.database.CreateContainer(t.Context(), azcosmos.ContainerProperties{ID: "incidents",
		PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/year"}, Version: 2}}, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s services) send(t *testing.T, partition string, bodies ...string) {
	t.Helper()
	batch, err := s.producer.NewEventDataBatch(t.Context(), &azeventhubs.EventDataBatchOptions{PartitionID: &partition})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		if err := batch.AddEventData(&azeventhubs.EventData{Body: []byte(body)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.producer.SendEventDataBatch(t.Context(), batch, nil); err != nil {
		t.Fatal(err)
	}
}

// run runs the functions events and notify on the services.
func (s services) run(t *testing.T) *fixture {
	t.Helper()
	zip := zipped(t, map[string]string{"host.json": hostJSON, "events/function.json": strings.Replace(eventsJSON, "%s", retryForEver, 1), "api/function.json": apiJSON,
		"notify/function.json": `{"bindings":[{"type":"cosmosDBTrigger","name":"documents","connection":"Cosmos","databaseName":"keywarden","containerName":"incidents","startFromBeginning":true}]}`})
	return run(t, zip, func(c *Config) {
		c.Sources, c.Azure = nil, s.azure
		c.Env = append(c.Env, "Hub="+s.hub.ConnectionString(""), "Cosmos="+accountText)
	})
}

func TestThroughTheSDKs(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	f := s.run(t)
	s.send(t, "0", "a", "b", "c")
	s.send(t, "1", "fail-twice")
	f.quiet()
	incidents, err := s.database.NewContainer("incidents")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := incidents.CreateItem(t.Context(), azcosmos.NewPartitionKeyString("2026"), []byte(`{"id":"1","year":"2026"}`), nil); err != nil {
		t.Fatal(err)
	}
	f.quiet()
	if !f.logged("notify by notify-0") {
		t.Error("the change did not reach its function")
	}
	if got := f.Leases("events"); got["0"].Checkpoint != "2" || got["1"].Checkpoint != "0" {
		t.Errorf("leases %+v", got)
	}
}

func TestOwnersThroughTheSDK(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	f := s.run(t)
	s.send(t, "0", "a")
	f.quiet()
	n, err := f.Add("events", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Move("events", "0", n); err != nil {
		t.Fatal(err)
	}
	s.send(t, "0", "b", "c")
	f.quiet()
	if err := f.Lose("events", 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Rewind("events", "0", ""); err != nil {
		t.Fatal(err)
	}
	s.send(t, "0", "d")
	s.send(t, "1", "e")
	f.quiet()
	again := slices.ContainsFunc(f.tried(), func(text string) bool { return strings.HasPrefix(text, "1/0:0-") })
	if !again || f.Leases("events")["1"].Owner != "events-1" {
		t.Errorf("tries %v, leases %+v: want all again by the second instance, which has both partitions", f.tried(), f.Leases("events"))
	}
}
