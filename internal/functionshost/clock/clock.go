// Package clock is the time that the stand-in for the Functions host keeps:
// the machine's own, or one that runs faster, so that a retry after two
// minutes need not be waited for.
package clock

import (
	"context"
	"time"
)

// A Clock tells the time and waits.
type Clock interface {
	// Now is the time in UTC.
	Now() time.Time
	// Sleep waits for d, or until ctx ends: then it returns ctx's cause.
	Sleep(ctx context.Context, d time.Duration) error
}

// System is the machine's clock. Under testing/synctest it is the bubble's.
type System struct{}

// Now is time.Now in UTC.
func (System) Now() time.Time { return time.Now().UTC() }

// Sleep waits for d.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Fast is a clock on which factor seconds pass in each of the machine's. It
// starts at the machine's time.
func Fast(factor int) Clock {
	return fast{start: time.Now().UTC(), factor: time.Duration(max(factor, 1))}
}

type fast struct {
	start  time.Time
	factor time.Duration
}

func (f fast) Now() time.Time { return f.start.Add(time.Since(f.start) * f.factor) }

func (f fast) Sleep(ctx context.Context, d time.Duration) error {
	return System{}.Sleep(ctx, d/f.factor)
}

// WithTimeout is a context that ends with cause after d on the clock. The
// function that it returns frees what it holds.
func WithTimeout(ctx context.Context, c Clock, d time.Duration, cause error) (context.Context, context.CancelFunc) {
	timed, cancel := context.WithCancelCause(ctx)
	go func() {
		if c.Sleep(timed, d) == nil {
			cancel(cause)
		}
	}()
	return timed, func() { cancel(context.Canceled) }
}
