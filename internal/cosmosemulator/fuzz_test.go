package cosmosemulator_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// serveFuzzed sends a request and checks what every answer must be: of a status below 500, JSON, with an activity id.
func (a *account) serveFuzzed(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	if w.Code >= 500 || w.Header().Get("x-ms-activity-id") == "" {
		t.Fatalf("status %d, activity %q: %s", w.Code, w.Header().Get("x-ms-activity-id"), w.Body)
	}
	if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
		t.Fatalf("the answer is no JSON: %s", w.Body)
	}
	return w
}

// FuzzRequest gives the server any verb, path, headers and body. Half of the paths are signed right.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/dbs/db/colls/c/docs/1", "docs", "dbs/db/colls/c/docs/1", `["p"]`, "", "")
	f.Add("POST", "/dbs/db/colls/c/docs", "docs", "dbs/db/colls/c", `["p"]`, "x-ms-documentdb-is-upsert: true", `{"id":"1","pk":"p"}`)
	f.Add("POST", "/dbs/db/colls/c/docs", "docs", "dbs/db/colls/c", `[{}]`, "x-ms-cosmos-is-batch-request: true", `[{"operationType":"Upsert","resourceBody":{"id":"1"}}]`)
	f.Add("PATCH", "/dbs/db/colls/c/docs/1", "docs", "dbs/db/colls/c/docs/1", `["p"]`, "If-Match: *", `{"operations":[{"op":"incr","path":"/n","value":1}]}`)
	f.Add("GET", "/dbs/db/colls/c/docs", "docs", "dbs/db/colls/c", `[null,1]`, "A-IM: Incremental Feed", "")
	f.Add("POST", "/dbs/db/colls", "colls", "dbs/db", "", "x-ms-cosmos-offer-autopilot-settings: {}", `{"id":"d","partitionKey":{"paths":["/a"],"kind":"Hash"}}`)
	f.Add("PUT", "/offers/aaad", "offers", "aaad", "", "", `{"content":{"offerThroughput":500}}`)
	f.Add("GET", "/dbs/db/colls/c/pkranges", "pkranges", "dbs/db/colls/c", "", "If-None-Match: 1", "")
	a := newAccount(f, cosmosemulator.Config{PartitionsPerContainer: 2})
	create(f, a.container(f, byPK("c")), "1", "p")
	f.Fuzz(func(t *testing.T, verb, path, resource, link, key, header, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || verb == "" || strings.ContainsAny(verb, " \r\n") {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "http://account.test/", strings.NewReader(body))
		r.Method, r.URL = verb, u
		sign(r, cosmosemulator.EmulatorKey, resource, link, time.Now())
		r.Header.Set("x-ms-documentdb-partitionkey", key)
		if name, value, ok := strings.Cut(header, ": "); ok {
			r.Header.Set(name, value)
		}
		a.serveFuzzed(t, r)
	})
}

// FuzzPartitionKey writes and reads an item of any partition key header: what can be written can be read with the same
// header, and is the only one of its partition.
func FuzzPartitionKey(f *testing.F) {
	for _, seed := range []string{`["p"]`, `[null]`, `[{}]`, `[-0]`, `[1e308]`, `[true]`, `["\u0000\ud800"]`, `[]`, `[[1]]`, `["p",1]`, `{`} {
		f.Add(seed)
	}
	a := newAccount(f, cosmosemulator.Config{PartitionsPerContainer: 9})
	a.container(f, byPK("c"))
	f.Fuzz(func(t *testing.T, header string) {
		var values []any
		if json.Unmarshal([]byte(header), &values) != nil || len(values) != 1 {
			values = []any{"?"}
		}
		doc := map[string]any{"id": "1", "pk": values[0]}
		if object, ok := values[0].(map[string]any); ok && len(object) == 0 {
			delete(doc, "pk")
		}
		body, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		send := func(verb, path, link string, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(verb, "http://account.test"+path, strings.NewReader(body))
			sign(r, cosmosemulator.EmulatorKey, "docs", link, time.Now())
			r.Header.Set("x-ms-documentdb-partitionkey", header)
			r.Header.Set("x-ms-documentdb-is-upsert", "true")
			return a.serveFuzzed(t, r)
		}
		written := send("POST", docs, "dbs/db/colls/c", string(body))
		got := send("GET", docs+"/1", "dbs/db/colls/c/docs/1", "")
		if written.Code/100 == 2 && (got.Code != http.StatusOK || got.Body.String() != written.Body.String()) {
			t.Errorf("key %q: written %d %s, read %d %s", header, written.Code, written.Body, got.Code, got.Body)
		}
		if written.Code/100 != 2 && got.Code == http.StatusOK {
			t.Errorf("key %q: refused with %d, but read", header, written.Code)
		}
	})
}

// FuzzContinuation gives any continuation to a query and any to a change feed.
func FuzzContinuation(f *testing.F) {
	a := newAccount(f, cosmosemulator.Config{PartitionsPerContainer: 3})
	c := a.container(f, byPK("c"))
	for _, id := range []string{"1", "2", "3", "4"} {
		create(f, c, id, id)
	}
	header := []string{"x-ms-documentdb-query", "true", "x-ms-documentdb-query-enablecrosspartition", "true", "x-ms-max-item-count", "1"}
	query := []byte(`{"query":"select * from c"}`)
	first := a.raw(f, "POST", docs, "docs", "dbs/db/colls/c", query, header...)
	f.Add(first.Header().Get("x-ms-continuation"))
	f.Add("")
	f.Add(`"1"`)
	f.Add("eyJxIjoiIiwiciI6LTF9")
	f.Fuzz(func(t *testing.T, token string) {
		if strings.ContainsAny(token, "\r\n\x00") {
			return
		}
		for _, test := range []struct {
			verb, name string
			body       []byte
			header     []string
		}{
			{"POST", "x-ms-continuation", query, header},
			{"GET", "If-None-Match", nil, []string{"A-IM", "Incremental Feed", "x-ms-documentdb-partitionkeyrangeid", "1"}},
		} {
			w := a.raw(t, test.verb, docs, "docs", "dbs/db/colls/c", test.body, append([]string{test.name, token}, test.header...)...)
			if w.Code != http.StatusOK && w.Code != http.StatusNotModified && w.Code != http.StatusBadRequest {
				t.Errorf("%s %q is answered %d: %s", test.name, token, w.Code, w.Body)
			}
		}
	})
}
