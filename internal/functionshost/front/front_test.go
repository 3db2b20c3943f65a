package front

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
)

// counting is a clock that does not wait for moments and adds up what it
// should have waited.
type counting struct{ waited atomic.Int64 }

func (c *counting) Now() time.Time { return time.Now() }

func (c *counting) Sleep(ctx context.Context, d time.Duration) error {
	if d == maxWait {
		<-ctx.Done()
		return ctx.Err()
	}
	c.waited.Add(int64(d))
	return nil
}

// dropping is a handler that accepts and drops each connection.
func dropping(t *testing.T) (addr string, n *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	n = new(atomic.Int64)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				n.Add(1)
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String(), n
}

func TestARequestIsSentTenTimesWhereItsConnectionDrops(t *testing.T) {
	for name, test := range map[string]struct {
		method, body string
		sends        int64
		waited       time.Duration
	}{
		"without_a_body": {http.MethodGet, "", 10, 1850 * time.Millisecond},
		"post_without":   {http.MethodPost, "", 10, 1850 * time.Millisecond},
		"with_a_body":    {http.MethodPost, "body", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			addr, n := dropping(t)
			c := &counting{}
			f, _ := New(captured(), Keys{}, nil, one{addr}, c)
			r := httptest.NewRequest(test.method, "/api/x", strings.NewReader(test.body))
			if test.body == "" {
				r = httptest.NewRequest(test.method, "/api/x", nil)
			}
			w := httptest.NewRecorder()
			f.ServeHTTP(w, r)
			if w.Code != http.StatusInternalServerError || n.Load() != test.sends || time.Duration(c.waited.Load()) != test.waited {
				t.Errorf("%d after %d sends and %v, want 500 after %d and %v", w.Code, n.Load(), time.Duration(c.waited.Load()), test.sends, test.waited)
			}
		})
	}
}

func TestAClientThatGoesAwayClosesTheHandlersConnection(t *testing.T) {
	closed, got := make(chan struct{}), make(chan struct{})
	handler := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(got)
		<-r.Context().Done()
		close(closed)
	}))
	defer handler.Close()
	f, _ := New(captured(), Keys{}, nil, one{handler.Listener.Addr().String()}, clock.System{})
	server := httptest.NewServer(f)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /api/x HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-got
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-closed // or the test's timeout
}

func TestAnAnswerIsWaitedForFourMinutes(t *testing.T) {
	handler := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer handler.Close()
	f, _ := New(captured(), Keys{}, nil, one{handler.Listener.Addr().String()}, clock.Fast(10_000))
	w := httptest.NewRecorder()
	f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/x", nil))
	if w.Code != http.StatusGatewayTimeout {
		t.Errorf("status %d, want 504", w.Code)
	}
}

func TestAnAnswerThatBreaksOffIsCut(t *testing.T) {
	addr, _ := recorder(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
	f, _ := New(captured(), Keys{}, nil, one{addr}, clock.System{})
	server := httptest.NewServer(f)
	defer server.Close()
	answer, err := http.Get(server.URL + "/api/x")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the client took %q for whole", body)
	}
}

func TestPathsAreCleaned(t *testing.T) {
	for path, want := range map[string]string{
		"/api/a%2Fb":         "/api/a%252Fb",
		"/api/%41%20b":       "/api/A%20b",
		"/api/./a/../b":      "/api/b",
		"/../../api":         "/api",
		"/api/a/..":          "/api/",
		"/api/%zz":           "/api/%25zz",
		"/api/%E2%82%AC":     "/api/%E2%82%AC",
		"/%2e%2e/api/x;v=1":  "/api/x;v=1",
		"/api/a%2f%2e%2e%2f": "/api/a%252f..%252f",
	} {
		if cleaned, ok := clean(path); !ok || escape(cleaned) != want {
			t.Errorf("%s becomes %s (%v), want %s", path, escape(cleaned), ok, want)
		}
	}
	for _, path := range []string{"", "*", "/%00", "/%ff"} {
		if cleaned, ok := clean(path); ok {
			t.Errorf("%q is taken for %q", path, cleaned)
		}
	}
}

func TestRoutes(t *testing.T) {
	a := &app.App{Functions: []app.Function{
		httpFunction("rest", "items/{*rest}", ""), httpFunction("any", "items/{id}", ""), httpFunction("number", "items/{id:int}", ""),
		httpFunction("special", "items/special", ""), httpFunction("optional", "maybe/{id:guid?}", ""),
		httpFunction("broken", "a{b}c/{x", ""), httpFunction("unknown", "x/{y:regex(a)}", ""), httpFunction("refused", "Administration", ""),
	}}
	f, problems := New(a, Keys{}, nil, nil, clock.System{})
	if len(problems) != 3 {
		t.Errorf("problems %v, want three", problems)
	}
	for path, want := range map[string]string{
		"/items/special": "special", "/ITEMS/Special": "special", "/items/5": "number", "/items/x": "any", "/items/x/y": "rest", "/items": "rest",
		"/maybe": "optional", "/maybe/0f8fad5b-d9cb-469f-a165-70867728950e": "optional", "/maybe/x": "", "/x/a": "", "/": "", "/administration": "",
	} {
		if function, _, _ := f.match(path, http.MethodGet); function.Name != want {
			t.Errorf("%s is %q's, want %q's", path, function.Name, want)
		}
	}
}

func TestAnUploadThatBreaksOffReachesNobodyWhole(t *testing.T) {
	ended := make(chan error, 1)
	handler := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		ended <- err
	}))
	defer handler.Close()
	f, _ := New(captured(), Keys{}, nil, one{handler.Listener.Addr().String()}, clock.System{})
	server := httptest.NewServer(f)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "POST /api/x HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("the handler took a part for the whole")
	}
}
