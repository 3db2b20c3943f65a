package cosmosemulator_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

func bodyReader(body []byte) io.Reader {
	if body == nil {
		return nil
	}
	return bytes.NewReader(body)
}

// sign does what the documentation of the REST API says.
func sign(r *http.Request, key, resource, link string, at time.Time) {
	date := at.UTC().Format(http.TimeFormat)
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(strings.ToLower(r.Method) + "\n" + strings.ToLower(resource) + "\n" + link + "\n" + strings.ToLower(date) + "\n\n"))
	r.Header.Set("x-ms-date", date)
	r.Header.Set("Authorization", url.QueryEscape("type=master&ver=1.0&sig="+base64.StdEncoding.EncodeToString(mac.Sum(nil))))
}

const docs = "/dbs/db/colls/c/docs"

func TestServeHTTP_refuses_malformed_requests(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	create(t, a.container(t, byPK("c")), "1", "p")
	huge := []byte(`{"id":"1","pk":"p","text":"` + strings.Repeat("x", 3<<20) + `"}`)
	key := []string{"x-ms-documentdb-partitionkey", `["p"]`}
	query := []string{"x-ms-documentdb-query", "true", "x-ms-documentdb-query-enablecrosspartition", "true"}
	tests := []struct {
		name, verb, path, resource, link, body string
		header                                 []string
		want                                   int
	}{
		{"put_on_a_feed", "PUT", docs, "docs", "dbs/db/colls/c", "{}", key, 405},
		{"post_on_an_item", "POST", docs + "/1", "docs", "dbs/db/colls/c/docs/1", "{}", key, 405},
		{"head", "HEAD", docs + "/1", "docs", "dbs/db/colls/c/docs/1", "", key, 405},
		{"trace", "TRACE", docs, "docs", "dbs/db/colls/c", "", key, 405},
		{"delete_the_account", "DELETE", "/", "", "", "", nil, 405},
		{"no_such_path", "GET", "/nothing", "nothing", "", "", nil, 404},
		{"path_too_deep", "GET", docs + "/1/attachments/2/3", "docs", "dbs/db/colls/c/docs/1", "", key, 404},
		{"stored_procedures", "GET", "/dbs/db/colls/c/sprocs", "sprocs", "dbs/db/colls/c", "", nil, 400},
		{"empty_segment", "GET", "/dbs//colls", "colls", "dbs/", "", nil, 400},
		{"no_partition_key", "POST", docs, "docs", "dbs/db/colls/c", string(item("2", "p")), nil, 400},
		{"partition_key_is_no_json", "POST", docs, "docs", "dbs/db/colls/c", string(item("2", "p")), []string{key[0], `["p"`}, 400},
		{"partition_key_is_no_array", "POST", docs, "docs", "dbs/db/colls/c", string(item("2", "p")), []string{key[0], `"p"`}, 400},
		{"partition_key_of_two", "POST", docs, "docs", "dbs/db/colls/c", string(item("2", "p")), []string{key[0], `["p","q"]`}, 400},
		{"partition_key_of_an_object", "POST", docs, "docs", "dbs/db/colls/c", string(item("2", "p")), []string{key[0], `[{"a":1}]`}, 400},
		{"malformed_json", "POST", docs, "docs", "dbs/db/colls/c", `{"id":"2",`, key, 400},
		{"two_values", "POST", docs, "docs", "dbs/db/colls/c", `{"id":"2","pk":"p"}{}`, key, 400},
		{"array", "POST", docs, "docs", "dbs/db/colls/c", `[]`, key, 400},
		{"empty", "POST", docs, "docs", "dbs/db/colls/c", ``, key, 400},
		{"not_utf8", "POST", docs, "docs", "dbs/db/colls/c", "{\"id\":\"\xff\",\"pk\":\"p\"}", key, 400},
		{"no_id", "POST", docs, "docs", "dbs/db/colls/c", `{"pk":"p"}`, key, 400},
		{"id_is_a_number", "POST", docs, "docs", "dbs/db/colls/c", `{"id":2,"pk":"p"}`, key, 400},
		{"ttl_is_text", "POST", docs, "docs", "dbs/db/colls/c", `{"id":"2","pk":"p","ttl":"1"}`, key, 400},
		{"ttl_is_0", "POST", docs, "docs", "dbs/db/colls/c", `{"id":"2","pk":"p","ttl":0}`, key, 400},
		{"deeply_nested", "POST", docs, "docs", "dbs/db/colls/c", `{"id":"2","pk":"p","a":` + strings.Repeat("[", 1<<20), key, 400},
		{"nested_129_deep", "POST", docs, "docs", "dbs/db/colls/c", `{"id":"2","pk":"p","a":"[","b":` + strings.Repeat("[", 128) + strings.Repeat("]", 128) + "}", key, 400},
		{"huge", "POST", docs, "docs", "dbs/db/colls/c", string(huge), key, 413},
		{"triggers", "POST", docs, "docs", "dbs/db/colls/c", string(item("2", "p")), append([]string{"x-ms-documentdb-pre-trigger-include", "t"}, key...), 400},
		{"query_is_no_json", "POST", docs, "docs", "dbs/db/colls/c", `select`, query, 400},
		{"query_is_empty", "POST", docs, "docs", "dbs/db/colls/c", `{"query":""}`, query, 400},
		{"query_is_too_long", "POST", docs, "docs", "dbs/db/colls/c", `{"query":"` + strings.Repeat(" ", 600<<10) + `"}`, query, 413},
		{"bad_parameters", "POST", docs, "docs", "dbs/db/colls/c", `{"query":"select * from c","parameters":{}}`, query, 400},
		{"bad_continuation", "POST", docs, "docs", "dbs/db/colls/c", `{"query":"select * from c"}`, append([]string{"x-ms-continuation", "!"}, query...), 400},
		{"bad_page_size", "POST", docs, "docs", "dbs/db/colls/c", `{"query":"select * from c"}`, append([]string{"x-ms-max-item-count", "0"}, query...), 400},
		{"stronger_consistency_unknown", "GET", docs + "/1", "docs", "dbs/db/colls/c/docs/1", "", append([]string{"x-ms-consistency-level", "Perfect"}, key...), 400},
		{"session_token", "GET", docs + "/1", "docs", "dbs/db/colls/c/docs/1", "", append([]string{"x-ms-session-token", "x"}, key...), 400},
		{"batch_is_no_array", "POST", docs, "docs", "dbs/db/colls/c", `{}`, append([]string{"x-ms-cosmos-is-batch-request", "true"}, key...), 400},
		{"batch_of_unknown_operations", "POST", docs, "docs", "dbs/db/colls/c", `[{"operationType":"Burn"}]`, append([]string{"x-ms-cosmos-is-batch-request", "true"}, key...), 400},
		{"full_fidelity_change_feed", "GET", docs, "docs", "dbs/db/colls/c", "", []string{"A-IM", "Full-Fidelity Feed"}, 400},
		{"database_is_no_json", "POST", "/dbs", "dbs", "", `{`, nil, 400},
		{"database_name", "POST", "/dbs", "dbs", "", `{"id":"a/b"}`, nil, 400},
		{"container_without_key", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d"}`, nil, 400},
		{"container_of_four_paths", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d","partitionKey":{"paths":["/a","/b","/c","/d"],"kind":"MultiHash","version":2}}`, nil, 400},
		{"container_hierarchy_version_1", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d","partitionKey":{"paths":["/a","/b"],"kind":"MultiHash"}}`, nil, 400},
		{"container_path", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d","partitionKey":{"paths":["a"],"kind":"Hash"}}`, nil, 400},
		{"container_ttl", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d","partitionKey":{"paths":["/a"]},"defaultTtl":0}`, nil, 400},
		{"container_unique_keys", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d","partitionKey":{"paths":["/a"]},"uniqueKeyPolicy":{"uniqueKeys":[{"paths":["/b"]}]}}`, nil, 400},
		{"throughput", "POST", "/dbs/db/colls", "colls", "dbs/db", `{"id":"d","partitionKey":{"paths":["/a"]}}`, []string{"x-ms-offer-throughput", "1"}, 400},
		{"owner", "POST", "/dbs/none/colls/c/docs", "docs", "dbs/none/colls/c", `{}`, key, 404},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := a.raw(t, test.verb, test.path, test.resource, test.link, []byte(test.body), test.header...)
			if w.Code != test.want {
				t.Errorf("status %d, want %d: %s", w.Code, test.want, w.Body)
			}
			if code := decode(t, w.Body.Bytes())["code"]; code == "" {
				t.Errorf("the body has no code: %s", w.Body)
			}
			if w.Header().Get("x-ms-activity-id") == "" || w.Header().Get("x-ms-request-charge") == "" {
				t.Errorf("the answer has no activity id or charge: %v", w.Header())
			}
		})
	}
}

func TestServeHTTP_reads_bodies_of_unknown_length(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	a.container(t, byPK("c"))
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"small": {string(item("1", "p")), http.StatusCreated},
		"huge":  {strings.Repeat(" ", 5<<20), http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			w := a.raw(t, "POST", docs, "docs", "dbs/db/colls/c", nil, "x-ms-documentdb-partitionkey", `["p"]`)
			if w.Code != http.StatusBadRequest {
				t.Fatalf("no body is answered %d", w.Code)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://account.test"+docs, io.MultiReader(strings.NewReader(test.body)))
			if err != nil {
				t.Fatal(err)
			}
			sign(r, cosmosemulator.EmulatorKey, "docs", "dbs/db/colls/c", time.Now())
			r.Header.Set("x-ms-documentdb-partitionkey", `["p"]`)
			response, err := (&http.Client{Transport: a.Transport()}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.want {
				t.Errorf("status %d, want %d", response.StatusCode, test.want)
			}
		})
	}
}

// serve runs Serve on a free port until the test ends.
func serve(t testing.TB, a *account) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, listener, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return listener.Addr().String()
}

func TestServe_refuses_connections_beyond_its_bound(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{MaxConnections: 8})
	address := serve(t, a)
	var idle []net.Conn
	for range 8 {
		idle = append(idle, dial(t, address)) // half open: they never say anything
	}
	for range 100 {
		text, err := io.ReadAll(dial(t, address))
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 503 ") {
			t.Fatalf("a connection too many gets %q, %v", text, err)
		}
	}
	for _, conn := range idle {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for try := 0; ; try++ { // the server sees the ends of the others when it comes to them
		conn := dial(t, address)
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		text, _ := io.ReadAll(conn)
		if strings.HasPrefix(string(text), "HTTP/1.1 401 ") {
			return
		}
		if try == 200 {
			t.Fatalf("there is room again, and a request without a signature is answered %.200q", text)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestServe_survives_garbage(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	address := serve(t, a)
	for _, garbage := range []string{"\x16\x03\x01\x02\x00\x01", "GET", strings.Repeat("A", 1<<20), "POST /dbs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 20_000) + "\r\n"} {
		conn := dial(t, address)
		_, _ = io.WriteString(conn, garbage) // it may be cut off while it speaks
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		text, _ := io.ReadAll(conn)
		if len(text) > 0 && !strings.HasPrefix(string(text), "HTTP/1.1 4") {
			t.Errorf("garbage %.20q is answered %.80q", garbage, text)
		}
	}
	a.endpoint = "http://" + address + "/"
	if _, err := a.newClient(t, http.DefaultClient).CreateDatabase(t.Context(), databaseOf("db"), nil); err != nil {
		t.Error(err)
	}
}
