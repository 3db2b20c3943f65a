package cosmosemulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// ask runs a query to its end: the results as JSON, and how many each page had.
func ask(t testing.TB, c *azcosmos.ContainerClient, query string, key azcosmos.PartitionKey, o *azcosmos.QueryOptions) (results []string, pages []int, err error) {
	t.Helper()
	pager := c.NewQueryItemsPager(query, key, o)
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			return results, pages, err
		}
		if page.RequestCharge < 2 || page.QueryMetrics == nil {
			t.Errorf("charge %v, metrics %v", page.RequestCharge, page.QueryMetrics)
		}
		pages = append(pages, len(page.Items))
		for _, text := range page.Items {
			results = append(results, string(text))
		}
	}
	return results, pages, nil
}

var everywhere = azcosmos.NewPartitionKey()

// filled is a container with 40 items in four partitions.
func filled(t testing.TB, config cosmosemulator.Config) *azcosmos.ContainerClient {
	t.Helper()
	c := newAccount(t, config).container(t, byPK("c"))
	for i := range 40 {
		create(t, c, fmt.Sprintf("%02d", i), fmt.Sprint("p", i%4), "n", i)
	}
	return c
}

func TestQuery_refuses_what_the_gateway_cannot_serve_across_partitions(t *testing.T) {
	for _, ranges := range []int{1, 3} {
		c := filled(t, cosmosemulator.Config{PartitionsPerContainer: ranges})
		for name, query := range map[string]string{
			"order_by":     "SELECT * FROM c ORDER BY c.n",
			"top":          "SELECT TOP 3 * FROM c",
			"offset_limit": "SELECT * FROM c OFFSET 1 LIMIT 3",
			"count":        "SELECT VALUE COUNT(1) FROM c",
			"sum":          "SELECT SUM(c.n) AS s FROM c",
			"distinct":     "SELECT DISTINCT c.pk FROM c",
			"group_by":     "SELECT c.pk FROM c GROUP BY c.pk",
		} {
			t.Run(fmt.Sprint(name, "_ranges_", ranges), func(t *testing.T) {
				_, _, err := ask(t, c, query, everywhere, nil)
				if status(err) != http.StatusBadRequest || !strings.Contains(err.Error(), "can not be directly served by the gateway") {
					t.Errorf("across partitions: %v", err)
				}
				if _, _, err := ask(t, c, query, pk("p1"), nil); err != nil {
					t.Errorf("in one partition: %v", err)
				}
			})
		}
	}
}

func TestQuery_needs_leave_to_cross_partitions(t *testing.T) {
	c := filled(t, cosmosemulator.Config{})
	no := false
	o := &azcosmos.QueryOptions{EnableCrossPartitionQuery: &no}
	if _, _, err := ask(t, c, "SELECT * FROM c", everywhere, o); status(err) != http.StatusBadRequest || !strings.Contains(err.Error(), "Cross partition query is required but disabled") {
		t.Errorf("across partitions: %v", err)
	}
	got, _, err := ask(t, c, "SELECT VALUE c.id FROM c WHERE c.pk = 'p1' ORDER BY c.n DESC", everywhere, o)
	if err != nil || len(got) != 10 || got[0] != `"37"` {
		t.Errorf("with the key in the query: %v, %v", got, err)
	}
}

func TestQuery_pages(t *testing.T) {
	tests := []struct {
		name   string
		config cosmosemulator.Config
		query  string
		key    azcosmos.PartitionKey
		size   int32
		items  int
		pages  []int
	}{
		{"one_partition", cosmosemulator.Config{}, "SELECT * FROM c", pk("p0"), 4, 10, []int{4, 4, 2}},
		{"one_partition_full_at_the_end", cosmosemulator.Config{}, "SELECT * FROM c", pk("p0"), 5, 10, []int{5, 5}},
		{"sorted", cosmosemulator.Config{}, "SELECT VALUE c.n FROM c ORDER BY c.n DESC", pk("p0"), 4, 10, []int{4, 4, 2}},
		{"across_full_at_the_end", cosmosemulator.Config{}, "SELECT * FROM c", everywhere, 20, 40, []int{20, 20, 0}},
		{"across_filtered", cosmosemulator.Config{}, "SELECT * FROM c WHERE c.n >= 38", everywhere, 20, 2, []int{2}},
		{"empty_pages_first", cosmosemulator.Config{EmptyPages: true}, "SELECT * FROM c", everywhere, 30, 40, []int{0, 30, 0, 10}},
		{"empty_pages_not_in_one_partition", cosmosemulator.Config{EmptyPages: true}, "SELECT * FROM c", pk("p0"), 30, 10, []int{10}},
		{"dynamic", cosmosemulator.Config{}, "SELECT * FROM c", everywhere, -1, 40, []int{40}},
		{"nothing", cosmosemulator.Config{}, "SELECT * FROM c", pk("none"), 4, 0, []int{0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := filled(t, test.config)
			got, pages, err := ask(t, c, test.query, test.key, &azcosmos.QueryOptions{PageSizeHint: test.size})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.pages, pages); diff != "" || len(got) != test.items {
				t.Errorf("%d items, want %d; pages (-want +got):\n%s", len(got), test.items, diff)
			}
			slices.Sort(got)
			if len(slices.Compact(got)) != test.items {
				t.Error("something came twice")
			}
		})
	}
}

func TestQuery_pages_end_with_their_physical_partition(t *testing.T) {
	c := filled(t, cosmosemulator.Config{PartitionsPerContainer: 50})
	got, pages, err := ask(t, c, "SELECT VALUE c.id FROM c", everywhere, nil)
	if err != nil || len(got) != 40 || len(pages) != 50 {
		t.Fatalf("%d items in %d pages, %v; want 40 in 50, most of them empty", len(got), len(pages), err)
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != 40 {
		t.Errorf("something came twice: %v", got)
	}
}

func TestQuery_continues_only_what_it_began(t *testing.T) {
	c := filled(t, cosmosemulator.Config{})
	page, err := c.NewQueryItemsPager("SELECT * FROM c", everywhere, &azcosmos.QueryOptions{PageSizeHint: 3}).NextPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ask(t, c, "SELECT VALUE c.id FROM c", everywhere, &azcosmos.QueryOptions{ContinuationToken: page.ContinuationToken}); status(err) != http.StatusBadRequest {
		t.Errorf("another query with the continuation: %v, want 400", err)
	}
	create(t, c, "late", "p0")
	rest, _, err := ask(t, c, "SELECT * FROM c", everywhere, &azcosmos.QueryOptions{ContinuationToken: page.ContinuationToken})
	if err != nil || len(rest) != 38 {
		t.Errorf("the rest has %d items, %v; want 38", len(rest), err)
	}
}

func TestQuery_parameters_projections_and_refusals(t *testing.T) {
	c := filled(t, cosmosemulator.Config{})
	got, _, err := ask(t, c, "SELECT c.id, c.n AS number FROM c WHERE c.n > @min AND c.pk = @pk", everywhere,
		&azcosmos.QueryOptions{QueryParameters: []azcosmos.QueryParameter{{Name: "@min", Value: 30}, {Name: "@pk", Value: "p3"}}})
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	for _, text := range got {
		rows = append(rows, decode(t, []byte(text)))
	}
	want := []map[string]any{{"id": "31", "number": 31.0}, {"id": "35", "number": 35.0}, {"id": "39", "number": 39.0}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, query := range []string{"SELEKT 1", "SELECT * FROM c WHERE", "SELECT * FROM c WHERE c.n = @missing", "SELECT VALUE udf.f(c) FROM c"} {
		if _, _, err := ask(t, c, query, everywhere, nil); status(err) != http.StatusBadRequest {
			t.Errorf("%s: %v, want 400", query, err)
		}
	}
}

func TestReadMany(t *testing.T) {
	for _, ranges := range []int{1, 6} {
		c := filled(t, cosmosemulator.Config{PartitionsPerContainer: ranges})
		var wanted []azcosmos.ItemIdentity
		for i := range 60 {
			wanted = append(wanted, azcosmos.ItemIdentity{ID: fmt.Sprintf("%02d", i), PartitionKey: pk(fmt.Sprint("p", i%4))})
		}
		r, err := c.ReadManyItems(t.Context(), wanted, nil)
		if err != nil || len(r.Items) != 40 || r.RequestCharge <= 0 {
			t.Errorf("of %d physical partitions: %d items for %v RU, %v; want 40", ranges, len(r.Items), r.RequestCharge, err)
		}
	}
}

// The SDK computes by itself where the items of a hierarchical key are.
func TestReadMany_hierarchical(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{PartitionsPerContainer: 5})
	c := a.container(t, azcosmos.ContainerProperties{ID: "h", PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{
		Paths: []string{"/tenant", "/part"}, Kind: azcosmos.PartitionKeyKindMultiHash, Version: 2}})
	var wanted []azcosmos.ItemIdentity
	for i := range 40 {
		key := pk(fmt.Sprint("t", i%7)).AppendNumber(float64(i))
		body := fmt.Sprintf(`{"id":"%d","tenant":"t%d","part":%d}`, i, i%7, i)
		if _, err := c.CreateItem(t.Context(), key, []byte(body), nil); err != nil {
			t.Fatal(err)
		}
		wanted = append(wanted, azcosmos.ItemIdentity{ID: fmt.Sprint(i), PartitionKey: key})
	}
	r, err := c.ReadManyItems(t.Context(), wanted, nil)
	if err != nil || len(r.Items) != 40 {
		t.Errorf("%d items, %v; want 40", len(r.Items), err)
	}
	got, _, err := ask(t, c, "SELECT VALUE c.id FROM c WHERE c.tenant = 't3'", everywhere, nil)
	if err != nil || len(got) != 6 {
		t.Errorf("of one tenant: %d items, %v; want 6", len(got), err)
	}
}

func TestQuery_lists_and_databases(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	for i := range 5 {
		a.container(t, byPK(fmt.Sprint("c", i)))
	}
	w := a.raw(t, "GET", "/dbs/db/colls/c1/docs", "docs", "dbs/db/colls/c1", nil)
	if w.Code != http.StatusOK || decode(t, w.Body.Bytes())["_count"] != 0.0 {
		t.Errorf("the list of no items: %d %s", w.Code, w.Body)
	}
	database, err := a.client.NewDatabase("db")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	pager := database.NewQueryContainersPager("SELECT * FROM root r WHERE r.id > @id", &azcosmos.QueryContainersOptions{
		QueryParameters: []azcosmos.QueryParameter{{Name: "@id", Value: "c1"}}})
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Containers {
			ids = append(ids, c.ID)
		}
	}
	if diff := cmp.Diff([]string{"c2", "c3", "c4"}, ids); diff != "" {
		t.Errorf("containers (-want +got):\n%s", diff)
	}
	databases := a.raw(t, "GET", "/dbs", "dbs", "", nil)
	var list struct{ Databases []json.RawMessage }
	if err := json.Unmarshal(databases.Body.Bytes(), &list); err != nil || len(list.Databases) != 1 {
		t.Errorf("%s, %v", databases.Body, err)
	}
}

func TestPatch_condition(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	create(t, c, "1", "p", "state", "new")
	for _, test := range []struct {
		condition string
		want      int
	}{
		{"from c where c.state = 'old'", 412}, {"from c where c.state = 'new'", 0}, {"where", 400},
	} {
		p := setPatch("/seen", test.condition)
		p.SetCondition(test.condition)
		_, err := c.PatchItem(t.Context(), pk("p"), "1", p, nil)
		if status(err) != test.want {
			t.Errorf("%s: %v, want %d", test.condition, err, test.want)
		}
	}
	if got := read(t, c, "1", "p")["seen"]; got != "from c where c.state = 'new'" {
		t.Errorf("seen is %v", got)
	}
}

func TestQuery_of_whole_items_leaves_them_as_they_are(t *testing.T) {
	c := newAccount(t, cosmosemulator.Config{}).container(t, byPK("c"))
	if _, err := c.CreateItem(t.Context(), pk("p"), []byte(`{"z":12345678901234567890,"id":"1","pk":"p","a":1.50}`), nil); err != nil {
		t.Fatal(err)
	}
	got, _, err := ask(t, c, "SELECT * FROM c WHERE c.a = 1.5", everywhere, nil)
	if err != nil || len(got) != 1 || !strings.HasPrefix(got[0], `{"z":12345678901234567890,"id":"1","pk":"p","a":1.50,`) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestQuery_of_several_orders_needs_their_composite_index(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	indexed := byPK("indexed")
	indexed.IndexingPolicy = &azcosmos.IndexingPolicy{Automatic: true, IndexingMode: azcosmos.IndexingModeConsistent,
		IncludedPaths:    []azcosmos.IncludedPath{{Path: "/*"}},
		CompositeIndexes: [][]azcosmos.CompositeIndex{{{Path: "/n", Order: azcosmos.CompositeIndexAscending}, {Path: "/id", Order: azcosmos.CompositeIndexDescending}}}}
	for _, test := range []struct {
		properties azcosmos.ContainerProperties
		want       int
	}{{byPK("plain"), http.StatusBadRequest}, {indexed, 0}} {
		c := a.container(t, test.properties)
		for i := range 6 {
			create(t, c, fmt.Sprint(i), "p", "n", i%2)
		}
		got, _, err := ask(t, c, "SELECT VALUE c.id FROM c ORDER BY c.n DESC, c.id", pk("p"), nil)
		if status(err) != test.want || test.want == 0 && err != nil {
			t.Errorf("%s: %v, want %d", test.properties.ID, err, test.want)
		}
		if diff := cmp.Diff([]string{`"1"`, `"3"`, `"5"`, `"0"`, `"2"`, `"4"`}, got); err == nil && diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
