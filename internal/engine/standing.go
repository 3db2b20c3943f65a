package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// RulesOf are the rules that hold at event number to of a partition's log:
// those that its owner has saved, and what was said since.
func RulesOf(ctx context.Context, ledger Ledger, reader LogReader, log LogID, to int64) (Rules, error) {
	saved, err := ledger.Checkpoint(ctx, log)
	if err != nil {
		return Rules{}, fmt.Errorf("engine: rules of %v: %w", log, err)
	}
	rules := &saved.From.Rules
	var messages usagelog.Reader
	var m usagelog.Message
	_, err = reader.Read(ctx, log, min(saved.From.Sequence, to), to, func(e LogEvent) error {
		err := messages.Read(e.Body, &m)
		if errors.Is(err, usagelog.ErrVersion) {
			return fmt.Errorf("event %d: %w", e.Sequence, err)
		}
		if err == nil && m.Kind == usagelog.Command && m.Command.Verdict == nil {
			rules = rules.With(m.Command)
		}
		if err == nil && m.Kind == usagelog.Premises {
			rules = rules.housed(m.Stays)
		}
		return nil // whoever judges reports what cannot be read
	})
	if err != nil {
		return Rules{}, fmt.Errorf("engine: rules of %v: %w", log, err)
	}
	return *rules, nil
}

// At is the rules without what has expired by t.
func (r Rules) At(t detectors.Time) Rules {
	return *r.With(&detectors.Command{Time: t})
}

// Hold reports whether an exception, a decoy or a watch has the id.
func (r Rules) Hold(id string) bool {
	_, exception := r.Exceptions[id]
	_, decoy := r.Decoys[id]
	_, watch := r.Watches[id]
	return exception || decoy || watch
}
