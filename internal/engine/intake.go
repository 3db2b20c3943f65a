package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Taker takes in events of one partition of a diagnostics hub: a Router, or a
// Live in joined mode.
type Taker interface {
	// TakeIn returns what became of the events when all that they say is safe.
	TakeIn(ctx context.Context, source usagelog.Source, events []HubEvent) (Routed, error)
}

// IntakeConfig is what an Intake is made of. All members are required.
type IntakeConfig struct {
	Taker    Taker
	Letters  DeadLetters
	Recorder *Recorder
	Log      *slog.Logger

	// Begin is the number of the first event that a partition still holds.
	Begin func(ctx context.Context, hub, partition string) (int64, error)
}

// Intake is the first half of the path as the diagnostics function runs it:
// what the events say goes on, what cannot be read is kept as dead letters,
// and a hole that retention has made is named.
type Intake struct {
	IntakeConfig
	letters *Letters

	mu   sync.Mutex
	next map[usagelog.Source]int64 // of partitions that this process has taken in
}

// NewIntake makes an Intake, or says what is missing.
func NewIntake(c IntakeConfig) (*Intake, error) {
	if c.Taker == nil || c.Letters == nil || c.Recorder == nil || c.Log == nil || c.Begin == nil {
		return nil, errors.New("engine: an intake needs a router or an engine, dead letters, a recorder, a log and where partitions begin")
	}
	return &Intake{IntakeConfig: c, letters: NewLetters(c.Letters), next: map[usagelog.Source]int64{}}, nil
}

// Take takes events in, which are in order, at the time of this machine. hub is
// "NAMESPACE/NAME". When it returns nil the events need not come again.
func (i *Intake) Take(ctx context.Context, now time.Time, hub string, source usagelog.Source, events []HubEvent) error {
	if len(events) == 0 {
		return nil
	}
	key := ProgressKey{DiagnosticsFunction, hub, source.Partition}
	gaps, err := i.gaps(ctx, key, source, events)
	if err != nil {
		return err
	}
	routed, err := i.Taker.TakeIn(ctx, source, events)
	if err != nil {
		return err
	}
	at := detectors.TimeOf(now)
	unkept, err := i.letters.Keep(ctx, source, at, routed.Poison)
	if err != nil {
		return err
	}
	if unkept > 0 {
		i.Log.WarnContext(ctx, "records are set aside faster than dead letters are kept", "hub", source.Hub, "partition", source.Partition,
			"first", events[0].Sequence, "last", events[len(events)-1].Sequence, "records", len(routed.Poison), "unkept", unkept)
	}
	i.mu.Lock()
	i.next[source] = events[len(events)-1].Sequence + 1
	i.mu.Unlock()
	step := routed.Step(at, events)
	step.Gaps, step.Unkept = gaps, int64(unkept)
	if err := i.Recorder.Record(ctx, key, step); err != nil {
		i.Log.WarnContext(ctx, "progress is not saved", "error", err)
	}
	return nil
}

// gaps are the events that are gone and that nobody has taken in: before the
// first of a batch, and between those in it. Before a batch only a partition is
// looked at that is new to this process or goes on later than it ended. Then the
// saved progress counts, which may be some seconds old: so a gap may begin
// somewhat too early.
func (i *Intake) gaps(ctx context.Context, key ProgressKey, source usagelog.Source, events []HubEvent) ([]Gap, error) {
	i.mu.Lock()
	next, known := i.next[source]
	i.mu.Unlock()
	if !known || next < events[0].Sequence {
		before, err := i.Recorder.stored(ctx, key)
		if err != nil {
			return nil, err
		}
		switch {
		case before.Since != 0:
			next = max(next, before.Sequence+1)
		case !known:
			next = events[0].Sequence
		}
	}
	var all []Gap
	for n := range events {
		if next < events[n].Sequence {
			begin, err := i.Begin(ctx, key.Hub, key.Partition)
			if err != nil {
				return nil, err
			}
			if begin > next {
				all = append(all, Gap{Log: LogID{Hub: key.Hub, Partition: key.Partition}, From: next, To: min(begin, events[n].Sequence)})
			}
		}
		next = max(next, events[n].Sequence+1)
	}
	return all, nil
}

// TakeIn implements Taker.
func (r *Router) TakeIn(ctx context.Context, source usagelog.Source, events []HubEvent) (Routed, error) {
	return r.Take(ctx, source, events)
}

// TakeIn implements Taker, in joined mode.
func (l *Live) TakeIn(ctx context.Context, source usagelog.Source, events []HubEvent) (Routed, error) {
	taken, err := l.Take(ctx, source.Hub+"/"+source.Partition, events)
	return Routed{Records: taken.Records, Logged: taken.Logged, Poison: taken.Poison, Counts: taken.Counts}, err
}
