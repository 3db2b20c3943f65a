package cosmosemulator_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// A client that is throttled once, without a socket.
func Example() {
	ctx := context.Background()
	server, err := cosmosemulator.New(cosmosemulator.Config{
		Faults: &cosmosemulator.Script{Faults: []cosmosemulator.Fault{cosmosemulator.Throttled(time.Millisecond)}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close() //nolint:errcheck // it keeps nothing
	credential, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
	if err != nil {
		log.Fatal(err)
	}
	client, err := azcosmos.NewClientWithKey("http://example.test/", credential, &azcosmos.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: server.Transport()}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.CreateDatabase(ctx, azcosmos.DatabaseProperties{ID: "keywarden"}, nil); err != nil {
		log.Fatal(err)
	}
	database, err := client.NewDatabase("keywarden")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := database.CreateContainer(ctx, azcosmos.ContainerProperties{
		ID:                     "incidents",
		PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/year"}, Version: 2},
	}, nil); err != nil {
		log.Fatal(err)
	}
	incidents, err := database.NewContainer("incidents")
	if err != nil {
		log.Fatal(err)
	}
	key := azcosmos.NewPartitionKeyString("2026")
	r, err := incidents.CreateItem(ctx, key, []byte(`{"id":"2026-1","year":"2026"}`), nil) // after one 429
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d for %.1f RU\n", r.RawResponse.StatusCode, r.RequestCharge)
	// Output: 201 for 5.3 RU
}
