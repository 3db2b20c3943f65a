package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/keywarden/keywarden/internal/engine"
)

// Commit implements engine.Store: one transaction.
func (s *Store) Commit(ctx context.Context, b *engine.Batch) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var commits int64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(commits), 0) FROM log`).Scan(&commits); err != nil {
			return err
		}
		if commits != b.Log.Commits {
			return engine.ErrStale
		}
		return errors.Join(
			putLog(ctx, tx, &b.Log),
			put(ctx, tx, `INSERT OR REPLACE INTO state (resource, chunk, data) VALUES (?, ?, ?)`, b.States, stateRow),
			putIncidents(ctx, tx, engine.Revision{}, b.Incidents),
		)
	})
	if err != nil {
		return fmt.Errorf("sqlite: write: %w", err)
	}
	return nil
}

// write runs do in a transaction, which it undoes where do fails.
func (s *Store) write(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func putLog(ctx context.Context, tx *sql.Tx, log *engine.Log) error {
	row := []any{log.Commits + 1}
	for _, column := range []any{log.Pace, log.Rules, log.Waiting, log.Awaited} {
		text, err := json.Marshal(column)
		if err != nil {
			return err
		}
		row = append(row, string(text))
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO log (id, commits, pace, rules, waiting, awaited) VALUES (1, ?, ?, ?, ?, ?)`, row...); err != nil {
		return err
	}
	return put(ctx, tx, `INSERT OR REPLACE INTO positions (source, "offset", done) VALUES (?, ?, ?)`,
		slices.Sorted(maps.Keys(log.Positions)), func(source string) ([]any, error) {
			p := log.Positions[source]
			return []any{source, p.Offset, p.Done}, nil
		})
}

func stateRow(s engine.State) ([]any, error) {
	return []any{s.Key.Resource, s.Key.Chunk, s.Data}, nil
}

// put runs query once for each of all, with the arguments that row makes of it.
func put[T any](ctx context.Context, tx *sql.Tx, query string, all []T, row func(T) ([]any, error)) error {
	statement, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, one := range all {
		args, err := row(one)
		if err != nil {
			return err
		}
		if _, err := statement.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}
