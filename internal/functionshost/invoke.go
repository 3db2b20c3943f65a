package functionshost

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
)

// killDelay is between functionTimeout and the SIGKILL that follows it.
const killDelay = 2 * time.Second

// dispatch hands a batch of a partition to the function: as one invocation,
// or with cardinality one as one after another.
func (i *instance) dispatch(ctx, mine context.Context, f app.Function, partition string, b trigger.Batch) bool {
	parts := []trigger.Batch{b}
	if len(b.Events) > 1 && !f.Trigger.Many() {
		parts = parts[:0]
		for _, e := range b.Events {
			parts = append(parts, trigger.Batch{Hub: b.Hub, Events: []invocation.Event{e}})
		}
	}
	for _, part := range parts {
		about := Invocation{Function: f.Name, Instance: i.number, Partition: partition, Len: part.Len()}
		if n := len(part.Events); n > 0 {
			about.First, about.Last = part.Events[0].Sequence, part.Events[n-1].Sequence
		}
		content, err := contentOf(f.Trigger, part)
		if done, _ := i.execute(ctx, mine, f, about, content, err); !done {
			return false
		}
	}
	return true
}

func contentOf(t app.Binding, b trigger.Batch) (invocation.Content, error) {
	switch {
	case b.Tick != nil:
		return invocation.Timer(t.Name, b.Tick.Status, b.Tick.PastDue), nil
	case len(b.Documents) > 0:
		return invocation.Documents(t.Name, b.Documents)
	}
	return invocation.Events(invocation.Shape{Name: t.Name, Many: t.Many(), DataType: t.DataType}, b.Hub, b.Events)
}

// execute runs an invocation with all retries. done is whether it is over: a
// success, or a failure after the last retry, whose error is returned. It is
// not where the instance is lost or mine ended before a retry. An unusable
// content fails every try before the handler sees anything.
func (i *instance) execute(ctx, mine context.Context, f app.Function, about Invocation, c invocation.Content, unusable error) (done bool, err error) {
	about.ID = invocation.NewID()
	var retry *invocation.RetryContext
	if f.Retry != nil {
		retry = &invocation.RetryContext{MaxRetryCount: f.Retry.Max}
	}
	for ; ; about.Try++ {
		if err = unusable; err == nil {
			err = i.try(ctx, f, about, func(ctx context.Context) error {
				logs, err := invocation.Send(ctx, i.worker.Addr(), invocation.Try{Function: f.Name, ID: about.ID, Body: c.Body(f.Name, i.host.config.Clock.Now(), retry)})
				for _, text := range logs {
					i.log(about.ID, worker.Line{Level: worker.Information, Text: text})
				}
				return err
			})
		}
		switch {
		case ctx.Err() != nil:
			return false, context.Cause(ctx)
		case err == nil:
			return true, nil
		}
		i.log(about.ID, worker.Line{Level: worker.Error, Text: failure(f, about, err)})
		if f.Retry == nil || about.Try == f.Retry.Max {
			return true, err
		}
		retry.RetryCount, retry.Exception = about.Try+1, invocation.Exception(err, f.Name, about.ID)
		if cause := i.host.config.Clock.Sleep(mine, f.Retry.Delay(about.Try, rand.Float64())); cause != nil {
			return false, cause
		}
	}
}

// failure is a failed try as one line, without what the handler answered.
func failure(f app.Function, about Invocation, err error) string {
	text := err.Error()
	var answer invocation.AnswerError
	var drop invocation.DroppedError
	switch {
	case errors.As(err, &answer):
		text = "the answer cannot be read: " + answer.Cause.Error()
	case errors.As(err, &drop):
		text = drop.Cause.Error()
	}
	return fmt.Sprintf("function %s, try %d: %s", f.Name, about.Try+1, text)
}

// try runs one try on the instance's handler once that is ready, within
// functionTimeout.
func (i *instance) try(ctx context.Context, f app.Function, about Invocation, send func(context.Context) error) error {
	timed, stop := ctx, context.CancelFunc(func() {})
	if limit := i.app.Host.FunctionTimeout; limit > 0 {
		timed, stop = clock.WithTimeout(ctx, i.host.config.Clock, limit, invocation.TimeoutError{Function: f.Name, Timeout: limit})
	}
	defer stop()
	h := i.host
	h.busy.Add(1)
	defer h.busy.Add(-1)
	h.tries.Add(1)
	h.config.Before(about)
	err := i.worker.Wait(timed)
	if errors.Is(err, worker.ErrGone) || errors.Is(err, worker.ErrStopped) {
		err = invocation.DroppedError{Cause: err}
	}
	if err == nil {
		err = send(timed)
	}
	var late invocation.TimeoutError
	if errors.As(err, &late) {
		i.timedOut()
	}
	h.config.After(about, err)
	return err
}

// timedOut kills the handler, and with it whatever else is in flight.
func (i *instance) timedOut() {
	if !i.killing.CompareAndSwap(false, true) {
		return // about to happen
	}
	go func() {
		defer i.killing.Store(false)
		if i.host.config.Clock.Sleep(i.hard, killDelay) != nil {
			return
		}
		if err := i.worker.KillTimedOut(); err != nil {
			i.log("", worker.Line{Level: worker.Error, Text: err.Error()})
		}
	}()
}

// errNobody is a request for which no instance is there.
var errNobody = errors.New("no instance runs the function")

// pick chooses an instance for a request and keeps it from ending until done.
func (h *Host) pick(function string) (i *instance, f app.Function, done func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, ok := h.app.Function(function)
	if !ok {
		return nil, f, nil, fmt.Errorf("%w %s", errNobody, function)
	}
	g := h.groups[h.groupName(f)]
	for range g.instances {
		g.turn++
		i := g.instances[g.turn%len(g.instances)]
		if i.soft.Err() == nil {
			i.requests.Add(1)
			return i, f, i.requests.Done, nil
		}
	}
	return nil, f, nil, fmt.Errorf("%w %s", errNobody, function)
}

// bound is a context that ends with either.
func bound(ctx, hard context.Context) (context.Context, context.CancelFunc) {
	both, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(hard, func() { cancel(context.Cause(hard)) })
	return both, func() { stop(); cancel(nil) }
}

// Proxy runs a proxied request as one invocation. It is the front's.
func (h *Host) Proxy(ctx context.Context, function string, send func(ctx context.Context, addr, id string) error) error {
	i, f, done, err := h.pick(function)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := bound(ctx, i.hard)
	defer cancel()
	about := Invocation{Function: f.Name, Instance: i.number, ID: invocation.NewID()}
	return i.try(ctx, f, about, func(ctx context.Context) error { return send(ctx, i.worker.Addr(), about.ID) })
}

// Invoke runs one invocation with the function's retries. It is the front's.
func (h *Host) Invoke(ctx context.Context, function string, c invocation.Content) error {
	i, f, done, err := h.pick(function)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := bound(ctx, i.hard)
	defer cancel()
	_, err = i.execute(ctx, ctx, f, Invocation{Function: f.Name, Instance: i.number}, c, nil)
	return err
}
