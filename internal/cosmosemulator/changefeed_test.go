package cosmosemulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// feedOf reads the change feed of the whole container from the beginning, in pages of seven.
func feedOf(t testing.TB, c *azcosmos.ContainerClient, key *azcosmos.PartitionKey) (ids []string) {
	t.Helper()
	o := &azcosmos.ChangeFeedOptions{MaxItemCount: 7, PartitionKey: key, FeedRange: &azcosmos.FeedRange{MinInclusive: "", MaxExclusive: "FF"}}
	for {
		r, err := c.ReadChangeFeed(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Items) == 0 {
			return ids
		}
		for _, text := range r.Items {
			doc := decode(t, text)
			if doc["_lsn"].(float64) < 1 {
				t.Errorf("no LSN: %s", text)
			}
			ids = append(ids, doc["id"].(string))
		}
		o.Continuation = &r.ContinuationToken
	}
}

func TestChangeFeed_has_the_last_version_of_each_item_once(t *testing.T) {
	for _, ranges := range []int{1, 5} {
		t.Run(fmt.Sprint("ranges_", ranges), func(t *testing.T) {
			a := newAccount(t, cosmosemulator.Config{PartitionsPerContainer: ranges})
			c := a.container(t, byPK("c"))
			var want []string
			for i := range 50 {
				id := fmt.Sprint(i)
				create(t, c, id, fmt.Sprint("p", i%9))
				if i%7 != 0 {
					want = append(want, id)
				}
			}
			for i := 0; i < 50; i += 7 {
				if _, err := c.DeleteItem(t.Context(), pk(fmt.Sprint("p", i%9)), fmt.Sprint(i), nil); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := c.UpsertItem(t.Context(), pk("p1"), item("1", "p1"), nil); err != nil {
				t.Fatal(err)
			}
			got := feedOf(t, c, nil)
			if ranges == 1 && got[len(got)-1] != "1" {
				t.Errorf("what was changed last is not at the end of %q", got)
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangeFeed_of_one_partition_key(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	for i := range 30 {
		create(t, c, fmt.Sprint(i), fmt.Sprint("p", i%3))
	}
	key := pk("p2")
	if diff := cmp.Diff([]string{"2", "5", "8", "11", "14", "17", "20", "23", "26", "29"}, feedOf(t, c, &key)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestChangeFeed_starts_and_ends(t *testing.T) {
	time0 := newClock()
	a := newAccount(t, cosmosemulator.Config{Clock: time0.now})
	c := a.container(t, byPK("c"))
	create(t, c, "1", "p")
	time0.pass(time.Hour)
	from := time0.now()
	create(t, c, "2", "p")
	all := &azcosmos.FeedRange{MaxExclusive: "FF"}

	r, err := c.ReadChangeFeed(t.Context(), &azcosmos.ChangeFeedOptions{FeedRange: all, StartFrom: &from})
	if err != nil || len(r.Items) != 1 || decode(t, r.Items[0])["id"] != "2" {
		t.Errorf("from a time: %q, %v", r.Items, err)
	}
	end, err := c.ReadChangeFeed(t.Context(), &azcosmos.ChangeFeedOptions{Continuation: &r.ContinuationToken})
	if err != nil || end.RawResponse.StatusCode != http.StatusNotModified || end.ETag != r.ETag {
		t.Errorf("the end: status %d, etag %s after %s, %v", end.RawResponse.StatusCode, end.ETag, r.ETag, err)
	}
	now := a.raw(t, "GET", docs, "docs", "dbs/db/colls/c", nil, "A-IM", "Incremental Feed", "If-None-Match", "*")
	if now.Code != http.StatusNotModified {
		t.Fatalf("from now: status %d", now.Code)
	}
	create(t, c, "3", "p")
	for name, token := range map[string]string{"end": string(end.ETag), "now": now.Header().Get("etag")} {
		w := a.raw(t, "GET", docs, "docs", "dbs/db/colls/c", nil, "A-IM", "Incremental Feed", "If-None-Match", token)
		if got := decode(t, w.Body.Bytes())["_count"]; got != 1.0 {
			t.Errorf("after %s there are %v changes, want 1", name, got)
		}
	}
	for name, header := range map[string][]string{
		"token": {"If-None-Match", `"x"`}, "time": {"If-Modified-Since", "yesterday"}, "negative": {"If-None-Match", `"-1"`},
	} {
		w := a.raw(t, "GET", docs, "docs", "dbs/db/colls/c", nil, append([]string{"A-IM", "Incremental Feed"}, header...)...)
		if w.Code != http.StatusBadRequest {
			t.Errorf("a bad %s is answered %d, want 400", name, w.Code)
		}
	}
	w := a.raw(t, "GET", docs, "docs", "dbs/db/colls/c", nil, "A-IM", "Incremental Feed", "x-ms-documentdb-partitionkeyrangeid", "99")
	if w.Code != http.StatusGone || w.Header().Get("x-ms-substatus") != "1002" {
		t.Errorf("an unknown range is answered %d/%s, want 410/1002", w.Code, w.Header().Get("x-ms-substatus"))
	}
}

func TestChangeFeed_does_not_cut_a_batch(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	create(t, c, "first", "p")
	b := c.NewTransactionalBatch(pk("p"))
	for i := range 10 {
		b.CreateItem(item(fmt.Sprint(i), "p"), nil)
	}
	if _, err := c.ExecuteTransactionalBatch(t.Context(), b, nil); err != nil {
		t.Fatal(err)
	}
	create(t, c, "last", "p")
	o := &azcosmos.ChangeFeedOptions{MaxItemCount: 3, FeedRange: &azcosmos.FeedRange{MaxExclusive: "FF"}}
	var pages []int
	for range 3 {
		r, err := c.ReadChangeFeed(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		pages, o.Continuation = append(pages, len(r.Items)), &r.ContinuationToken
	}
	if diff := cmp.Diff([]int{11, 1, 0}, pages); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func TestFeedRanges_follow_the_throughput(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	a.container(t, byPK("one"))
	database, err := a.client.NewDatabase("db")
	if err != nil {
		t.Fatal(err)
	}
	throughput := azcosmos.NewManualThroughputProperties(30_000)
	if _, err := database.CreateContainer(t.Context(), byPK("three"), &azcosmos.CreateContainerOptions{ThroughputProperties: &throughput}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int{"one": 1, "three": 3} {
		c, err := database.NewContainer(id)
		if err != nil {
			t.Fatal(err)
		}
		ranges, err := c.ReadFeedRanges(t.Context(), nil)
		if err != nil || len(ranges) != want {
			t.Errorf("%s has %d ranges, want %d (%v)", id, len(ranges), want, err)
		}
	}
}
