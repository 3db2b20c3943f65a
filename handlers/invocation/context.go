package invocation

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
)

// Trace is where an invocation belongs: its id, the same on every retry, and
// the W3C trace context, "" where the host sends none (it does with
// Application Insights).
type Trace struct {
	ID          string
	TraceParent string
}

type traceKey struct{}

// TraceOf returns the trace of the invocation that ctx belongs to; zero where it belongs to none.
func TraceOf(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}

// WithTrace returns the context of a request with its trace. Ids that are
// malformed are left out, so that they cannot write into a log.
func WithTrace(ctx context.Context, r *http.Request) context.Context {
	var t Trace
	if ids := r.Header[http.CanonicalHeaderKey(headerInvocation)]; isID(ids) {
		t.ID = ids[0]
	}
	if parent := r.Header["Traceparent"]; len(parent) == 1 && isTraceParent(parent[0]) {
		t.TraceParent = parent[0]
	}
	return context.WithValue(ctx, traceKey{}, t)
}

// isTraceParent reports whether s is a traceparent of version 00 as W3C's
// Trace Context defines it: 00-TRACE-PARENT-FLAGS, of 32, 16 and 2 lower-case
// hex digits, trace and parent not all zero.
func isTraceParent(s string) bool {
	parts := strings.Split(s, "-")
	if len(parts) != 4 || parts[0] != "00" || len(parts[1]) != 32 || len(parts[2]) != 16 || len(parts[3]) != 2 {
		return false
	}
	return strings.Trim(s, "0123456789abcdef-") == "" && strings.Trim(parts[1], "0") != "" && strings.Trim(parts[2], "0") != ""
}

// Attributes are what a log line says of a trace.
func (t Trace) Attributes() []slog.Attr {
	all := []slog.Attr{slog.String("invocation", t.ID)}
	if t.TraceParent != "" {
		all = append(all, slog.String("traceparent", t.TraceParent))
	}
	return all
}
