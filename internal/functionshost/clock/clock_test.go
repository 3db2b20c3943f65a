package clock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errLate = errors.New("late")

func TestFastPassesItsFactorOfTheMachinesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Fast(100)
		start, machine := c.Now(), time.Now()
		if err := c.Sleep(t.Context(), 200*time.Second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(machine); took != 2*time.Second {
			t.Errorf("200 s took %v of the machine's time, want 2s", took)
		}
		if passed := c.Now().Sub(start); passed != 200*time.Second {
			t.Errorf("%v passed on the clock, want 200s", passed)
		}
	})
}

func TestSleepEndsWithTheCauseOfItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errLate)
	if err := (System{}).Sleep(ctx, time.Hour); !errors.Is(err, errLate) {
		t.Errorf("error %v, want %v", err, errLate)
	}
}

func TestWithTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := WithTimeout(t.Context(), Fast(10), time.Minute, errLate)
		defer cancel()
		time.Sleep(6*time.Second - 1)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatal("ended before its time")
		}
		time.Sleep(2 * time.Nanosecond)
		synctest.Wait()
		if cause := context.Cause(ctx); !errors.Is(cause, errLate) {
			t.Errorf("cause %v, want %v", cause, errLate)
		}
		early, stop := WithTimeout(t.Context(), System{}, time.Minute, errLate)
		stop()
		if cause := context.Cause(early); !errors.Is(cause, context.Canceled) {
			t.Errorf("cause %v after it was stopped, want %v", cause, context.Canceled)
		}
	})
}
