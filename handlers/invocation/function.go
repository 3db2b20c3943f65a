package invocation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// MaxBody is how many bytes an invocation may have: more than the largest
// batch of host.json, 100 events of 1 MiB in base64, can need.
const MaxBody = 160 << 20

// grace is how long a function may go on after its context has ended, before
// the host is answered without it.
const grace = 5 * time.Second

// errLate is why a function's context ends.
var errLate = errors.New("the deadline, which is before the host's functionTimeout, has passed")

// Contract is what the functions of one process have in common. Both members are required.
type Contract struct {
	// Deadline is how long an invocation may take from its first byte. It
	// must be well before the host's functionTimeout: at that the host kills
	// everything on the instance.
	Deadline time.Duration

	Log *slog.Logger
}

// work is what invocations are decoded into.
type work interface {
	lane() string // invocations of one lane come one after the other
	attributes() []slog.Attr
	summary() string
}

// function is the handler of one function.
type function[W work] struct {
	Contract
	name   string
	decode func([]byte) (W, error)
	do     func(context.Context, W) error
	limit  int64 // bytes of a body
	lanes  lanes
}

// New makes the handler of the function name: decode reads an invocation, do
// is the function. The context of do ends at the deadline and when the host
// goes away; what do is given is its own until it returns. An error of do is
// logged, and makes the host try again by its retry policy.
func New[W work](name string, c Contract, decode func([]byte) (W, error), do func(context.Context, W) error) (http.Handler, error) {
	switch {
	case c.Deadline <= 0:
		return nil, fmt.Errorf("%s: no deadline: pass one well before the functionTimeout of host.json", name)
	case c.Log == nil:
		return nil, fmt.Errorf("%s: no log: pass that of logs.New", name)
	}
	return &function[W]{Contract: c, name: name, decode: decode, do: do, limit: MaxBody}, nil
}

// outcome is how an invocation ended.
type outcome struct {
	status int
	line   string // for the answer
	about  []slog.Attr
	err    error // for the log
}

func (f *function[W]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	ctx, cancel := context.WithDeadlineCause(WithTrace(r.Context(), r), start.Add(f.Deadline), errLate)
	defer cancel()
	o := f.serve(ctx, w, r)
	reply(w, o.status, o.line)
	f.report(ctx, o, time.Since(start))
}

// serve does everything but answer.
func (f *function[W]) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) outcome {
	if err := FromHost(r); err != nil {
		return outcome{status: http.StatusNotFound, line: "refused", err: fmt.Errorf("request refused: %w", err)}
	}
	body, err := f.read(w, r)
	if err != nil {
		return outcome{status: http.StatusBadRequest, line: "the invocation could not be read", err: fmt.Errorf("reading the invocation: %w", err)}
	}
	got, err := f.decode(body.Bytes())
	if err != nil {
		return outcome{status: http.StatusBadRequest, line: "the invocation could not be decoded", err: err}
	}
	o := outcome{status: http.StatusOK, line: got.summary(), about: got.attributes()}
	if o.err = f.run(ctx, got, func() { bodies.Put(body) }); o.err != nil {
		o.status, o.line = http.StatusInternalServerError, "failed: the log of this invocation says why"
	}
	return o
}

// bodies are the buffers of invocations that are over. A body's length is
// known at its end only, and to get memory for it anew costs more than to
// decode and route what is in it.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// read reads the body, which must be there by the deadline.
func (f *function[W]) read(w http.ResponseWriter, r *http.Request) (*bytes.Buffer, error) {
	limit := http.NewResponseController(w)
	_ = limit.SetReadDeadline(time.Now().Add(f.Deadline)) // a writer without a connection has none to set
	body := bodies.Get().(*bytes.Buffer)
	body.Reset()
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, f.limit))
	_ = limit.SetReadDeadline(time.Time{})
	return body, err
}

// run runs the function in its lane. It returns a little after the end of ctx
// at the latest; a function that goes on nevertheless keeps its lane. over is
// called when nobody uses got any more.
func (f *function[W]) run(ctx context.Context, got W, over func()) error {
	leave, err := f.lanes.enter(ctx, got.lane())
	if err != nil {
		over()
		return fmt.Errorf("waiting for the invocation before: %w", err)
	}
	done := make(chan error, 1)
	go func() {
		defer leave()
		defer over()
		done <- guarded(ctx, got, f.do)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case err := <-done:
		return err
	case <-patience.C:
		return fmt.Errorf("the function does not end: %w", context.Cause(ctx))
	}
}

// guarded returns the panic of do as an error.
func guarded[W work](ctx context.Context, got W, do func(context.Context, W) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do(ctx, got)
}

// report logs an invocation in one line.
func (f *function[W]) report(ctx context.Context, o outcome, took time.Duration) {
	all := append([]slog.Attr{slog.String("function", f.name)}, TraceOf(ctx).Attributes()...)
	all = append(all, o.about...)
	all = append(all, slog.Int("status", o.status), slog.Int64("ms", took.Milliseconds()))
	if o.err != nil {
		f.Log.LogAttrs(ctx, slog.LevelError, "invocation failed", append(all, slog.Any("error", o.err))...)
		return
	}
	f.Log.LogAttrs(ctx, slog.LevelInfo, "invocation", all...)
}
