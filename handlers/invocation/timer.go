package invocation

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Timer is one run of a timer function. A run that is due while the one before
// goes on is left out by the host, and one that fails waits for the next.
type Timer struct {
	PastDue bool      // it comes later than the schedule says
	Last    time.Time // the run before; zero on the first, and for schedules under a minute
	Next    time.Time // the run after; zero for schedules under a minute
	Retry   Retry
}

// DecodeTimer decodes an invocation of a function whose trigger is named "timer".
func DecodeTimer(body []byte) (Timer, error) {
	w, err := parse(body)
	if err != nil {
		return Timer{}, err
	}
	value, err := w.binding("timer")
	if err != nil {
		return Timer{}, err
	}
	var sent struct {
		ScheduleStatus struct{ Last, Next string }
		IsPastDue      bool
	}
	if err := json.Unmarshal(value, &sent); err != nil {
		return Timer{}, fmt.Errorf("invocation: Data.timer: %w", err)
	}
	t := Timer{PastDue: sent.IsPastDue}
	if t.Last, err = instant(sent.ScheduleStatus.Last); err != nil {
		return Timer{}, err
	}
	if t.Next, err = instant(sent.ScheduleStatus.Next); err != nil {
		return Timer{}, err
	}
	if t.Retry, err = w.retry(); err != nil {
		return Timer{}, err
	}
	return t, nil
}

func (t Timer) lane() string { return "" }

func (t Timer) attributes() []slog.Attr {
	return append([]slog.Attr{slog.Bool("pastDue", t.PastDue)}, t.Retry.attributes()...)
}

func (t Timer) summary() string { return "timer" }
