package handlers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/handlers/invocation"
)

// called counts the calls of everything behind the functions.
type called struct {
	publish, judge, sweep, api atomic.Int32
	fail                       func() error // what each returns; nil for success
}

func (c *called) outcome(n *atomic.Int32) error {
	n.Add(1)
	if c.fail == nil {
		return nil
	}
	return c.fail()
}

func (c *called) Publish(context.Context, invocation.Batch) error { return c.outcome(&c.publish) }
func (c *called) Judge(context.Context, invocation.Batch) error   { return c.outcome(&c.judge) }
func (c *called) Sweep(context.Context, invocation.Timer) error   { return c.outcome(&c.sweep) }
func (c *called) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if err := c.outcome(&c.api); err != nil {
		http.Error(w, "failed", http.StatusInternalServerError)
	}
}

// behind is how many calls came through to functions that are not HTTP.
func (c *called) behind() int32 { return c.publish.Load() + c.judge.Load() + c.sweep.Load() }

func (c *called) config() Config {
	return Config{Diagnostics: c, Usage: c, Sweep: c, API: c, Timeout: 10 * time.Minute, Log: slog.New(slog.DiscardHandler)}
}

func handler(t *testing.T, c Config) http.Handler {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// function is a function.json.
type function struct {
	Bindings []map[string]string
	Retry    *struct {
		Strategy        string
		MaxRetryCount   int
		MinimumInterval string
		MaximumInterval string
	}
}

// functions are the function.json of all folders, by the folder's name.
func functions(t *testing.T) map[string]function {
	t.Helper()
	files, err := filepath.Glob("*/function.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no function.json found (%v)", err)
	}
	all := map[string]function{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		var f function
		if err := decoder.Decode(&f); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Dir(file)] = f
	}
	return all
}

func TestRoutes_are_the_folders(t *testing.T) {
	var folders []string
	for folder := range functions(t) {
		folders = append(folders, folder)
	}
	slices.Sort(folders)
	if diff := cmp.Diff(folders, slices.Sorted(slices.Values(Functions()))); diff != "" {
		t.Errorf("-folders with a function.json +route table:\n%s", diff)
	}
}

func TestFunctions_are_bound_as_their_handlers_decode(t *testing.T) {
	all := functions(t)
	for _, r := range routes {
		f := all[r.function]
		if len(f.Bindings) == 0 {
			t.Fatalf("%s: no bindings", r.function)
		}
		trigger := f.Bindings[0]
		if isHTTP := trigger["type"] == "httpTrigger"; isHTTP != r.http {
			t.Errorf("%s: a trigger of type %s, but in the route table http is %v", r.function, trigger["type"], r.http)
		}
		switch trigger["type"] {
		case "eventHubTrigger":
			for key, want := range map[string]string{
				"name": "events", "direction": "in", "cardinality": "many", "dataType": "binary", "connection": "EventHubConnection",
				"eventHubName": "%KEYWARDEN_" + strings.ToUpper(r.function) + "_HUB%", "consumerGroup": "%KEYWARDEN_CONSUMER_GROUP%",
			} {
				if trigger[key] != want {
					t.Errorf("%s: %s is %q, want %q", r.function, key, trigger[key], want)
				}
			}
			if f.Retry == nil || f.Retry.MaxRetryCount != -1 || f.Retry.Strategy != "exponentialBackoff" {
				t.Errorf("%s: without an endless retry a failed batch is lost: its checkpoint is written all the same", r.function)
			}
		case "timerTrigger":
			if trigger["name"] != "timer" || f.Retry != nil {
				t.Errorf("%s: named %q, want timer, without a retry", r.function, trigger["name"])
			}
		case "httpTrigger":
			checkHTTP(t, r.function, f)
		default:
			t.Errorf("%s: a trigger of type %q, which nothing here decodes", r.function, trigger["type"])
		}
	}
}

// checkHTTP: a root catch-all would let the other functions be reached from outside.
func checkHTTP(t *testing.T, name string, f function) {
	t.Helper()
	trigger := f.Bindings[0]
	if want := name + "/{*path}"; trigger["route"] != want {
		t.Errorf("%s: route %q, want %q", name, trigger["route"], want)
	}
	if _, limited := trigger["methods"]; limited || trigger["authLevel"] != "anonymous" {
		t.Errorf("%s: methods and keys are not the host's to check here: %v", name, trigger)
	}
	if len(f.Bindings) != 2 || f.Bindings[1]["type"] != "http" || f.Bindings[1]["direction"] != "out" {
		t.Errorf("%s: without an http output the host sends the request as an invocation", name)
	}
}

// captured requests of the real host.
func captures(t *testing.T, file, member string) []*http.Request {
	t.Helper()
	text, err := os.ReadFile("invocation/testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*http.Request
	for line := range bytes.Lines(text) {
		var c map[string]any
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		var r *http.Request
		if raw, ok := c[member].(string); ok && member == "handlerGot" {
			if r, err = http.ReadRequest(bufio.NewReader(strings.NewReader(raw))); err != nil {
				t.Fatal(err)
			}
		} else if ok {
			r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(raw))
			for name, value := range c["headers"].(map[string]any) {
				r.Header.Set(name, value.(string))
			}
		}
		if r != nil {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		t.Fatalf("no requests in %s", file)
	}
	return all
}

func TestInvocations_of_the_host_reach_their_function(t *testing.T) {
	var c called
	h := handler(t, c.config())
	for _, path := range []string{"/diagnostics", "/usage", "/sweep"} {
		for _, r := range captures(t, "invocations.jsonl", "body") {
			r.URL.Path = path
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	// Of the captures 11 are of binary events of a hub, 1 of events that are JSON as they stand, 7 of timers.
	if p, j, s := c.publish.Load(), c.judge.Load(), c.sweep.Load(); p != 12 || j != p || s != 7 || c.api.Load() != 0 {
		t.Errorf("%d batches published, %d judged, %d runs of the timer, %d requests to the API", p, j, s, c.api.Load())
	}
}

func TestOutside_cannot_reach_a_function_that_is_not_HTTP(t *testing.T) {
	var c called
	h := handler(t, c.config())
	tried := 0
	for _, r := range captures(t, "http.jsonl", "handlerGot") {
		if r.Header.Get("x-ms-invocation-id") == "" {
			continue // the host itself, for an administrator
		}
		for _, route := range routes {
			if route.http {
				continue
			}
			for _, path := range []string{"/" + route.function, "/" + strings.ToUpper(route.function), "/" + route.function + "/", "//" + route.function,
				"/api/../" + route.function, "/api/..%2f" + route.function, "/./" + route.function} {
				tried++
				forged := r.Clone(t.Context())
				forged.Method = http.MethodPost
				forged.URL.Path, forged.URL.RawPath, forged.URL.RawQuery = path, "", ""
				forged.Header.Set("User-Agent", "Azure-Functions-Host/4.1037.0.0")
				forged.Header.Set("Content-Type", "application/json; charset=utf-8")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, forged)
				if w.Code < 400 {
					t.Errorf("POST %s: %d", path, w.Code)
				}
			}
		}
	}
	if n := c.behind(); n > 0 || tried == 0 {
		t.Errorf("of %d requests from outside %d came through", tried, n)
	}
}

func TestAnswers_are_never_empty_and_never_a_redirect(t *testing.T) {
	var c called
	h := handler(t, c.config())
	for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "FOO"} {
		for _, path := range []string{"/", "//", "/diagnostics", "/diagnostics/", "/usage/", "//usage", "/sweep/.", "/x/../usage", "/api", "/api/", "/api//x", "/api/../x",
			"/API", "/Api/x", "/admin", "/ui/", "/index.html", "*", ""} {
			r := httptest.NewRequest(method, "http://127.0.0.1/", nil)
			r.URL.Path = path
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code/100 == 3 || w.Body.Len() == 0 || !strings.Contains(w.Header().Get("Content-Type"), "json") {
				t.Errorf("%s %s: %d with %d bytes of type %q", method, path, w.Code, w.Body.Len(), w.Header().Get("Content-Type"))
			}
			if path == "/" && method == "GET" && w.Code != 200 {
				t.Errorf("not ready: %d", w.Code)
			}
		}
	}
}

func TestPanics_are_answered(t *testing.T) {
	for name, value := range map[string]any{"text": "a bug", "error": errors.New("a bug"), "abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			c := called{fail: func() error { panic(value) }}
			var log bytes.Buffer
			config := c.config()
			config.Log = slog.New(slog.NewJSONHandler(&log, nil))
			server := httptest.NewServer(handler(t, config)) // a GET that got no answer would be sent again
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/incidents", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("x-ms-invocation-id", "1a")
			r.Header.Set("X-Azure-Functions-InvocationId", "1a")
			r.Header.Set("X-Forwarded-For", "127.0.0.1")
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusInternalServerError || c.api.Load() != 1 {
				t.Errorf("status %d after %d calls", answer.StatusCode, c.api.Load())
			}
			server.Close()
			if !strings.Contains(log.String(), `"msg":"panic","invocation":"1a"`) || !strings.Contains(log.String(), "routes_test.go") {
				t.Errorf("logged: %s", log.String())
			}
		})
	}
}

func TestNew_refuses_what_is_missing(t *testing.T) {
	for name, without := range map[string]func(*Config){
		"publisher":       func(c *Config) { c.Diagnostics = nil },
		"judge":           func(c *Config) { c.Usage = nil },
		"sweeper":         func(c *Config) { c.Sweep = nil },
		"handler":         func(c *Config) { c.API = nil },
		"log":             func(c *Config) { c.Log = nil },
		"functionTimeout": func(c *Config) { c.Timeout = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			config := new(called).config()
			without(&config)
			if _, err := New(config); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%v, want a sentence about the %s", err, name)
			}
		})
	}
}

// repository is the folder of go.mod.
func repository() fs.FS { return os.DirFS("..") }
