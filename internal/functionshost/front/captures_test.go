package front

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
)

// exchange is one captured request to the real host.
type exchange struct {
	Name, ClientSent, ClientGot string
	HandlerGot                  *string // nil = the host answered itself
}

func TestCapturesAreThoseThatWereShared(t *testing.T) {
	hosttest.CompareShared(t, "http.jsonl")
}

func httpFunction(name, route, level string, methods ...string) app.Function {
	f := app.Function{Name: name, Trigger: app.Binding{Type: app.HTTP, Name: "req", Route: &route, AuthLevel: level, Methods: methods}}
	if route == "" {
		f.Trigger.Route = nil
	}
	return f
}

// captured is the package that the real host ran when it was captured.
func captured() *app.App {
	plain := httpFunction("hnoout", "noout", "anonymous")
	plain.Plain = true
	return &app.App{Host: app.Host{Proxying: true}, Functions: []app.Function{
		httpFunction("api", "api/{*path}", "anonymous"),
		httpFunction("ui", "ui/{*path}", "function"),
		httpFunction("adm", "onlyadm/{*path}", "admin"),
		httpFunction("badroute", "adminonly/{*path}", "anonymous"),
		httpFunction("hget", "onlyget/{id:int?}", "anonymous", "get"),
		httpFunction("hdefault", "", "anonymous"),
		plain,
		{Name: "ehbin", Trigger: app.Binding{Type: app.EventHub, Name: "events", Cardinality: "many", DataType: "binary"}},
		{Name: "ehone", Trigger: app.Binding{Type: app.EventHub, Name: "events", Cardinality: "one", DataType: "string"}},
	}}
}

// one is a backend with one handler.
type one struct{ addr string }

func (o one) Proxy(ctx context.Context, _ string, send func(ctx context.Context, addr, id string) error) error {
	return send(ctx, o.addr, invocation.NewID())
}

func (o one) Invoke(ctx context.Context, function string, c invocation.Content) error {
	_, err := invocation.Send(ctx, o.addr, invocation.Try{Function: function, ID: invocation.NewID(), Body: c.Body(function, clock.System{}.Now(), nil)})
	return err
}

// message is an HTTP message as it is compared.
type message struct {
	First  string
	Header http.Header
	Body   string
}

// recorder answers each request with the same bytes and keeps what it got.
func recorder(t *testing.T, answer string) (addr string, got chan message) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	got = make(chan message, 20)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if m, err := readRequest(bufio.NewReader(conn)); err == nil {
				got <- m
				_, _ = io.WriteString(conn, answer) // the test sees what is missing
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String(), got
}

// readRequest reads a request; Content-Length and chunking are compared as headers.
func readRequest(in *bufio.Reader) (message, error) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return message{}, err
	}
	body, err := io.ReadAll(r.Body)
	if len(r.TransferEncoding) > 0 {
		r.Header["Transfer-Encoding"] = r.TransferEncoding
	}
	return message{r.Method + " " + r.RequestURI + " " + r.Proto, normal(r.Header), sys.ReplaceAllString(string(body), "")}, err
}

var (
	uuid = regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`)
	sys  = regexp.MustCompile(`"UtcNow":"[^"]*","RandGuid":"[^"]*"`)
)

// normal replaces what differs from run to run.
func normal(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"X-Azure-Functions-Invocationid", "X-Ms-Invocation-Id"} {
		if uuid.MatchString(h.Get(name)) {
			h.Set(name, "uuid")
		}
	}
	if h.Get("Server") == "Kestrel" && h.Get("Date") != "" {
		h.Set("Date", "now")
	}
	return h
}

// split cuts an answer into its status line, headers and raw body.
func split(t *testing.T, text string) message {
	t.Helper()
	head, body, ok := strings.Cut(text, "\r\n\r\n")
	if !ok {
		t.Fatalf("no answer: %q", text)
	}
	lines := strings.Split(head, "\r\n")
	h := http.Header{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return message{lines[0], normal(h), body}
}

// answerOf is what the handler answered in a captured exchange.
func answerOf(t *testing.T, e exchange) string {
	got := hosttest.Latin1(e.ClientGot)
	if e.HandlerGot == nil {
		return "HTTP/1.1 500 Unexpected\r\nContent-Length: 0\r\n\r\n"
	}
	if !strings.Contains(*e.HandlerGot, "x-ms-invocation-id") { // it got the JSON form
		return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	}
	m := split(t, got)
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	var kept []string
	for line := range strings.SplitSeq(head, "\r\n") {
		byHost := m.Header.Get("Server") == "Kestrel" && (strings.HasPrefix(line, "Server:") || strings.HasPrefix(line, "Date:"))
		if !byHost && !strings.HasPrefix(line, "Connection:") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n") + "\r\n\r\n" + body
}

// keysOf makes KEY, which stands for every key in the captures, the key that it was.
func keysOf(name string) Keys {
	switch {
	case strings.Contains(name, "masterkey"):
		return Keys{Master: "KEY", Host: "h", Function: "f"}
	case strings.Contains(name, "hostkey"):
		return Keys{Master: "m", Host: "KEY", Function: "f"}
	}
	return Keys{Master: "m", Host: "h", Function: "KEY"}
}

// TestExchangesAreThoseOfTheHost sends every captured request over a socket
// and compares what the handler and the client get.
func TestExchangesAreThoseOfTheHost(t *testing.T) {
	all := hosttest.Captures[exchange](t, "http.jsonl")
	if len(all) < 50 {
		t.Fatalf("%d exchanges, want all", len(all))
	}
	for _, e := range all {
		t.Run(strings.ReplaceAll(e.Name, "-", "_"), func(t *testing.T) {
			t.Parallel()
			addr, handlerGot := recorder(t, answerOf(t, e))
			front, problems := New(captured(), keysOf(e.Name), nil, one{addr}, clock.System{})
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), "badroute") {
				t.Fatalf("problems %v, want the route that begins with admin", problems)
			}
			server := httptest.NewServer(front)
			defer server.Close()
			got := send(t, server.Listener.Addr().String(), hosttest.Latin1(e.ClientSent))
			if diff := cmp.Diff(split(t, hosttest.Latin1(e.ClientGot)), split(t, got)); diff != "" {
				t.Errorf("the client got (-host +ours):\n%s", diff)
			}
			compareHandler(t, e, handlerGot)
		})
	}
}

func compareHandler(t *testing.T, e exchange, got chan message) {
	t.Helper()
	if e.HandlerGot == nil {
		select {
		case m := <-got:
			t.Errorf("the handler got %q, the host answered itself", m.First)
		default:
		}
		return
	}
	want, err := readRequest(bufio.NewReader(strings.NewReader(hosttest.Latin1(*e.HandlerGot))))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, <-got); diff != "" {
		t.Errorf("the handler got (-host +ours):\n%s", diff)
	}
}

func send(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatal(err)
	}
	return string(answer)
}
