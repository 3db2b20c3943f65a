package trigger_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
)

func timer(t *testing.T, schedule, checkpoint string, startup bool) trigger.Reader {
	t.Helper()
	source, err := trigger.NewTimer(schedule, startup, clock.System{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := source.Open(t.Context(), "timer", checkpoint, "x")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func next(t *testing.T, r trigger.Reader) trigger.Batch {
	t.Helper()
	b, err := r.Next(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A bubble's time begins at midnight, UTC, of 2000-01-01.
func at(minute, second int) time.Time {
	return time.Date(2000, 1, 1, 0, minute, second, 0, time.UTC)
}

// As captured: a run at the start, then every minute.
func TestAScheduleOfMinutesTellsWhenItRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(57 * time.Second)
		r := timer(t, "0 * * * * *", "", true)
		for _, want := range []invocation.Status{
			{Next: at(1, 0)},
			{Last: at(0, 57), Next: at(1, 0), LastUpdated: at(0, 57)},
			{Last: at(1, 0), Next: at(2, 0), LastUpdated: at(1, 0)},
		} {
			if diff := cmp.Diff(&trigger.Tick{Status: &want}, next(t, r).Tick); diff != "" {
				t.Error(diff)
			}
		}
		if now := time.Now().UTC(); now != at(2, 0) {
			t.Errorf("ended at %v", now)
		}
	})
}

func TestAScheduleOfSecondsTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, schedule := range []string{"*/5 * * * * *", "00:00:05"} {
			r := timer(t, schedule, "", false)
			start := time.Now()
			if b := next(t, r); b.Tick.Status != nil || b.Tick.PastDue {
				t.Errorf("%s: %+v", schedule, b.Tick)
			}
			if waited := time.Since(start); waited != 5*time.Second {
				t.Errorf("%s waited %v", schedule, waited)
			}
		}
	})
}

func TestAMissedRunIsPastDueOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := next(t, timer(t, "0 * * * * *", "", true))
		time.Sleep(3*time.Minute + 30*time.Second)
		r := timer(t, "0 * * * * *", before.Checkpoint, false)
		if b := next(t, r); !b.Tick.PastDue || time.Now().UTC() != at(3, 30) {
			t.Errorf("%+v at %v, want a run that is past due, at once", b.Tick, time.Now())
		}
		time.Sleep(2 * time.Minute) // the run lasts: two occurrences are skipped
		if b := next(t, r); b.Tick.PastDue || time.Now().UTC() != at(6, 0) {
			t.Errorf("%+v at %v, want the next occurrence", b.Tick, time.Now())
		}
	})
}

func TestSchedulesThatAreNone(t *testing.T) {
	for _, schedule := range []string{"", "now", "0 * *", "@hourly", "00:00:00", "61 * * * * *"} {
		if _, err := trigger.NewTimer(schedule, false, clock.System{}); err == nil {
			t.Errorf("%q is taken for a schedule", schedule)
		}
	}
}
