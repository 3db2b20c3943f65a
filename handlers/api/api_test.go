package api

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywarden/keywarden/handlers/invocation"
)

// proxied is a request that the host passed on.
func proxied(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("x-ms-invocation-id", "62db8280-61d6-42bb-a0e3-67912db91185")
	r.Header.Set("X-Azure-Functions-InvocationId", "62db8280-61d6-42bb-a0e3-67912db91185")
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	return r
}

func ask(t *testing.T, next http.HandlerFunc, r *http.Request) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	handler, err := New(next, invocation.Contract{Deadline: time.Minute, Log: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w, log.String()
}

func TestPaths(t *testing.T) {
	for name, test := range map[string]struct{ target, path, raw string }{
		"plain":          {"/api/incidents", "/api/incidents", ""},
		"root":           {"/api/", "/api/", ""},
		"other_case":     {"/API/Xx", "/api/Xx", ""},
		"slash_at_end":   {"/api/incidents/", "/api/incidents/", ""},
		"encoded":        {"/api/%E2%82%AC%20x", "/api/€ x", ""},
		"encoded_slash":  {"/api/principals/a%252Fb%252fc", "/api/principals/a/b/c", "/api/principals/a%2Fb%2Fc"},
		"leading_slash":  {"/api/principals/%252Fsub%252F1", "/api/principals//sub/1", "/api/principals/%2Fsub%2F1"},
		"slash_and_more": {"/api/%E2%82%AC%252Fx", "/api/€/x", "/api/%E2%82%AC%2Fx"},
		"percent":        {"/api/100%25", "/api/100%", ""},
		"no_root":        {"/api", "", ""},
		"other":          {"/apix/y", "", ""},
		"double_slash":   {"/api//x", "", ""},
		"dots":           {"/api/../usage", "", ""},
		"dot":            {"/api/./x", "", ""},
		"encoded_dots":   {"/api/..%252fui/x", "", ""},
		"encoded_dot":    {"/api/a%252F.%252Fb", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var path, raw string
			w, _ := ask(t, func(_ http.ResponseWriter, r *http.Request) { path, raw = r.URL.Path, r.URL.RawPath }, proxied("GET", test.target))
			if path != test.path || raw != test.raw {
				t.Errorf("path %q, raw %q; want %q, %q", path, raw, test.path, test.raw)
			}
			want := 200
			if test.path == "" {
				want = 404
			}
			if w.Code != want {
				t.Errorf("status %d, want %d", w.Code, want)
			}
		})
	}
}

func TestMux_sees_an_encoded_slash_as_one_segment(t *testing.T) {
	mux := http.NewServeMux()
	var id string
	mux.HandleFunc("GET /api/principals/{id}", func(_ http.ResponseWriter, r *http.Request) { id = r.PathValue("id") })
	w, _ := ask(t, mux.ServeHTTP, proxied("GET", "/api/principals/%252Fsubscriptions%252F1"))
	if w.Code != 200 || id != "/subscriptions/1" {
		t.Errorf("status %d, id %q", w.Code, id)
	}
}

func TestRequests_that_the_host_did_not_pass_on_are_refused(t *testing.T) {
	for name, change := range map[string]func(http.Header){
		"no_invocation": func(h http.Header) { h.Del("x-ms-invocation-id") },
		"no_forwarded":  func(h http.Header) { h.Del("X-Forwarded-For") },
		"two_ids":       func(h http.Header) { h.Add("x-ms-invocation-id", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			r := proxied("GET", "/api/incidents")
			change(r.Header)
			w, _ := ask(t, func(http.ResponseWriter, *http.Request) { t.Error("reached") }, r)
			if w.Code != 403 {
				t.Errorf("status %d, want 403", w.Code)
			}
		})
	}
}

func TestLog_shows_no_query_and_no_header(t *testing.T) {
	r := proxied("FOO", "/api/incidents?code=s3cr3t")
	r.Header.Set("x-functions-key", "s3cr3t")
	r.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	_, log := ask(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) }, r)
	if strings.Contains(log, "s3cr3t") || strings.Contains(log, "FOO") {
		t.Errorf("logged: %s", log)
	}
	for _, want := range []string{`"invocation":"62db8280-61d6-42bb-a0e3-67912db91185"`, `"traceparent":"00-0af7`, `"status":405`, `"method":"other"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in %s", want, log)
		}
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		release := make(chan struct{})
		defer close(release)
		w, log := ask(t, func(http.ResponseWriter, *http.Request) { <-release }, proxied("GET", "/api/incidents"))
		if took := time.Since(start); w.Code != 503 || took != time.Minute {
			t.Errorf("status %d after %v, want 503 after %v", w.Code, took, time.Minute)
		}
		var problem struct{ Code string }
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Code != "timeout" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("answer %s of type %q", w.Body, w.Header().Get("Content-Type"))
		}
		if !strings.Contains(log, `"status":503`) {
			t.Errorf("logged: %s", log)
		}
	})
}

func TestAnswers_pass_unchanged(t *testing.T) {
	w, _ := ask(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = io.WriteString(w, "body")
	}, proxied("PATCH", "/api/incidents/1"))
	if w.Code != 412 || w.Header().Get("ETag") != `"x"` || w.Body.String() != "body" {
		t.Errorf("%d %v %q", w.Code, w.Header(), w.Body)
	}
}

func TestNew_refuses_what_is_missing(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	for name, call := range map[string]func() (http.Handler, error){
		"handler":  func() (http.Handler, error) { return New(nil, invocation.Contract{Deadline: 1, Log: log}) },
		"deadline": func() (http.Handler, error) { return New(http.NotFoundHandler(), invocation.Contract{Log: log}) },
		"log":      func() (http.Handler, error) { return New(http.NotFoundHandler(), invocation.Contract{Deadline: 1}) },
	} {
		if _, err := call(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without a %s: %v", name, err)
		}
	}
}
