package invocation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
)

type captured struct {
	Name, Request, Body string
	Headers             map[string]string
}

func TestCapturesAreThoseThatWereShared(t *testing.T) {
	hosttest.CompareShared(t, "answers.jsonl", "invocations.jsonl", "eventhub-many-binary.http")
}

var (
	at      = time.Date(2026, 1, 1, 0, 0, 2, 250e6, time.UTC)
	key     = "pk1"
	records = Event{Body: []byte(`{"records":[{"a":1,"s":"x\"y é"}]}`), Offset: "616008", Sequence: 59, Enqueued: at}
	empty   = Event{Body: []byte(`{"records":[]}`), Offset: "616500", Sequence: 60, Enqueued: at.Add(750 * time.Millisecond),
		PartitionKey: &key, Properties: json.RawMessage(`{"app":"v","n":7,"b":true,"o":{"k":[1]}}`)}
	hub = Hub{Namespace: "ns.servicebus.windows.net", Name: "diagnostics", ConsumerGroup: "keywarden", Partition: "2"}
)

func with(e Event, body string) Event {
	e.Body = []byte(body)
	return e
}

// later is an event of the second place of a batch without properties.
func later(body string) Event {
	return Event{Body: []byte(body), Offset: "616500", Sequence: 60, Enqueued: at}
}

func events(t *testing.T, many bool, dataType string, events ...Event) Content {
	t.Helper()
	c, err := Events(Shape{Name: "events", Many: many, DataType: dataType}, hub, events)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func stamp(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// contents is what was handed over in each captured invocation.
func contents(t *testing.T) map[string]Content {
	documents, err := Documents("documents", []json.RawMessage{
		json.RawMessage(`{"id":"1","_ts":1767225600,"_etag":"\"e\"","n":{"a":[1,2.5,null,true]},"when":"2026-01-01T00:00:02.25Z", "é":"ü"}`),
		json.RawMessage(`{"id":"2"}`)})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := Admin(Shape{Name: "events", Many: true, DataType: "binary"}, "hi")
	if err != nil {
		t.Fatal(err)
	}
	tiny := events(t, true, "binary", with(records, "{}"))
	hubZero := hub
	hubZero.Partition = "0"
	zero, err := Events(Shape{Name: "events", Many: true, DataType: "binary"}, hubZero, []Event{with(records, "{}")})
	if err != nil {
		t.Fatal(err)
	}
	started := stamp(t, "2026-11-23T07:10:57.7246709Z")
	minute := stamp(t, "2026-11-23T07:11:00Z")
	return map[string]Content{
		"cosmos-datatype-string":                       documents,
		"cosmos-datatype-unset":                        documents,
		"eventhub-cardinality-and-datatype-unset-1":    events(t, false, "", records),
		"eventhub-cardinality-and-datatype-unset-2":    events(t, false, "", empty),
		"eventhub-many-binary-nonutf8-and-notjson":     events(t, true, "binary", with(records, "\x00\x01\x02\x03\xff\xfe\x80"), later("this is not json")),
		"eventhub-many-binary":                         events(t, true, "binary", records, empty),
		"eventhub-many-string":                         events(t, true, "string", records, empty),
		"eventhub-many-unset":                          events(t, true, "", records, empty),
		"eventhub-one-binary":                          events(t, false, "binary", records),
		"eventhub-one-string-notjson":                  events(t, false, "string", with(records, `plain text "quoted"`)),
		"eventhub-one-string":                          events(t, false, "string", records),
		"eventhub-one-unset":                           events(t, false, "", records),
		"no-retry-500-1":                               tiny,
		"retry-after-invalid-json-textplain-dropped-1": zero,
		"retry-after-invalid-json-textplain-dropped-2": zero,
		"retry-after-invalid-json-textplain-dropped-3": zero,
		"retry-after-invalid-json-textplain-dropped-4": zero,
		"retry-fixed-fail-then-ok-1":                   tiny,
		"retry-fixed-fail-then-ok-2":                   tiny,
		"retry-fixed-fail-then-ok-3":                   tiny,
		"timer-1min-schedule-1":                        Timer("timer", &Status{Next: minute}, false),
		"timer-1min-schedule-2":                        Timer("timer", &Status{Last: started, Next: minute, LastUpdated: started}, false),
		"timer-1min-schedule-3":                        Timer("timer", &Status{Last: minute, Next: minute.Add(time.Minute), LastUpdated: minute}, false),
		"timer-5s-schedule":                            Timer("timer", nil, false),
		"timer-with-retry-1":                           Timer("timer", nil, false),
		"timer-with-retry-2":                           Timer("timer", nil, false),
		"timer-with-retry-3":                           Timer("timer", nil, false),
		"admin-invoke-eventhub-many-binary":            admin,
	}
}

// words is an error in the words of the host.
type words string

func (e words) Error() string { return string(e) }

// answered is a 2xx answer of the handler, as AnswerError keeps it.
func answered(contentType, body string, cause error) error {
	header := http.Header{"Content-Type": {contentType}, "Content-Length": {strconv.Itoa(len(body))}}
	return AnswerError{&http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: header}, []byte(body), cause}
}

// failures is what made each captured retry necessary.
var failures = map[string]error{
	"retry-after-invalid-json-textplain-dropped-2": answered("application/json", "not json",
		words("Unexpected character encountered while parsing value: n. Path '', line 0, position 0.")),
	"retry-after-invalid-json-textplain-dropped-3": answered("text/plain", "ok", mediaError("text/plain")),
	"retry-after-invalid-json-textplain-dropped-4": DroppedError{io.EOF},
	"retry-fixed-fail-then-ok-2":                   StatusError{500, "Internal Server Error"},
	"retry-fixed-fail-then-ok-3":                   StatusError{500, "Internal Server Error"},
	"timer-with-retry-2":                           StatusError{500, "OK"},
	"timer-with-retry-3":                           StatusError{500, "OK"},
}

// retryOf is the RetryContext of a captured invocation, made by us; nil where it had none.
func retryOf(t *testing.T, c captured) *RetryContext {
	t.Helper()
	var body struct {
		Metadata struct{ RetryContext *RetryContext }
	}
	if err := json.Unmarshal([]byte(c.Body), &body); err != nil {
		t.Fatal(err)
	}
	theirs := body.Metadata.RetryContext
	if theirs == nil {
		return nil
	}
	ours := &RetryContext{RetryCount: theirs.RetryCount, MaxRetryCount: theirs.MaxRetryCount}
	if ours.RetryCount > 0 {
		ours.Exception = Exception(failures[c.Name], strings.TrimPrefix(strings.Fields(c.Request)[1], "/"), c.Headers["X-Azure-Functions-InvocationId"])
	}
	return ours
}

var changing = regexp.MustCompile(`"UtcNow":"[^"]*","RandGuid":"[^"]*"`)

// TestInvocationsAreThoseOfTheHost compares the body of every captured
// invocation, but for the time and the random id, byte by byte.
func TestInvocationsAreThoseOfTheHost(t *testing.T) {
	made := contents(t)
	for _, c := range hosttest.Captures[captured](t, "invocations.jsonl") {
		t.Run(strings.ReplaceAll(c.Name, "-", "_"), func(t *testing.T) {
			content, ok := made[c.Name]
			if !ok {
				t.Fatal("no test makes this invocation")
			}
			function := strings.TrimPrefix(strings.Fields(c.Request)[1], "/")
			ours := string(content.Body(function, at, retryOf(t, c)))
			if !json.Valid([]byte(ours)) {
				t.Fatalf("no JSON: %s", ours)
			}
			if diff := cmp.Diff(changing.ReplaceAllString(c.Body, ""), changing.ReplaceAllString(ours, "")); diff != "" {
				t.Errorf("differs from the host's (-host +ours):\n%s", diff)
			}
		})
	}
}

// TestRequestOnTheWire compares one request as it goes over the socket.
func TestRequestOnTheWire(t *testing.T) {
	theirs, err := os.ReadFile(filepath.Join("testdata", "eventhub-many-binary.http"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(theirs)))
	if err != nil {
		t.Fatal(err)
	}
	wantBody, err := io.ReadAll(want.Body)
	if err != nil {
		t.Fatal(err)
	}
	handler := newRaw(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", false)
	id := want.Header.Get("X-Azure-Functions-InvocationId")
	if _, err := Send(t.Context(), handler.addr, Try{Function: "ehbin", ID: id, Body: wantBody}); err != nil {
		t.Fatal(err)
	}
	got := <-handler.got
	want.Host, want.Body, got.request.Body = handler.addr, nil, nil
	for _, r := range []*http.Request{want, got.request} {
		if len(r.TransferEncoding) != 1 || r.TransferEncoding[0] != "chunked" {
			t.Errorf("transfer encoding %v, want chunked", r.TransferEncoding)
		}
	}
	type request struct {
		Method, URI, Host string
		Header            http.Header
		Body              string
	}
	if diff := cmp.Diff(request{want.Method, want.RequestURI, want.Host, want.Header, string(wantBody)},
		request{got.request.Method, got.request.RequestURI, got.request.Host, got.request.Header, got.body}); diff != "" {
		t.Errorf("request (-host +ours):\n%s", diff)
	}
	if !strings.Contains(got.raw, "\r\n400\r\n") {
		t.Error("the first chunk is not of 0x400 bytes, as the host's")
	}
}

// raw is a handler that answers each request with the same bytes.
type raw struct {
	addr string
	got  chan received
}

type received struct {
	request   *http.Request
	raw, body string
}

func newRaw(t *testing.T, answer string, closes bool) raw {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	h := raw{addr: l.Addr().String(), got: make(chan received, 10)}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go h.serve(conn, answer, closes)
		}
	}()
	return h
}

func (h raw) serve(conn net.Conn, answer string, closes bool) {
	defer func() { _ = conn.Close() }()
	var seen bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(conn, &seen))
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		h.got <- received{r, seen.String(), string(body)}
		text := []byte(answer)
		if r.URL.Path == "/elsewhere" {
			text = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")
		}
		if _, err := conn.Write(text); err != nil || closes {
			return
		}
	}
}

var errHung = errors.New("hung until the end of its time")

// TestAnswersAreTakenAsTheHostTookThem sends every captured answer over a socket.
func TestAnswersAreTakenAsTheHostTookThem(t *testing.T) {
	type answer struct {
		Name, Outcome, Answer string
		ClosesAfter           bool
	}
	all := hosttest.Captures[answer](t, "answers.jsonl")
	if len(all) < 50 {
		t.Fatalf("%d answers captured, want all", len(all))
	}
	for _, a := range all {
		t.Run(strings.ReplaceAll(a.Name, "-", "_"), func(t *testing.T) {
			t.Parallel()
			checkVerdict(t, hosttest.Latin1(a.Answer), a.Outcome)
			handler := newRaw(t, hosttest.Latin1(a.Answer), a.ClosesAfter)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if a.Outcome == "hang" {
				go func() { <-handler.got; cancel(errHung) }()
			}
			_, err := Send(ctx, handler.addr, Try{Function: "ehbin", ID: NewID(), Body: []byte(`{"Data":{},"Metadata":{}}`)})
			outcome := "success"
			switch {
			case errors.Is(err, errHung):
				outcome = "hang"
			case err != nil:
				outcome = "failure"
			}
			if outcome != a.Outcome {
				t.Errorf("%s (%v), the host called it %s", outcome, err, a.Outcome)
			}
			if err != nil && outcome == "failure" && !json.Valid(Exception(err, "ehbin", "id")) {
				t.Error("its exception is no JSON")
			}
		})
	}
}

// checkVerdict judges an answer that can be read at all.
func checkVerdict(t *testing.T, text, outcome string) {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		return
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return
	}
	verdict, _, err := Judge(answer, body)
	if answer.StatusCode/100 != 3 && verdict.String() != outcome {
		t.Errorf("judged as %v (%v), want %s", verdict, err, outcome)
	}
}
