package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// JudgesConfig is what Judges are made of. Ledger, Reader and Partitions are required.
type JudgesConfig struct {
	Ledger     Ledger
	Reader     LogReader
	Partitions int           // of the usage hub
	Publisher  Publisher     // of sightings; nil: they are not judged
	Flush      time.Duration // as that of PartitionConfig

	Letters  DeadLetters  // where messages are kept that cannot be read; nil where nobody looks at them
	Recorder *Recorder    // of the progress; nil where nobody asks
	Spent    func() Spent // what the database has cost this process so far; nil where that is unknown
	Log      *slog.Logger // of progress that cannot be saved; required with a Recorder
}

// Spent is what requests to a database have cost.
type Spent struct {
	Charge    float64 // request units
	Throttled int64   // requests that were put off
}

// Judges is the judges of all partitions of a usage hub that this process has
// lately owned. Each takes its share of the engine's memory. It may be used by
// several goroutines.
type Judges struct {
	engine *Engine
	JudgesConfig

	letters *Letters // nil without Letters

	mu    sync.Mutex
	each  map[string]*seat // by the id of the partition
	spent Spent            // that is in the progress
}

// seat is one partition and who used it last.
type seat struct {
	*Partition
	used time.Time
}

// idle is how long a partition's memory is kept that nothing comes for:
// another process owns it by then.
const idle = 15 * time.Minute

// Judges returns the judges of a usage hub.
func (e *Engine) Judges(c JudgesConfig) (*Judges, error) {
	if c.Partitions < 1 {
		return nil, fmt.Errorf("engine: a usage hub of %d partitions: it has one at least", c.Partitions)
	}
	if c.Recorder != nil && c.Log == nil {
		return nil, errors.New("engine: judges with a recorder need a log")
	}
	shared := *e
	shared.Memory = max(1, e.Memory/int64(c.Partitions))
	if _, err := shared.Partition(PartitionConfig{Ledger: c.Ledger, Reader: c.Reader, Flush: c.Flush, Publisher: c.Publisher, Partitions: c.Partitions}); err != nil {
		return nil, err
	}
	j := &Judges{engine: &shared, JudgesConfig: c, each: map[string]*seat{}}
	if c.Letters != nil {
		j.letters = NewLetters(c.Letters)
	}
	return j, nil
}

// Take has the judge of a log take events in, as Partition.Take does. arrived is
// when the latest of them had come.
func (j *Judges) Take(ctx context.Context, now time.Time, log LogID, arrived detectors.Time, events []LogEvent) error {
	p, err := j.of(log, now)
	if err != nil {
		return err
	}
	before := p.Status()
	if err := p.Take(ctx, now, events); err != nil || j.Recorder == nil {
		return err
	}
	after := p.Status()
	for _, u := range after.Unreadable[min(len(before.Unreadable), len(after.Unreadable)):] {
		j.Log.ErrorContext(ctx, "a message of the usage hub is set aside", "event", u.Source, "error", u.Err)
	}
	key := ProgressKey{UsageFunction, log.Hub, log.Partition}
	step := after.Step(&before, detectors.TimeOf(now), arrived, events)
	step.Charge, step.Throttled = j.spend()
	err = errors.Join(j.Recorder.Record(ctx, key, step), j.Recorder.Watch(ctx, key, step.At, p.Resources))
	if err != nil {
		j.Log.WarnContext(ctx, "progress is not saved", "error", err)
	}
	return nil
}

// spend is what the database has cost since it was called last.
func (j *Judges) spend() (charge float64, throttled int64) {
	if j.Spent == nil {
		return 0, 0
	}
	now := j.Spent()
	j.mu.Lock()
	defer j.mu.Unlock()
	charge, throttled = now.Charge-j.spent.Charge, now.Throttled-j.spent.Throttled
	j.spent = now
	return charge, throttled
}

// Status is what the judge of a log has done in this process; false where it has none.
func (j *Judges) Status(log LogID) (PartitionStatus, bool) {
	j.mu.Lock()
	s := j.each[log.Partition]
	j.mu.Unlock()
	if s == nil || s.Log != log {
		return PartitionStatus{}, false
	}
	return s.Status(), true
}

// Save saves all that has changed: before the process ends in order.
func (j *Judges) Save(ctx context.Context, now time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	for _, s := range j.each {
		// Whoever is stale has lost the partition, and with it the duty to save.
		if err := s.Save(ctx, now); err != nil && !errors.Is(err, ErrStale) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// of is the judge of a log: a new one where the hub was made again.
func (j *Judges) of(log LogID, now time.Time) (*Partition, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, s := range j.each {
		if now.Sub(s.used) > idle {
			delete(j.each, id)
		}
	}
	if s := j.each[log.Partition]; s != nil && s.Log == log {
		s.used = now
		return s.Partition, nil
	}
	p, err := j.engine.Partition(PartitionConfig{
		Log: log, Ledger: j.Ledger, Reader: j.Reader, Flush: j.Flush, Publisher: j.Publisher, Partitions: j.Partitions, Letters: j.letters,
	})
	if err != nil {
		return nil, err
	}
	j.each[log.Partition] = &seat{p, now}
	return p, nil
}
