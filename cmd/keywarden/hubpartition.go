package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// hubPartition is one partition of a usage hub that is folded from its log.
type hubPartition struct {
	log    engine.LogID
	reader *eventhub.Reader
	span   span
	heard  func(*detectors.Command)
	judges []*hubJudge

	partitions []*engine.Partition // of the judges; nil before the span
	commands   []detectors.Command // heard before the span
	premises   *detectors.Premises // known before the span
	batch      []engine.LogEvent
	decoder    usagelog.Reader
	message    usagelog.Message
}

// takenAtOnce is how many events are folded at once.
const takenAtOnce = 500

// errAfter ends the reading behind the span.
var errAfter = errors.New("behind the span")

func (p *hubPartition) fold(ctx context.Context, bounds eventhub.Bounds) error {
	_, err := p.reader.Read(ctx, p.log, bounds.Begin, bounds.Next, func(e engine.LogEvent) error {
		if within, err := p.look(e); err != nil || !within {
			return err
		}
		if p.partitions == nil {
			if err := p.begin(ctx, e.Sequence); err != nil {
				return err
			}
		}
		if p.batch = append(p.batch, e); len(p.batch) < takenAtOnce {
			return nil
		}
		return p.take(ctx)
	})
	if err != nil && !errors.Is(err, errAfter) {
		return err
	}
	if err := p.take(ctx); err != nil {
		return err
	}
	for i, partition := range p.partitions {
		if err := partition.Save(ctx, time.Time{}); err != nil {
			return err
		}
		status := partition.Status()
		p.judges[i].tally.Calls += status.Calls
		p.judges[i].tally.Findings += status.Findings
	}
	return nil
}

// look reports whether an event is to be folded: it is in the span, or follows
// one that is. Behind the span it fails with errAfter.
func (p *hubPartition) look(e engine.LogEvent) (within bool, err error) {
	if p.heard == nil && p.span == (span{}) {
		return true, nil
	}
	m := &p.message
	if err := p.decoder.Read(e.Body, m); err != nil {
		return p.partitions != nil, nil //nolint:nilerr // who folds it says what is wrong with it
	}
	if m.Kind == usagelog.Premises && p.partitions == nil {
		p.premises = p.premises.With(m.Stays...)
	}
	if m.Kind == usagelog.Command {
		if p.heard != nil {
			p.heard(m.Command)
		}
		if p.partitions == nil {
			p.commands = append(p.commands, *m.Command)
		}
		return p.partitions != nil, nil
	}
	switch in := p.span.holds(m.Arrived); {
	case p.partitions == nil:
		return in, nil
	case !in && !p.span.until.IsZero() && m.Arrived >= detectors.TimeOf(p.span.until):
		return false, errAfter
	}
	return true, nil
}

// begin makes the judges' partitions, which start with the event of that number.
func (p *hubPartition) begin(ctx context.Context, sequence int64) error {
	for _, j := range p.judges {
		rules := rulesAfter(slices.Concat(p.commands, j.commands))
		rules.Premises = p.premises
		start := engine.Checkpoint{Log: p.log, Next: sequence, From: engine.Mark{Sequence: sequence, Rules: rules}}
		if err := j.ledger.SaveCheckpoint(ctx, &start); err != nil {
			return err
		}
		partition, err := j.engine.Partition(engine.PartitionConfig{Log: p.log, Ledger: j.ledger, Reader: p.reader})
		if err != nil {
			return err
		}
		p.partitions = append(p.partitions, partition)
	}
	return nil
}

func (p *hubPartition) take(ctx context.Context) error {
	for _, partition := range p.partitions {
		if err := partition.Take(ctx, time.Time{}, p.batch); err != nil {
			return err
		}
	}
	p.batch = p.batch[:0]
	return nil
}

// rulesAfter is what is in force where commands stand at the head of a log:
// whenever they were given, none has expired by then.
func rulesAfter(commands []detectors.Command) engine.Rules {
	rules := new(engine.Rules)
	for _, c := range commands {
		c.Time = 0
		rules = rules.With(&c)
	}
	return *rules
}
