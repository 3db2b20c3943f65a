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
	"github.com/keywarden/keywarden/internal/incident"
)

// Commit implements engine.Store: one transaction.
func (s *Store) Commit(ctx context.Context, b *engine.Batch) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		switch last, err := generation(ctx, tx); {
		case err != nil:
			return err
		case last != s.generation:
			return errors.New("another process has written to this store meanwhile: run one at a time, and this one again")
		}
		return errors.Join(
			putLog(ctx, tx, s.generation+1, &b.Log),
			put(ctx, tx, `INSERT OR REPLACE INTO state (resource, principal, data) VALUES (?, ?, ?)`, b.States, stateRow),
			put(ctx, tx, `INSERT OR REPLACE INTO incidents (id, opened_at, document) VALUES (?, ?, ?)`, b.Incidents, incidentRow),
		)
	})
	if err != nil {
		return fmt.Errorf("sqlite: write: %w", err)
	}
	s.generation++
	return nil
}

// generation is how many commits there were.
func generation(ctx context.Context, tx *sql.Tx) (n int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(max(generation), 0) FROM log`).Scan(&n)
	return n, err
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

func putLog(ctx context.Context, tx *sql.Tx, generation int64, log *engine.Log) error {
	waiting, err := json.Marshal(log.Waiting)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO log (id, generation, clock, waiting) VALUES (1, ?, ?, ?)`, generation, int64(log.Clock), string(waiting)); err != nil {
		return err
	}
	return put(ctx, tx, `INSERT OR REPLACE INTO positions (source, "offset", done) VALUES (?, ?, ?)`,
		slices.Sorted(maps.Keys(log.Positions)), func(source string) ([]any, error) {
			p := log.Positions[source]
			return []any{source, p.Offset, p.Done}, nil
		})
}

func stateRow(s engine.State) ([]any, error) {
	return []any{s.Key.Resource, s.Key.Principal, s.Data}, nil
}

func incidentRow(i *incident.Incident) ([]any, error) {
	document, err := i.MarshalDocument()
	return []any{i.ID, int64(i.OpenedAt), string(document)}, err
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
