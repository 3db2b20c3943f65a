package cosmosemulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// account is a server and the SDK's client for it, without sockets.
type account struct {
	*cosmosemulator.Server
	client   *azcosmos.Client
	endpoint string
}

// accounts numbers them: the SDK shares what it knows of containers between all clients of one address.
var accounts atomic.Int64

func newAccount(t testing.TB, config cosmosemulator.Config) *account {
	t.Helper()
	server, err := cosmosemulator.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &account{Server: server, endpoint: fmt.Sprintf("http://account-%d.test/", accounts.Add(1))}
	a.client = a.newClient(t, &http.Client{Transport: server.Transport()})
	return a
}

// newClient is the SDK's, without retries.
func (a *account) newClient(t testing.TB, transport policy.Transporter) *azcosmos.Client {
	t.Helper()
	credential, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
	if err != nil {
		t.Fatal(err)
	}
	client, err := azcosmos.NewClientWithKey(a.endpoint, credential, options(transport))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func options(transport policy.Transporter) *azcosmos.ClientOptions {
	return &azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: transport, Retry: policy.RetryOptions{MaxRetries: -1}}}
}

// container makes a database "db" where there is none, and a container in it.
func (a *account) container(t testing.TB, properties azcosmos.ContainerProperties) *azcosmos.ContainerClient {
	t.Helper()
	_, err := a.client.CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "db"}, nil)
	if err != nil && status(err) != http.StatusConflict {
		t.Fatal(err)
	}
	database, err := a.client.NewDatabase("db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.CreateContainer(t.Context(), properties, nil); err != nil {
		t.Fatal(err)
	}
	container, err := database.NewContainer(properties.ID)
	if err != nil {
		t.Fatal(err)
	}
	return container
}

// byPK are the properties of a container with the partition key /pk.
func byPK(id string) azcosmos.ContainerProperties {
	return azcosmos.ContainerProperties{ID: id, PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/pk"}, Version: 2}}
}

// status and subStatus are of a refusal; 0 is no refusal.
func status(err error) int {
	var r *azcore.ResponseError
	if !errors.As(err, &r) {
		return 0
	}
	return r.StatusCode
}

func subStatus(err error) string {
	var r *azcore.ResponseError
	if !errors.As(err, &r) || r.RawResponse == nil {
		return ""
	}
	return r.RawResponse.Header.Get("x-ms-substatus")
}

func pk(value string) azcosmos.PartitionKey { return azcosmos.NewPartitionKeyString(value) }

// item is the JSON of an item.
func item(id, partition string, members ...any) []byte {
	doc := map[string]any{"id": id, "pk": partition}
	for i := 0; i+1 < len(members); i += 2 {
		doc[members[i].(string)] = members[i+1]
	}
	text, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return text
}

func create(t testing.TB, c *azcosmos.ContainerClient, id, partition string, members ...any) azcosmos.ItemResponse {
	t.Helper()
	r, err := c.CreateItem(t.Context(), pk(partition), item(id, partition, members...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// read is an item's JSON, decoded; nil if there is none.
func read(t testing.TB, c *azcosmos.ContainerClient, id, partition string) map[string]any {
	t.Helper()
	r, err := c.ReadItem(t.Context(), pk(partition), id, nil)
	if status(err) == http.StatusNotFound {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, r.Value)
}

func decode(t testing.TB, text []byte) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return doc
}

// raw sends a request that the SDK would not, signed.
func (a *account) raw(t testing.TB, verb, path, resource, link string, body []byte, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), verb, "http://account.test"+path, bodyReader(body))
	sign(r, cosmosemulator.EmulatorKey, resource, link, time.Now())
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}
