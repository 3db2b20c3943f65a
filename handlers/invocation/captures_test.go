package invocation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// captures reads a file of captures of the real host, one JSON object a line.
func captures[T any](tb testing.TB, file string) []T {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		tb.Fatal(err)
	}
	var all []T
	for line := range bytes.Lines(text) {
		var one T
		if err := json.Unmarshal(line, &one); err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		tb.Fatalf("no captures in %s", file)
	}
	return all
}

// captured is an invocation as the host sent it.
type captured struct {
	Name    string
	Request string
	Headers map[string]string
	Body    string
}

func (c captured) request(tb testing.TB) *http.Request {
	tb.Helper()
	method, rest, _ := strings.Cut(c.Request, " ")
	path, _, _ := strings.Cut(rest, " ")
	r, err := http.NewRequestWithContext(tb.Context(), method, "http://"+c.Headers["Host"]+path, strings.NewReader(c.Body))
	if err != nil {
		tb.Fatal(err)
	}
	for name, value := range c.Headers {
		if name != "Host" && name != "Transfer-Encoding" {
			r.Header.Set(name, value)
		}
	}
	return r
}

const (
	firstBody  = `{"records":[{"a":1,"s":"x\"y é"}]}`
	secondBody = `{"records":[]}`
	someApp    = `{"app":"v","n":7,"b":true,"o":{"k":[1]}}`
)

func batchOf(partition string, events ...Event) Batch {
	return Batch{Namespace: "ns.servicebus.windows.net", Hub: "diagnostics", ConsumerGroup: "keywarden", Partition: partition, Events: events}
}

func retried(b Batch, count, most int) Batch {
	b.Retry = Retry{count, most}
	return b
}

func first(body string) Event {
	return Event{Sequence: 59, Offset: "616008", Enqueued: at("2026-01-01T00:00:02.25Z"), Body: []byte(body)}
}

func second(body string) Event {
	return Event{Sequence: 60, Offset: "616500", Enqueued: at("2026-01-01T00:00:03Z"), Body: []byte(body), Properties: json.RawMessage(someApp)}
}

// toSecond: the metadata of a single event have no fraction of the second.
func toSecond(e Event) Event {
	e.Enqueued = e.Enqueued.Truncate(time.Second)
	return e
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// wantBatches is what the captures of Event Hubs functions say.
var wantBatches = map[string]struct {
	as   Encoding
	want Batch
}{
	"eventhub-many-binary":                      {Binary, batchOf("2", first(firstBody), second(secondBody))},
	"eventhub-many-string":                      {Text, batchOf("2", first(firstBody), second(secondBody))},
	"eventhub-many-unset":                       {Text, batchOf("2", first(firstBody), second(secondBody))},
	"eventhub-cardinality-and-datatype-unset-1": {Text, batchOf("2", toSecond(first(firstBody)))},
	"eventhub-cardinality-and-datatype-unset-2": {Text, batchOf("2", second(secondBody))},
	"eventhub-one-binary":                       {Binary, batchOf("2", toSecond(first(firstBody)))},
	"eventhub-one-string":                       {Text, batchOf("2", toSecond(first(firstBody)))},
	"eventhub-one-unset":                        {Text, batchOf("2", toSecond(first(firstBody)))},
	"eventhub-one-string-notjson":               {Text, batchOf("2", toSecond(first(`plain text "quoted"`)))},
	"eventhub-many-binary-nonutf8-and-notjson": {Binary, batchOf("2", first("\x00\x01\x02\x03\xff\xfe\x80"),
		Event{Sequence: 60, Offset: "616500", Enqueued: at("2026-01-01T00:00:02.25Z"), Body: []byte("this is not json")})},
	"no-retry-500-1": {Binary, batchOf("2", first("{}"))},
	"retry-after-invalid-json-textplain-dropped-1": {Binary, retried(batchOf("0", first("{}")), 0, 3)},
	"retry-after-invalid-json-textplain-dropped-2": {Binary, retried(batchOf("0", first("{}")), 1, 3)},
	"retry-after-invalid-json-textplain-dropped-3": {Binary, retried(batchOf("0", first("{}")), 2, 3)},
	"retry-after-invalid-json-textplain-dropped-4": {Binary, retried(batchOf("0", first("{}")), 3, 3)},
	"retry-fixed-fail-then-ok-1":                   {Binary, retried(batchOf("2", first("{}")), 0, 3)},
	"retry-fixed-fail-then-ok-2":                   {Binary, retried(batchOf("2", first("{}")), 1, 3)},
	"retry-fixed-fail-then-ok-3":                   {Binary, retried(batchOf("2", first("{}")), 2, 3)},
	"admin-invoke-eventhub-many-binary":            {Binary, Batch{Events: []Event{{Offset: "-1", Body: []byte("hi")}}}},
}

// wantTimers is what the captures of timers say.
var wantTimers = map[string]Timer{
	"timer-1min-schedule-1": {Next: at("2026-11-23T07:11:00Z")},
	"timer-1min-schedule-2": {Last: at("2026-11-23T07:10:57.7246709Z"), Next: at("2026-11-23T07:11:00Z")},
	"timer-1min-schedule-3": {Last: at("2026-11-23T07:11:00Z"), Next: at("2026-11-23T07:12:00Z")},
	"timer-5s-schedule":     {},
	"timer-with-retry-1":    {Retry: Retry{0, 2}},
	"timer-with-retry-2":    {Retry: Retry{1, 2}},
	"timer-with-retry-3":    {Retry: Retry{2, 2}},
}

var wantDocuments = Documents{Items: []json.RawMessage{
	json.RawMessage(`{"id":"1","_ts":1767225600,"_etag":"\"e\"","n":{"a":[1,2.5,null,true]},"when":"2026-01-01T00:00:02.25Z","é":"ü"}`),
	json.RawMessage(`{"id":"2"}`),
}}

func TestDecode_every_captured_invocation(t *testing.T) {
	for _, c := range captures[captured](t, "invocations.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			var got, want any
			var err error
			if batch, ok := wantBatches[c.Name]; ok {
				want = batch.want
				got, err = DecodeBatch([]byte(c.Body), batch.as)
			} else if timer, ok := wantTimers[c.Name]; ok {
				want = timer
				got, err = DecodeTimer([]byte(c.Body))
			} else if strings.HasPrefix(c.Name, "cosmos-") {
				want = wantDocuments
				got, err = DecodeDocuments([]byte(c.Body))
			} else {
				t.Fatal("nobody says what this capture means: add it to this test")
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestFromHost_takes_every_captured_invocation(t *testing.T) {
	for _, c := range captures[captured](t, "invocations.jsonl") {
		if err := FromHost(c.request(t)); err != nil {
			t.Errorf("%s: refused: %v", c.Name, err)
		}
		if FromOutside(c.request(t)) == nil {
			t.Errorf("%s: taken as a request from outside", c.Name)
		}
	}
}

// exchange is a captured request to an HTTP function.
type exchange struct {
	Name       string
	HandlerGot *string // as latin-1
}

func TestFromHost_refuses_every_captured_request_from_outside(t *testing.T) {
	outside := 0
	for _, c := range captures[exchange](t, "http.jsonl") {
		if c.HandlerGot == nil {
			continue
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(*c.HandlerGot)))
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		// The host itself calls, for an administrator, and for an HTTP function without an http output.
		if strings.HasPrefix(c.Name, "admin-invoke-") || c.Name == "no-http-output-binding" {
			if err := FromHost(r); err != nil {
				t.Errorf("%s: refused: %v", c.Name, err)
			}
			continue
		}
		outside++
		if err := FromOutside(r); err != nil {
			t.Errorf("%s: not taken as a request from outside: %v", c.Name, err)
		}
		r.Method = http.MethodPost // what a client can forge
		r.URL.RawQuery = ""
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		r.Header.Set("User-Agent", "Azure-Functions-Host/4.1037.0.0")
		if FromHost(r) == nil {
			t.Errorf("%s: taken as an invocation by the host", c.Name)
		}
	}
	if outside < 30 {
		t.Errorf("only %d captured requests from outside", outside)
	}
}

func TestSocketBytes(t *testing.T) {
	text, err := os.ReadFile("testdata/eventhub-many-binary.http")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	var got Batch
	answer := serve(t, r, func(b Batch) error { got = b; return nil })
	if outcome := judge(answer); outcome != "success" {
		t.Errorf("the host would call the answer a %s", outcome)
	}
	if diff := cmp.Diff(batchOf("2", first(firstBody), second(secondBody)), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
