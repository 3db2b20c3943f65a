// Package front is the HTTP side of the Functions host: it finds the function
// of a request, checks the caller's key, and passes the request on to the
// handler. Nothing from outside reaches a function that is not HTTP, but for
// the admin API with the master key. Where the platform's authentication is
// switched on, it strips what a client says of itself and says who it is.
package front

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
)

// maxBody bounds a request; a larger one is answered with 500, as by the host.
const maxBody = 100 << 20

// Keys open functions whose authLevel is not anonymous.
type Keys struct {
	Master   string // opens everything, the admin API too
	Host     string // opens the functions of level function
	Function string // the same
}

// Backend runs invocations on the instances of a function.
type Backend interface {
	// Proxy runs send as one invocation of the function, with the address of
	// an instance's handler and the invocation's id.
	Proxy(ctx context.Context, function string, send func(ctx context.Context, addr, id string) error) error
	// Invoke runs one invocation to its end.
	Invoke(ctx context.Context, function string, content invocation.Content) error
}

// Front serves the requests from outside.
type Front struct {
	app     *app.App
	routes  []route
	keys    Keys
	auth    *Auth
	backend Backend
	clock   clock.Clock
}

// New makes a front for the functions of a package; auth is nil where the
// platform's authentication is off. The routes that the host refuses come
// back as problems; the others are served all the same.
func New(a *app.App, keys Keys, auth *Auth, backend Backend, c clock.Clock) (f *Front, problems []error) {
	f = &Front{app: a, keys: keys, auth: auth, backend: backend, clock: c}
	f.routes, problems = routesOf(a)
	return f, problems
}

// ServeHTTP answers one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "Kestrel")
	path, ok := clean(requestPath(r))
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !f.auth.pass(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if name, ok := adminFunction(path); ok {
		f.serveAdmin(w, r, name)
		return
	}
	function, params, ok := f.match(path, r.Method)
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case !f.keys.open(function.Trigger.AuthLevel, presented(r)):
		w.WriteHeader(http.StatusUnauthorized)
	case r.ContentLength > maxBody:
		w.WriteHeader(http.StatusInternalServerError)
	case function.Plain || !f.app.Host.Proxying:
		f.servePlain(w, r, function, params)
	default:
		f.proxy(w, r, function.Name, path)
	}
}

// presented is the key that a request shows.
func presented(r *http.Request) string {
	if key := r.Header.Get("X-Functions-Key"); key != "" {
		return key
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return ""
	}
	return query.Get("code")
}

// open reports whether a key opens a level.
func (k Keys) open(level, key string) bool {
	switch level {
	case "anonymous":
		return true
	case "admin":
		return key != "" && key == k.Master
	}
	return key != "" && (key == k.Master || key == k.Host || key == k.Function)
}

// adminFunction is the function that a path of the admin API names.
func adminFunction(path string) (string, bool) {
	rest, ok := cutPrefixFold(path, "/admin/functions/")
	return rest, ok && rest != "" && !strings.Contains(rest, "/")
}

func cutPrefixFold(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || !strings.EqualFold(text[:len(prefix)], prefix) {
		return "", false
	}
	return text[len(prefix):], true
}

// serveAdmin starts an invocation and does not wait for it.
func (f *Front) serveAdmin(w http.ResponseWriter, r *http.Request, name string) {
	switch key := presented(r); {
	case key != "" && key == f.keys.Master:
	case key != "" && (key == f.keys.Host || key == f.keys.Function):
		w.WriteHeader(http.StatusForbidden)
		return
	default:
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	function, ok := f.app.Function(name)
	if !ok || r.Method != http.MethodPost || function.IsHTTP() {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	var call struct{ Input string }
	if err := json.NewDecoder(io.LimitReader(r.Body, maxBody)).Decode(&call); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	content, err := adminContent(function, call.Input)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	go func() { _ = f.backend.Invoke(context.WithoutCancel(r.Context()), function.Name, content) }() // its failure is in the log
	w.WriteHeader(http.StatusAccepted)
}

func adminContent(f app.Function, input string) (invocation.Content, error) {
	t := f.Trigger
	switch t.Type {
	case app.Timer:
		return invocation.Timer(t.Name, nil, false), nil
	case app.CosmosDB:
		var documents []json.RawMessage
		if err := json.Unmarshal([]byte(input), &documents); err != nil {
			return invocation.Content{}, err
		}
		return invocation.Documents(t.Name, documents)
	}
	return invocation.Admin(invocation.Shape{Name: t.Name, Many: t.Many(), DataType: t.DataType}, input)
}

// servePlain hands the request to the handler as JSON; without an http output
// there is nothing to answer with.
func (f *Front) servePlain(w http.ResponseWriter, r *http.Request, function app.Function, params map[string]string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	header := r.Header.Clone()
	header.Set("Host", r.Host)
	if r.Close {
		header.Set("Connection", "close")
	}
	err = f.backend.Invoke(r.Context(), function.Name, invocation.Request(function.Trigger.Name, r, header, params, body))
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

var errAnswered = errors.New("the answer has begun")
