package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
	"github.com/keywarden/keywarden/internal/web"
)

var noon = time.Date(2026, 9, 4, 12, 0, 0, 0, time.UTC)

// api is an API over a store in memory, for the user whom "Who" names.
type api struct {
	http.Handler
	store *engine.Memory
	now   time.Time
	log   bytes.Buffer
}

func newAPI(t testing.TB, change func(*web.Config)) *api {
	t.Helper()
	a := &api{store: engine.NewMemory(), now: noon}
	c := web.Config{
		Incidents: a.store,
		Progress:  a.store,
		Authorize: func(r *http.Request) (web.Identity, error) {
			switch who := r.Header.Get("Who"); who {
			case "":
				return web.Identity{}, fmt.Errorf("%w: it has no name", web.ErrUnauthenticated)
			case "broken":
				return web.Identity{}, errors.New("the keys of the issuer cannot be had: secret-host")
			default:
				return web.Identity{ID: who, Roles: []string{who}}, nil
			}
		},
		Now: func() time.Time { return a.now },
		Log: slog.New(slog.NewJSONHandler(&a.log, nil)),
	}
	if change != nil {
		change(&c)
	}
	handler, err := web.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a.Handler = handler
	return a
}

// ask asks as a reader; headers are name, value, ….
func (a *api) ask(method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Who", web.Reader)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func (a *api) put(t testing.TB, all ...*incident.Incident) {
	t.Helper()
	if err := storetest.Commit(t.Context(), a.store, &engine.Batch{Incidents: all}); err != nil {
		t.Fatal(err)
	}
}

func (a *api) progress(t testing.TB, key engine.ProgressKey, s engine.Step) {
	t.Helper()
	p, err := a.store.Progress(t.Context(), key)
	if err == nil {
		p.Add(&s)
		err = a.store.SaveProgress(t.Context(), &p)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

type problem struct {
	Title, Code, Detail string
	Status              int
}

func TestNew_refuses_what_is_missing(t *testing.T) {
	for name, remove := range map[string]func(*web.Config){
		"incidents": func(c *web.Config) { c.Incidents = nil },
		"progress":  func(c *web.Config) { c.Progress = nil },
		"rule":      func(c *web.Config) { c.Authorize = nil },
		"clock":     func(c *web.Config) { c.Now = nil },
		"log":       func(c *web.Config) { c.Log = nil },
	} {
		t.Run(name, func(t *testing.T) {
			store := engine.NewMemory()
			c := web.Config{
				Incidents: store, Progress: store, Now: time.Now, Log: slog.Default(),
				Authorize: func(*http.Request) (web.Identity, error) { return web.Identity{}, nil },
			}
			remove(&c)
			if _, err := web.New(c); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v, want one that names the %s", err, name)
			}
		})
	}
}

func TestProblems(t *testing.T) {
	a := newAPI(t, nil)
	a.put(t, incidenttest.Incidents(rand.New(rand.NewPCG(1, 1)), 3)...)
	for name, test := range map[string]struct {
		method, target, who string
		status              int
		code, says          string
	}{
		"nobody":            {"GET", "/api/incidents", "", 401, "unauthenticated", "it has no name"},
		"nobody_with_id":    {"GET", "/api/incidents/x", "", 401, "unauthenticated", ""},
		"other_role":        {"GET", "/api/coverage", "Keywarden.Other", 403, "forbidden", web.Reader},
		"broken_rule":       {"GET", "/api/coverage", "broken", 500, "internal", "log"},
		"unknown_id":        {"GET", "/api/incidents/2026-0123456789abcdef", web.Reader, 404, "not-found", "incident"},
		"odd_id":            {"GET", "/api/incidents/..%2f%00", web.Reader, 404, "not-found", "incident"},
		"unknown_address":   {"GET", "/api/keys", web.Reader, 404, "not-found", "address"},
		"unknown_to_nobody": {"GET", "/api/keys", "", 404, "not-found", "address"},
		"trailing_slash":    {"GET", "/api/incidents/", web.Reader, 404, "not-found", "address"},
		"double_slash":      {"GET", "/api//incidents", web.Reader, 404, "not-found", "address"},
		"dots":              {"GET", "/api/x/../incidents", web.Reader, 404, "not-found", "address"},
		"other_case":        {"GET", "/api/Incidents", web.Reader, 404, "not-found", "address"},
		"root":              {"GET", "/", web.Reader, 404, "not-found", "address"},
		"post":              {"POST", "/api/incidents", web.Reader, 405, "method-not-allowed", "GET, HEAD"},
		"delete":            {"DELETE", "/api/incidents/x", web.Reader, 405, "method-not-allowed", "GET, HEAD"},
		"options":           {"OPTIONS", "/api/healthz", "", 405, "method-not-allowed", "GET, HEAD"},
		"invented":          {"FOO", "/api/coverage", web.Reader, 405, "method-not-allowed", "GET, HEAD"},
		"bad_query":         {"GET", "/api/incidents?limit=501", web.Reader, 400, "invalid-query", "1 to 500"},
		"unknown_parameter": {"GET", "/api/incidents?statu=new", web.Reader, 400, "invalid-query", "severity"},
		"twice":             {"GET", "/api/incidents?limit=1&limit=2", web.Reader, 400, "invalid-query", "twice"},
		"empty_parameter":   {"GET", "/api/incidents?q=", web.Reader, 400, "invalid-query", "leave it out"},
		"no_status":         {"GET", "/api/incidents?status=new,open", web.Reader, 400, "invalid-query", "in-progress"},
		"no_severity":       {"GET", "/api/incidents?severity=HIGH", web.Reader, 400, "invalid-query", "critical"},
		"no_time":           {"GET", "/api/incidents?from=yesterday", web.Reader, 400, "invalid-query", "2026-11-25"},
		"plus_in_time":      {"GET", "/api/incidents?from=2026-01-01T00:00:00+02:00", web.Reader, 400, "invalid-query", "%2B"},
		"times_round":       {"GET", "/api/incidents?from=2026-01-02&to=2026-01-01", web.Reader, 400, "invalid-query", "turn them round"},
		"no_order":          {"GET", "/api/incidents?sort=risk", web.Reader, 400, "invalid-query", "-risk"},
		"no_cursor":         {"GET", "/api/incidents?cursor=abc", web.Reader, 400, "invalid-query", "nextCursor"},
		"no_encoding":       {"GET", "/api/incidents?q=%zz", web.Reader, 400, "invalid-query", "%XX"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, "/", nil)
			target, query, _ := strings.Cut(test.target, "?")
			r.URL.RawPath, r.URL.RawQuery = target, query
			r.URL.Path = strings.NewReplacer("%2f", "/", "%00", "\x00").Replace(target)
			r.Header.Set("Who", test.who)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			got := decode[problem](t, w)
			if w.Code != test.status || got.Code != test.code || got.Status != test.status || got.Title != http.StatusText(test.status) || !strings.Contains(got.Detail, test.says) {
				t.Errorf("%d %+v, want %d %s that says %q", w.Code, got, test.status, test.code, test.says)
			}
			if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" {
				t.Errorf("content type %q", kind)
			}
			if allow := w.Header().Get("Allow"); (allow == "GET, HEAD") != (test.status == 405) {
				t.Errorf("Allow %q", allow)
			}
			if (w.Header().Get("Www-Authenticate") != "") != (test.status == 401) {
				t.Error("WWW-Authenticate goes with 401")
			}
			if strings.Contains(w.Body.String(), "secret-host") {
				t.Errorf("what is inside is told: %s", w.Body)
			}
		})
	}
	if !strings.Contains(a.log.String(), "secret-host") || strings.Count(a.log.String(), "\n") != 1 {
		t.Errorf("the log has not what failed inside, or more: %s", a.log.String())
	}
}

// Every answer has the headers that keep browsers and proxies from doing more with it than they should.
func TestHeaders_and_HEAD(t *testing.T) {
	a := newAPI(t, nil)
	all := incidenttest.Incidents(rand.New(rand.NewPCG(1, 1)), 3)
	a.put(t, all...)
	for _, target := range []string{"/api/incidents", "/api/incidents/" + all[0].ID, "/api/coverage", "/api/healthz", "/api/none", "/api/incidents?limit=x"} {
		t.Run(target, func(t *testing.T) {
			get, head := a.ask("GET", target), a.ask("HEAD", target)
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
				"Content-Length": fmt.Sprint(get.Body.Len()),
			} {
				if got := get.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if get.Body.Len() == 0 || !json.Valid(get.Body.Bytes()) {
				t.Errorf("body %q", get.Body)
			}
			if d := cmp.Diff(get.Header(), head.Header()); d != "" || head.Code != get.Code || head.Body.Len() > 0 {
				t.Errorf("HEAD: %d, %d bytes, headers:\n%s", head.Code, head.Body.Len(), d)
			}
		})
	}
}

// slow is a store that does not answer in time.
type slow struct{ *engine.Memory }

func (slow) List(context.Context, incident.Query) (incident.Page, error) {
	return incident.Page{}, fmt.Errorf("query incidents: %w", context.DeadlineExceeded)
}

func TestTimeout(t *testing.T) {
	a := newAPI(t, func(c *web.Config) { c.Incidents = slow{} })
	w := a.ask("GET", "/api/incidents")
	if got := decode[problem](t, w); w.Code != 503 || got.Code != "timeout" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %+v", w.Code, got)
	}
}
