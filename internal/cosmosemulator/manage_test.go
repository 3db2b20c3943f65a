package cosmosemulator_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

func TestManage_databases_and_containers(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	create(t, c, "1", "p")
	database, err := a.client.NewDatabase("db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.client.CreateDatabase(t.Context(), databaseOf("db"), nil); status(err) != http.StatusConflict {
		t.Errorf("the database again: %v, want 409", err)
	}
	if _, err := database.CreateContainer(t.Context(), byPK("c"), nil); status(err) != http.StatusConflict {
		t.Errorf("the container again: %v, want 409", err)
	}
	changed := byPK("c")
	changed.PartitionKeyDefinition.Paths = []string{"/other"}
	if _, err := c.Replace(t.Context(), changed, nil); status(err) != http.StatusBadRequest {
		t.Errorf("another partition key: %v, want 400", err)
	}
	day := int32(86_400)
	changed = byPK("c")
	changed.DefaultTimeToLive = &day
	if r, err := c.Replace(t.Context(), changed, nil); err != nil || *r.ContainerProperties.DefaultTimeToLive != day {
		t.Errorf("time to live: %v, %v", r.ContainerProperties, err)
	}
	if read(t, c, "1", "p") == nil {
		t.Error("replacing the container took its items away")
	}
	stale := azcore.ETag(`"stale"`)
	if _, err := database.Delete(t.Context(), &azcosmos.DeleteDatabaseOptions{IfMatchEtag: &stale}); status(err) != http.StatusPreconditionFailed {
		t.Errorf("deleting by a stale etag: %v, want 412", err)
	}
	if _, err := database.Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(t.Context(), nil); status(err) != http.StatusNotFound {
		t.Errorf("a container of the deleted database: %v, want 404", err)
	}
	if again := a.container(t, byPK("c")); read(t, again, "1", "p") != nil {
		t.Error("a new container of the old name has the old items")
	}
}

func TestManage_throughput(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	a.container(t, byPK("none"))
	database, err := a.client.NewDatabase("db")
	if err != nil {
		t.Fatal(err)
	}
	auto := azcosmos.NewAutoscaleThroughputPropertiesWithIncrement(5000, 10)
	if _, err := database.CreateContainer(t.Context(), byPK("auto"), &azcosmos.CreateContainerOptions{ThroughputProperties: &auto}); err != nil {
		t.Fatal(err)
	}
	c, err := database.NewContainer("auto")
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.ReplaceThroughput(t.Context(), azcosmos.NewManualThroughputProperties(700), nil)
	if err != nil {
		t.Fatal(err)
	}
	if manual, ok := r.ThroughputProperties.ManualThroughput(); !ok || manual != 700 {
		t.Errorf("throughput %d, want 700", manual)
	}
	if _, err := c.ReplaceThroughput(t.Context(), azcosmos.NewManualThroughputProperties(150), nil); status(err) != http.StatusBadRequest {
		t.Errorf("150 RU/s: %v, want 400", err)
	}
	none, err := database.NewContainer("none")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := none.ReadThroughput(t.Context(), nil); status(err) != http.StatusNotFound {
		t.Errorf("throughput of a container without: %v, want 404", err)
	}
}

func TestComputeGateway_addresses_items_of_any_id(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	create(t, c, "a/b", "p")
	w := a.raw(t, "GET", docs+"/a%2Fb", "docs", "dbs/db/colls/c/docs/a/b", nil, "x-ms-documentdb-partitionkey", `["p"]`)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("by the gateway of everybody: %d, want 401", w.Code)
	}
	dedicated := &account{Server: a.ComputeGateway()}
	w = dedicated.raw(t, "GET", docs+"/a%2Fb", "docs", "dbs/db/colls/c/docs/a/b", nil, "x-ms-documentdb-partitionkey", `["p"]`)
	if w.Code != http.StatusOK {
		t.Errorf("by the dedicated gateway: %d %s, want 200", w.Code, w.Body)
	}
}

func TestNew_refuses(t *testing.T) {
	for name, config := range map[string]cosmosemulator.Config{
		"key": {Key: "not base64!"}, "consistency": {Consistency: "Total"}, "state": {StateDir: "/dev/null/state"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := cosmosemulator.New(config); err == nil {
				t.Error("it is accepted")
			}
		})
	}
}
