// Package api is the HTTP function api/{*path}: it puts the analysts' API,
// which is given from outside, behind the Functions host.
package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/handlers/internal/problem"
	"github.com/keywarden/keywarden/handlers/invocation"
)

// Root is where the API begins.
const Root = "/api/"

// longest is how long a request may take: the platform gives up at 240 s, and
// at functionTimeout the host would kill everything on the instance.
const longest = 200 * time.Second

// New returns the function's handler: next under [Root]. It promises next that
// a request was passed on by the host, that its path begins with "/api/" in
// lower case and is clean, and that its trace is in the context
// ([invocation.TraceOf]).
//
// An answer is sent when next has ended: it is not streamed. After 200 s, or
// the contract's deadline if that is earlier, the client gets 503 though next
// goes on. A path that would have to be redirected to be clean is not found.
func New(next http.Handler, c invocation.Contract) (http.Handler, error) {
	switch {
	case next == nil:
		return nil, errors.New("api: no handler: pass that of the analysts' API")
	case c.Deadline <= 0:
		return nil, errors.New("api: no deadline: pass one well before the functionTimeout of host.json")
	case c.Log == nil:
		return nil, errors.New("api: no log: pass that of logs.New")
	}
	limited := http.TimeoutHandler(located(next), min(longest, c.Deadline), late)
	return &function{limited: limited, log: c.Log}, nil
}

// late is the body of the answer to a request that took too long.
const late = `{"title":"Service Unavailable","status":503,"code":"timeout","detail":"This took too long. Ask for less at once."}`

type function struct {
	limited http.Handler
	log     *slog.Logger
}

func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	ctx := invocation.WithTrace(r.Context(), r)
	answer := &answer{ResponseWriter: w}
	if err := invocation.FromOutside(r); err != nil {
		problem.Write(answer, http.StatusForbidden, "forbidden", "This address is served through the Functions host only.")
	} else if clean, ok := cleaned(r.URL); ok {
		r = r.WithContext(ctx)
		r.URL = clean
		f.limited.ServeHTTP(answer, r)
	} else {
		problem.Write(answer, http.StatusNotFound, "not-found", "There is nothing at this address.")
	}
	all := append([]slog.Attr{slog.String("function", "api")}, invocation.TraceOf(ctx).Attributes()...)
	all = append(all, slog.String("method", method(r.Method)), slog.Int("status", answer.status), slog.Int64("ms", time.Since(start).Milliseconds()))
	f.log.LogAttrs(ctx, slog.LevelInfo, "request", all...)
}

// located returns next, whose panics say where they come from. They are passed
// on: nothing has been answered yet, and whoever recovers answers.
func located(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				panic(fmt.Errorf("%v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// cleaned returns the address as the client wrote it, with the API's root in
// lower case: the host matches it in any case, and passes an encoded slash on
// as %252F. It returns false where the path would have to be redirected, or
// goes up.
func cleaned(u *url.URL) (*url.URL, bool) {
	if len(u.Path) < len(Root) || !strings.EqualFold(u.Path[:len(Root)], Root) {
		return nil, false
	}
	clean := *u
	clean.RawPath = ""
	clean.Path = Root + u.Path[len(Root):]
	if to := path.Clean(clean.Path); to != clean.Path && to+"/" != clean.Path {
		return nil, false
	}
	if encoded := slash.Replace(clean.EscapedPath()); encoded != clean.EscapedPath() {
		decoded, err := url.PathUnescape(encoded)
		if err != nil || slices.ContainsFunc(strings.Split(decoded, "/"), isDots) {
			return nil, false
		}
		clean.Path, clean.RawPath = decoded, encoded
	}
	return &clean, true
}

// slash takes back what the host makes of an encoded slash.
var slash = strings.NewReplacer("%252F", "%2F", "%252f", "%2F")

func isDots(segment string) bool { return segment == "." || segment == ".." }

// method is a method for the log: those that clients invent are no words of ours.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// answer notes the status, and gives the 503 of http.TimeoutHandler a body.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	if h := a.Header(); status == http.StatusServiceUnavailable && h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/problem+json")
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
