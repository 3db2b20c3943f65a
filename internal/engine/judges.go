package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// JudgesConfig is what Judges are made of. All but Flush are required.
type JudgesConfig struct {
	Ledger     Ledger
	Reader     LogReader
	Partitions int           // of the usage hub
	Flush      time.Duration // as that of PartitionConfig
}

// Judges is the judges of all partitions of a usage hub that this process has
// lately owned. Each takes its share of the engine's memory. It may be used by
// several goroutines.
type Judges struct {
	engine *Engine
	JudgesConfig

	mu   sync.Mutex
	each map[string]*seat // by the id of the partition
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
	shared := *e
	shared.Memory = max(1, e.Memory/int64(c.Partitions))
	if _, err := shared.Partition(PartitionConfig{Ledger: c.Ledger, Reader: c.Reader, Flush: c.Flush}); err != nil {
		return nil, err
	}
	return &Judges{engine: &shared, JudgesConfig: c, each: map[string]*seat{}}, nil
}

// Take has the judge of a log take events in, as Partition.Take does.
func (j *Judges) Take(ctx context.Context, now time.Time, log LogID, events []LogEvent) error {
	p, err := j.of(log, now)
	if err != nil {
		return err
	}
	return p.Take(ctx, now, events)
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
	p, err := j.engine.Partition(PartitionConfig{Log: log, Ledger: j.Ledger, Reader: j.Reader, Flush: j.Flush})
	if err != nil {
		return nil, err
	}
	j.each[log.Partition] = &seat{p, now}
	return p, nil
}
