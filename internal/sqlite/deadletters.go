package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/keywarden/keywarden/internal/engine"
)

var _ engine.DeadLetters = (*Store)(nil)

// SaveDeadLetters implements engine.DeadLetters. It also forgets those that
// are too old by the time of the new ones.
func (s *Store) SaveDeadLetters(ctx context.Context, all []engine.DeadLetter) error {
	now := int64(0)
	for _, d := range all {
		now = max(now, int64(d.Found))
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM deadletters WHERE found <= ?`, now-int64(engine.DeadLetterLife))
		return errors.Join(err, put(ctx, tx, `INSERT OR REPLACE INTO deadletters (id, found, document) VALUES (?, ?, ?)`, all, func(d engine.DeadLetter) ([]any, error) {
			document, err := json.Marshal(d)
			return []any{d.ID(), int64(d.Found), string(document)}, err
		}))
	})
	if err != nil {
		return fmt.Errorf("sqlite: write dead letters: %w", err)
	}
	return nil
}

// DeadLetters implements engine.DeadLetters.
func (s *Store) DeadLetters(ctx context.Context) ([]engine.DeadLetter, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT document FROM deadletters ORDER BY found DESC`)
	if err != nil {
		return nil, fmt.Errorf("sqlite: read dead letters: %w", err)
	}
	defer rows.Close()
	var all []engine.DeadLetter
	for rows.Next() {
		var document string
		var d engine.DeadLetter
		err := rows.Scan(&document)
		if err == nil {
			err = json.Unmarshal([]byte(document), &d)
		}
		if err != nil {
			return nil, fmt.Errorf("sqlite: read dead letters: %w", err)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, engine.CompareDeadLetters)
	return all, rows.Err()
}

// DropDeadLetters implements engine.DeadLetters.
func (s *Store) DropDeadLetters(ctx context.Context, all []engine.DeadLetter) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		return put(ctx, tx, `DELETE FROM deadletters WHERE id = ?`, all, func(d engine.DeadLetter) ([]any, error) { return []any{d.ID()}, nil })
	})
	if err != nil {
		return fmt.Errorf("sqlite: drop dead letters: %w", err)
	}
	return nil
}
