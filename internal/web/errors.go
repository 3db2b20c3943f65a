package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// statuses are all codes that a problem can have, each with its status.
var statuses = map[string]int{
	"invalid-query":      http.StatusBadRequest,
	"unauthenticated":    http.StatusUnauthorized,
	"forbidden":          http.StatusForbidden,
	"not-found":          http.StatusNotFound,
	"method-not-allowed": http.StatusMethodNotAllowed,
	"internal":           http.StatusInternalServerError,
	"timeout":            http.StatusServiceUnavailable,
	"throttled":          http.StatusServiceUnavailable,
	"unavailable":        http.StatusServiceUnavailable,
}

// failure is an error that its client sees.
type failure struct {
	code   string // of statuses
	detail string // what it is, and what to do
	header http.Header
}

func (f *failure) Error() string { return f.code + ": " + f.detail }

func fail(code, detail string) error { return &failure{code: code, detail: detail} }

// problem is the answer to a request that failed. What the client cannot help
// is logged in full.
func (s *server) problem(r *http.Request, err error) answer {
	f := public(err)
	if gone := errors.Is(r.Context().Err(), context.Canceled); !gone && statuses[f.code] >= http.StatusInternalServerError {
		s.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("code", f.code), slog.String("error", err.Error()))
	}
	status := statuses[f.code]
	a := document(status, struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, f.code, f.detail})
	for name, values := range f.header {
		a.header[name] = values
	}
	a.header.Set("Content-Type", "application/problem+json")
	return a
}

// public is what the client may see of an error.
func public(err error) *failure {
	var f *failure
	var query *incident.QueryError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &query):
		return &failure{code: "invalid-query", detail: query.Error()}
	case errors.Is(err, incident.ErrNotFound):
		return &failure{code: "not-found", detail: "There is no incident of this id."}
	case errors.Is(err, ErrUnauthenticated):
		return &failure{code: "unauthenticated", detail: err.Error(), header: http.Header{"Www-Authenticate": {"Bearer"}}}
	case errors.Is(err, engine.ErrThrottled):
		return &failure{code: "throttled", detail: "The database has no throughput left for this. Ask again in half a minute. Where it happens often, an administrator can raise the limit of the database.", header: http.Header{"Retry-After": {"30"}}}
	case errors.Is(err, engine.ErrUnavailable):
		return &failure{code: "unavailable", detail: "The database does not answer now. Ask again in half a minute.", header: http.Header{"Retry-After": {"30"}}}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &failure{code: "timeout", detail: "This took too long. Ask for less at once, or again later.", header: http.Header{"Retry-After": {"5"}}}
	}
	return &failure{code: "internal", detail: "This failed inside. The log says why."}
}
