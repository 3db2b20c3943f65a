package trigger

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
)

// timerPartition is the only one of a schedule: one instance runs it.
const timerPartition = "timer"

// Timer is a schedule as a source. Occurrences that pass while a run lasts
// are skipped.
type Timer struct {
	schedule  cron.Schedule
	monitored bool // it is kept when the schedule last ran
	startup   bool
	clock     clock.Clock
}

var fields = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// NewTimer reads a schedule: six fields of cron with the seconds first, five
// without, or a span of time like 00:00:30.
func NewTimer(schedule string, runOnStartup bool, c clock.Clock) (*Timer, error) {
	t := &Timer{startup: runOnStartup, clock: c}
	var h, m, s int
	if n, err := fmt.Sscanf(schedule, "%d:%d:%d", &h, &m, &s); n == 3 && err == nil {
		every := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
		if every < time.Second {
			return nil, fmt.Errorf("schedule %q: less than a second", schedule)
		}
		t.schedule = cron.Every(every)
	} else if t.schedule, err = fields.Parse(schedule); err != nil {
		return nil, fmt.Errorf("schedule %q: %w", schedule, err)
	}
	first := t.schedule.Next(c.Now())
	t.monitored = t.schedule.Next(first).Sub(first) >= time.Minute
	return t, nil
}

// Partitions is the one partition of a schedule.
func (t *Timer) Partitions(context.Context) ([]string, error) { return []string{timerPartition}, nil }

// Behind is false: a schedule is never behind.
func (t *Timer) Behind(context.Context, string, string) (bool, error) { return false, nil }

// Open reads when the schedule last ran from the checkpoint.
func (t *Timer) Open(_ context.Context, _, checkpoint, _ string) (Reader, error) {
	r := &timerReader{Timer: t, first: true}
	if checkpoint != "" {
		if err := json.Unmarshal([]byte(checkpoint), &r.status); err != nil {
			return nil, fmt.Errorf("read when the schedule last ran: %w", err)
		}
	}
	if !t.monitored {
		r.status = invocation.Status{}
	}
	return r, nil
}

type timerReader struct {
	*Timer
	status invocation.Status
	first  bool // nothing was waited for yet
}

// Next waits for the next occurrence.
func (r *timerReader) Next(ctx context.Context, _ int) (Batch, error) {
	now, shown, tick := r.clock.Now(), r.status, &Tick{}
	due := r.schedule.Next(now)
	switch next := shown.Next; {
	case r.first && !next.IsZero() && next.Before(now): // it should have run while nothing ran
		tick.PastDue, due = true, now
	case r.first && r.startup:
		shown.Next, due = due, now
	default:
		shown.Next = due
	}
	r.first = false
	if err := r.clock.Sleep(ctx, due.Sub(now)); err != nil {
		return Batch{}, err
	}
	if r.monitored {
		tick.Status = &shown
	}
	r.status = invocation.Status{Last: due, Next: r.schedule.Next(due), LastUpdated: due}
	checkpoint, err := json.Marshal(r.status)
	if err != nil {
		return Batch{}, err
	}
	return Batch{Tick: tick, Checkpoint: string(checkpoint)}, nil
}

// Close has nothing to end.
func (r *timerReader) Close() {}
