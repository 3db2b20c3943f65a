package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/keywarden/keywarden/internal/engine"
)

var _ engine.ProgressStore = (*Store)(nil)

// Progress implements engine.ProgressStore.
func (s *Store) Progress(ctx context.Context, key engine.ProgressKey) (engine.Progress, error) {
	all, err := s.progress(ctx, `SELECT document, saved FROM progress WHERE function = ? AND hub = ? AND partition = ?`, key.Function, key.Hub, key.Partition)
	if err != nil || len(all) == 0 {
		return engine.Progress{ProgressKey: key}, err
	}
	return all[0], nil
}

// AllProgress implements engine.ProgressStore.
func (s *Store) AllProgress(ctx context.Context) ([]engine.Progress, error) {
	return s.progress(ctx, `SELECT document, saved FROM progress`)
}

func (s *Store) progress(ctx context.Context, query string, args ...any) ([]engine.Progress, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("sqlite: read progress: %w", err)
	}
	defer rows.Close()
	var all []engine.Progress
	for rows.Next() {
		var document string
		var saved int64
		var p engine.Progress
		err := rows.Scan(&document, &saved)
		if err == nil {
			err = json.Unmarshal([]byte(document), &p)
		}
		if err != nil {
			return nil, fmt.Errorf("sqlite: read progress: %w", err)
		}
		p.ETag = strconv.FormatInt(saved, 10)
		all = append(all, p)
	}
	return all, rows.Err()
}

// SaveProgress implements engine.ProgressStore.
func (s *Store) SaveProgress(ctx context.Context, p *engine.Progress) error {
	document, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("sqlite: write progress: %w", err)
	}
	had := int64(0)
	if p.ETag != "" {
		if had, err = strconv.ParseInt(p.ETag, 10, 64); err != nil {
			return fmt.Errorf("sqlite: write progress: %w", err)
		}
	}
	statement := `INSERT INTO progress (document, function, hub, partition, saved) VALUES (?, ?, ?, ?, ? + 1) ON CONFLICT DO NOTHING`
	if had > 0 {
		statement = `UPDATE progress SET document = ?, saved = saved + 1 WHERE function = ? AND hub = ? AND partition = ? AND saved = ?`
	}
	result, err := s.db.ExecContext(ctx, statement, string(document), p.Function, p.Hub, p.Partition, had)
	if err != nil {
		return fmt.Errorf("sqlite: write progress: %w", err)
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("sqlite: write progress: %w", err)
	}
	if changed == 0 {
		return engine.ErrStale
	}
	p.ETag = strconv.FormatInt(had+1, 10)
	return nil
}
