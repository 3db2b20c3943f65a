package cosmosemulator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

func TestItems_partitions_are_kept_apart(t *testing.T) {
	for _, ranges := range []int{1, 7} {
		t.Run(fmt.Sprint("ranges_", ranges), func(t *testing.T) {
			a := newAccount(t, cosmosemulator.Config{PartitionsPerContainer: ranges})
			c := a.container(t, byPK("c"))
			for i := range 20 {
				create(t, c, "same", fmt.Sprint("p", i), "n", i)
			}
			for i := range 20 {
				if got := read(t, c, "same", fmt.Sprint("p", i))["n"]; got != float64(i) {
					t.Errorf("partition p%d holds %v", i, got)
				}
			}
			if _, err := c.DeleteItem(t.Context(), pk("p3"), "same", nil); err != nil {
				t.Fatal(err)
			}
			if read(t, c, "same", "p3") != nil || read(t, c, "same", "p4") == nil {
				t.Error("a delete must reach its own partition and no other")
			}
		})
	}
}

func TestItems_keys_of_every_kind(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{PartitionsPerContainer: 3})
	c := a.container(t, byPK("c"))
	keys := map[string]azcosmos.PartitionKey{
		`"text"`: pk("text"), `""`: pk(""), `"ünï 鱀"`: pk("ünï 鱀"), `true`: azcosmos.NewPartitionKeyBool(true), `false`: azcosmos.NewPartitionKeyBool(false),
		`1.5`: azcosmos.NewPartitionKeyNumber(1.5), `-3e300`: azcosmos.NewPartitionKeyNumber(-3e300), `null`: azcosmos.NullPartitionKey,
	}
	for text, key := range keys {
		if _, err := c.CreateItem(t.Context(), key, fmt.Appendf(nil, `{"id":"1","pk":%s,"was":%q}`, text, text), nil); err != nil {
			t.Fatalf("key %s: %v", text, err)
		}
	}
	for text, key := range keys {
		r, err := c.ReadItem(t.Context(), key, "1", nil)
		if err != nil || decode(t, r.Value)["was"] != text {
			t.Errorf("key %s holds %s, %v", text, r.Value, err)
		}
	}
	t.Run("undefined_is_not_null", func(t *testing.T) {
		w := a.raw(t, "POST", docs, "docs", "dbs/db/colls/c", []byte(`{"id":"1","was":"undefined"}`), "x-ms-documentdb-partitionkey", `[{}]`)
		if w.Code != http.StatusCreated {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
		w = a.raw(t, "GET", docs+"/1", "docs", "dbs/db/colls/c/docs/1", nil, "x-ms-documentdb-partitionkey", `[{}]`)
		if got := decode(t, w.Body.Bytes())["was"]; got != "undefined" {
			t.Errorf("the item without a key is %v", got)
		}
		r, err := c.ReadItem(t.Context(), azcosmos.NullPartitionKey, "1", nil)
		if err != nil || decode(t, r.Value)["was"] != "null" {
			t.Errorf("the item with the key null is %s, %v", r.Value, err)
		}
	})
	t.Run("minus_0_is_0", func(t *testing.T) {
		if _, err := c.CreateItem(t.Context(), azcosmos.NewPartitionKeyNumber(0), []byte(`{"id":"1","pk":-0}`), nil); err != nil {
			t.Fatal(err)
		}
		w := a.raw(t, "GET", docs+"/1", "docs", "dbs/db/colls/c/docs/1", nil, "x-ms-documentdb-partitionkey", `[-0.0]`)
		if w.Code != http.StatusOK {
			t.Errorf("status %d: %s", w.Code, w.Body)
		}
	})
}

func TestItems_statuses(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	missing, err := a.client.NewContainer("db", "missing")
	if err != nil {
		t.Fatal(err)
	}
	etag := create(t, c, "1", "p").ETag
	stale, any := azcore.ETag(`"stale"`), azcore.ETagAny
	ctx := t.Context()
	tests := []struct {
		name string
		do   func() (azcosmos.ItemResponse, error)
		want string // status/sub-status
	}{
		{"read_missing", func() (azcosmos.ItemResponse, error) { return c.ReadItem(ctx, pk("p"), "2", nil) }, "404/"},
		{"read_in_another_partition", func() (azcosmos.ItemResponse, error) { return c.ReadItem(ctx, pk("q"), "1", nil) }, "404/"},
		{"read_in_missing_container", func() (azcosmos.ItemResponse, error) { return missing.ReadItem(ctx, pk("p"), "1", nil) }, "404/1003"},
		{"create_in_missing_container", func() (azcosmos.ItemResponse, error) { return missing.CreateItem(ctx, pk("p"), item("1", "p"), nil) }, "404/1003"},
		{"replace_missing", func() (azcosmos.ItemResponse, error) { return c.ReplaceItem(ctx, pk("p"), "2", item("2", "p"), nil) }, "404/"},
		{"delete_missing", func() (azcosmos.ItemResponse, error) { return c.DeleteItem(ctx, pk("p"), "2", nil) }, "404/"},
		{"patch_missing", func() (azcosmos.ItemResponse, error) { return c.PatchItem(ctx, pk("p"), "2", setPatch("/a", 1), nil) }, "404/"},
		{"create_again", func() (azcosmos.ItemResponse, error) { return c.CreateItem(ctx, pk("p"), item("1", "p"), nil) }, "409/"},
		{"replace_stale", func() (azcosmos.ItemResponse, error) {
			return c.ReplaceItem(ctx, pk("p"), "1", item("1", "p"), ifMatch(stale))
		}, "412/"},
		{"upsert_stale", func() (azcosmos.ItemResponse, error) {
			return c.UpsertItem(ctx, pk("p"), item("1", "p"), ifMatch(stale))
		}, "412/"},
		{"upsert_missing_with_etag", func() (azcosmos.ItemResponse, error) {
			return c.UpsertItem(ctx, pk("p"), item("9", "p"), ifMatch(stale))
		}, "0/"},
		{"delete_stale", func() (azcosmos.ItemResponse, error) { return c.DeleteItem(ctx, pk("p"), "1", ifMatch(stale)) }, "412/"},
		{"patch_stale", func() (azcosmos.ItemResponse, error) {
			return c.PatchItem(ctx, pk("p"), "1", setPatch("/a", 1), ifMatch(stale))
		}, "412/"},
		{"another_key", func() (azcosmos.ItemResponse, error) { return c.CreateItem(ctx, pk("q"), item("2", "p"), nil) }, "400/1001"},
		{"half_a_key", func() (azcosmos.ItemResponse, error) {
			return c.CreateItem(ctx, pk("q").AppendString("r"), item("2", "p"), nil)
		}, "400/1001"},
		{"no_key", func() (azcosmos.ItemResponse, error) {
			return c.CreateItem(ctx, azcosmos.NewPartitionKey(), item("2", "p"), nil)
		}, "400/"},
		{"another_id", func() (azcosmos.ItemResponse, error) { return c.ReplaceItem(ctx, pk("p"), "1", item("2", "p"), nil) }, "400/"},
		{"id_of_1024_bytes", func() (azcosmos.ItemResponse, error) {
			return c.CreateItem(ctx, pk("p"), item(strings.Repeat("i", 1024), "p"), nil)
		}, "400/"},
		{"id_of_1023_bytes", func() (azcosmos.ItemResponse, error) {
			return c.CreateItem(ctx, pk("p"), item(strings.Repeat("i", 1023), "p"), nil)
		}, "0/"},
		{"key_of_2049_bytes", func() (azcosmos.ItemResponse, error) {
			long := strings.Repeat("k", 2049)
			return c.CreateItem(ctx, pk(long), item("2", long), nil)
		}, "400/"},
		{"more_than_2_mib", func() (azcosmos.ItemResponse, error) {
			return c.CreateItem(ctx, pk("p"), item("2", "p", "text", strings.Repeat("x", 2<<20)), nil)
		}, "413/"},
		{"just_below_2_mib", func() (azcosmos.ItemResponse, error) {
			return c.CreateItem(ctx, pk("p"), item("3", "p", "text", strings.Repeat("x", 2<<20-100)), nil)
		}, "0/"},
		{"session_from_the_future", func() (azcosmos.ItemResponse, error) {
			token := "0:-1#1000000"
			return c.ReadItem(ctx, pk("p"), "1", &azcosmos.ItemOptions{SessionToken: &token})
		}, "404/1002"},
		{"replace_any", func() (azcosmos.ItemResponse, error) {
			return c.ReplaceItem(ctx, pk("p"), "1", item("1", "p"), ifMatch(any))
		}, "0/"},
		{"replace_old", func() (azcosmos.ItemResponse, error) {
			return c.ReplaceItem(ctx, pk("p"), "1", item("1", "p"), ifMatch(etag))
		}, "412/"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := test.do()
			if got := fmt.Sprintf("%d/%s", status(err), subStatus(err)); got != test.want {
				t.Fatalf("%s (%v), want %s", got, err, test.want)
			}
			if err == nil && (r.ETag == "" || r.SessionToken == nil || r.RequestCharge < 1) {
				t.Errorf("etag %q, session token %v, charge %v", r.ETag, r.SessionToken, r.RequestCharge)
			}
		})
	}
	t.Run("read_not_modified", func(t *testing.T) {
		now := a.raw(t, "GET", docs+"/1", "docs", "dbs/db/colls/c/docs/1", nil, "x-ms-documentdb-partitionkey", `["p"]`)
		w := a.raw(t, "GET", docs+"/1", "docs", "dbs/db/colls/c/docs/1", nil, "x-ms-documentdb-partitionkey", `["p"]`, "If-None-Match", now.Header().Get("etag"))
		if w.Code != http.StatusNotModified || w.Body.Len() != 0 {
			t.Errorf("status %d with %d bytes, want 304 without", w.Code, w.Body.Len())
		}
	})
	t.Run("upsert_only_new", func(t *testing.T) {
		w := a.raw(t, "POST", docs, "docs", "dbs/db/colls/c", item("1", "p"), "x-ms-documentdb-partitionkey", `["p"]`,
			"x-ms-documentdb-is-upsert", "true", "If-None-Match", "*")
		if w.Code != http.StatusPreconditionFailed {
			t.Errorf("status %d, want 412", w.Code)
		}
	})
}

func ifMatch(etag azcore.ETag) *azcosmos.ItemOptions {
	return &azcosmos.ItemOptions{IfMatchEtag: &etag}
}

func setPatch(path string, value any) azcosmos.PatchOperations {
	p := azcosmos.PatchOperations{}
	p.AppendSet(path, value)
	return p
}

func TestItems_odd_ids_can_only_be_created(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	tests := map[string]int{
		"plain": 0, "a b": 0, " a": 0, "a?b": 0, "ünï鱀": 0, "a,=.:~+-@()^${}[]!_b": 0, "100%": 0,
		"a/b": 401, `a\b`: 401, "a#b": 401, "a ": 401, "a%20": 401, "/subscriptions/1": 401, "a\tb": 400, "a\nb": 400,
	}
	for id, want := range tests {
		create(t, c, id, "p")
		_, readErr := c.ReadItem(t.Context(), pk("p"), id, nil)
		_, replaceErr := c.ReplaceItem(t.Context(), pk("p"), id, item(id, "p"), nil)
		_, deleteErr := c.DeleteItem(t.Context(), pk("p"), id, nil)
		got := []int{status(readErr), status(replaceErr), status(deleteErr)}
		if diff := cmp.Diff([]int{want, want, want}, got); diff != "" {
			t.Errorf("id %q: read, replace and delete (-want +got):\n%s", id, diff)
		}
	}
}

func TestItems_keep_what_the_client_sent(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	sent := ` { "z": 1.50, "id": "1", "big": 12345678901234567890, "_etag": "mine", "a": {"_ts": [ ] }, "pk": "p", "\u0061b": "\"},{", "_ts": 5 } `
	if _, err := c.CreateItem(t.Context(), pk("p"), []byte(sent), nil); err != nil {
		t.Fatal(err)
	}
	r, err := c.ReadItem(t.Context(), pk("p"), "1", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"z":1.50,"id":"1","big":12345678901234567890,"a":{"_ts":[]},"pk":"p","\u0061b":"\"},{","_rid":`
	if !strings.HasPrefix(string(r.Value), want) {
		t.Errorf("read %s, want %s…", r.Value, want)
	}
	doc := decode(t, r.Value)
	if doc["_etag"] != string(r.ETag) || doc["_attachments"] != "attachments/" || doc["_ts"].(float64) < 1e9 || !strings.HasPrefix(doc["_self"].(string), "dbs/") {
		t.Errorf("system properties: %v", doc)
	}
}

func TestItems_of_two_writers_one_wins(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	create(t, c, "1", "p", "n", 0)
	const writers, rounds = 8, 25
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range rounds {
				if err := increment(t, c); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if got := read(t, c, "1", "p")["n"]; got != float64(writers*rounds) {
		t.Errorf("%v of %d increments are there", got, writers*rounds)
	}
}

// increment adds one by read and replace, until nobody else came between.
func increment(t *testing.T, c *azcosmos.ContainerClient) error {
	for {
		r, err := c.ReadItem(t.Context(), pk("p"), "1", nil)
		if err != nil {
			return err
		}
		var doc map[string]any
		if err := json.Unmarshal(r.Value, &doc); err != nil {
			return err
		}
		n, ok := doc["n"].(float64)
		if !ok {
			return errors.New("n is no number")
		}
		_, err = c.ReplaceItem(t.Context(), pk("p"), "1", item("1", "p", "n", n+1), ifMatch(r.ETag))
		if status(err) != http.StatusPreconditionFailed {
			return err
		}
	}
}

func TestItems_hierarchical_keys(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{PartitionsPerContainer: 4})
	c := a.container(t, azcosmos.ContainerProperties{ID: "h", PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{
		Paths: []string{"/tenant", "/a/b"}, Kind: azcosmos.PartitionKeyKindMultiHash, Version: 2}})
	for tenant := range 5 {
		for part := range 5 {
			key := pk(fmt.Sprint("t", tenant)).AppendNumber(float64(part))
			body := fmt.Sprintf(`{"id":"1","tenant":"t%d","a":{"b":%d}}`, tenant, part)
			if _, err := c.CreateItem(t.Context(), key, []byte(body), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := c.ReadItem(t.Context(), pk("t2").AppendNumber(3), "1", nil)
	if err != nil || decode(t, r.Value)["tenant"] != "t2" {
		t.Errorf("%s, %v", r.Value, err)
	}
	if _, err := c.ReadItem(t.Context(), pk("t2"), "1", nil); status(err) != http.StatusBadRequest {
		t.Errorf("a read with half the key: %v, want 400", err)
	}
	_, err = c.CreateItem(t.Context(), pk("t2").AppendNumber(3), []byte(`{"id":"2","tenant":"t2","a":{"b":4}}`), nil)
	if status(err) != http.StatusBadRequest || subStatus(err) != "1001" {
		t.Errorf("an item of another key: %v, want 400/1001", err)
	}
}

func TestItems_charges_grow_with_size(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	tests := []struct {
		bytes              int
		read, create, most float32
	}{
		{700, 1, 5, 6}, {99 << 10, 10, 50, 55},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint("bytes_", test.bytes), func(t *testing.T) {
			id := fmt.Sprint(test.bytes)
			created := create(t, c, id, "p", "text", strings.Repeat("x", test.bytes))
			if created.RequestCharge < test.create || created.RequestCharge > test.most {
				t.Errorf("create costs %v, want %v to %v", created.RequestCharge, test.create, test.most)
			}
			r, err := c.ReadItem(t.Context(), pk("p"), id, nil)
			if err != nil || r.RequestCharge < test.read*0.95 || r.RequestCharge > test.read*1.05 {
				t.Errorf("read costs %v, want about %v (%v)", r.RequestCharge, test.read, err)
			}
		})
	}
}

func TestItems_may_be_nested_128_deep(t *testing.T) {
	c := newAccount(t, cosmosemulator.Config{}).container(t, byPK("c"))
	body := `{"id":"1","pk":"p","text":"]\"}","a":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + "}"
	if _, err := c.CreateItem(t.Context(), pk("p"), []byte(body), nil); err != nil {
		t.Error(err)
	}
}
