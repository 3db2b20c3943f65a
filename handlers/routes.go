package handlers

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/keywarden/keywarden/handlers/api"
	"github.com/keywarden/keywarden/handlers/diagnostics"
	"github.com/keywarden/keywarden/handlers/internal/problem"
	"github.com/keywarden/keywarden/handlers/invocation"
	"github.com/keywarden/keywarden/handlers/sweep"
	"github.com/keywarden/keywarden/handlers/usage"
)

// Config is what the functions need. All members are required.
type Config struct {
	Diagnostics diagnostics.Publisher
	Usage       usage.Judge
	Sweep       sweep.Sweeper
	API         http.Handler // below /api/; see api.New for what it can rely on

	Timeout time.Duration // functionTimeout, by which the host kills: see Timeout
	Log     *slog.Logger  // that of logs.New
}

// route is a line of the route table.
type route struct {
	function string // the name of its folder, and of the function
	http     bool   // it has an address outside, below /NAME/
	handler  func(Config, invocation.Contract) (http.Handler, error)
}

var routes = []route{
	{function: "diagnostics", handler: func(c Config, contract invocation.Contract) (http.Handler, error) {
		return diagnostics.New(c.Diagnostics, contract)
	}},
	{function: "usage", handler: func(c Config, contract invocation.Contract) (http.Handler, error) {
		return usage.New(c.Usage, contract)
	}},
	{function: "sweep", handler: func(c Config, contract invocation.Contract) (http.Handler, error) {
		return sweep.New(c.Sweep, contract)
	}},
	{function: "api", http: true, handler: func(c Config, contract invocation.Contract) (http.Handler, error) {
		return api.New(c.API, contract)
	}},
}

// Functions returns the names of the functions, which are their folders.
func Functions() []string {
	names := make([]string, len(routes))
	for i, r := range routes {
		names[i] = r.function
	}
	return names
}

// router is the handler of the process.
type router struct {
	exact    map[string]http.Handler // by path: functions that are not HTTP
	prefixes map[string]http.Handler // by prefix in lower case: HTTP functions
	log      *slog.Logger
}

// New returns the handler of all functions, or says what is missing. It
// answers GET / as soon as it is served, never redirects, and makes an answer
// of a panic: the host would send a GET that got none again and again.
func New(c Config) (http.Handler, error) {
	if c.Log == nil {
		return nil, errors.New("handlers: no log: pass that of logs.New")
	}
	deadline, err := deadlineBefore(c.Timeout)
	if err != nil {
		return nil, err
	}
	r := &router{exact: map[string]http.Handler{}, prefixes: map[string]http.Handler{}, log: c.Log}
	for _, route := range routes {
		handler, err := route.handler(c, invocation.Contract{Deadline: deadline, Log: c.Log})
		if err != nil {
			return nil, fmt.Errorf("handlers: %w", err)
		}
		if route.http {
			r.prefixes["/"+route.function+"/"] = handler
		} else {
			r.exact["/"+route.function] = handler
		}
	}
	return r, nil
}

func (s *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer s.recover(w, r)
	if r.URL.Path == "/" {
		ready(w, r)
		return
	}
	if handler := s.exact[r.URL.Path]; handler != nil {
		handler.ServeHTTP(w, r)
		return
	}
	if end := strings.IndexByte(strings.TrimPrefix(r.URL.Path, "/"), '/'); end > 0 {
		if handler := s.prefixes[strings.ToLower(r.URL.Path[:end+2])]; handler != nil {
			handler.ServeHTTP(w, r)
			return
		}
	}
	problem.Write(w, http.StatusNotFound, "not-found", "There is nothing at this address.")
}

// ready answers the host's GET /, by which it knows that this process serves.
func ready(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		problem.Write(w, http.StatusMethodNotAllowed, "method-not-allowed", "Only GET is of use here.")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ready"}`))
}

// recover answers 500 for a handler that panicked. Handlers here write nothing
// before their answer is complete, so it is the whole answer.
func (s *router) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	problem.Write(w, http.StatusInternalServerError, "internal", "This failed inside. The log says why.")
	trace := invocation.TraceOf(invocation.WithTrace(r.Context(), r))
	s.log.LogAttrs(r.Context(), slog.LevelError, "panic", append(trace.Attributes(),
		slog.String("error", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))...)
}
