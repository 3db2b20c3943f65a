package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

var _ engine.Ledger = (*Store)(nil)

// Partitions implements engine.Ledger.
func (s *Store) Partitions(ctx context.Context, n int) error {
	var had int
	err := s.db.QueryRowContext(ctx, `INSERT INTO layout (id, partitions) VALUES (1, ?) ON CONFLICT DO UPDATE SET id = 1 RETURNING partitions`, n).Scan(&had)
	if err != nil {
		return fmt.Errorf("sqlite: number of partitions: %w", err)
	}
	if had != n {
		return fmt.Errorf("%w: it has %d, and had %d", engine.ErrPartitions, n, had)
	}
	return nil
}

// replace runs one of two statements, each with the arguments that name a row
// and fill it: insert where etag is "", else update, whose last argument is
// the version that it replaces. It returns the ETag of the new version.
func (s *Store) replace(ctx context.Context, insert, update, etag string, args ...any) (string, error) {
	version, query := int64(0), insert
	if etag != "" {
		var err error
		if version, err = strconv.ParseInt(etag, 10, 64); err != nil {
			return "", engine.ErrStale
		}
		query, args = update, append(args, version)
	}
	result, err := s.db.ExecContext(ctx, query, args...)
	if err != nil {
		return "", err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return "", errors.Join(err, engine.ErrStale)
	}
	return strconv.FormatInt(version+1, 10), nil
}

// Checkpoint implements engine.Ledger.
func (s *Store) Checkpoint(ctx context.Context, log engine.LogID) (engine.Checkpoint, error) {
	c := engine.Checkpoint{Log: log}
	var document string
	err := s.db.QueryRowContext(ctx, `SELECT version, document FROM checkpoints WHERE hub = ? AND created = ? AND partition = ?`,
		log.Hub, int64(log.Created), log.Partition).Scan(&c.ETag, &document)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(document), &c)
	}
	if err != nil {
		return c, fmt.Errorf("sqlite: read checkpoint: %w", err)
	}
	return c, nil
}

// SaveCheckpoint implements engine.Ledger.
func (s *Store) SaveCheckpoint(ctx context.Context, c *engine.Checkpoint) error {
	document, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("sqlite: write checkpoint: %w", err)
	}
	etag, err := s.replace(ctx,
		`INSERT INTO checkpoints (hub, created, partition, document, version) VALUES (?1, ?2, ?3, ?4, 1) ON CONFLICT DO NOTHING`,
		`UPDATE checkpoints SET document = ?4, version = version + 1 WHERE hub = ?1 AND created = ?2 AND partition = ?3 AND version = ?5`,
		c.ETag, c.Log.Hub, int64(c.Log.Created), c.Log.Partition, string(document))
	if err != nil {
		return fmt.Errorf("sqlite: write checkpoint: %w", err)
	}
	c.ETag = etag
	return nil
}

// Head implements engine.Ledger.
func (s *Store) Head(ctx context.Context, resource string) (engine.Head, error) {
	h := engine.Head{Resource: resource}
	var document string
	var data []byte
	err := s.db.QueryRowContext(ctx, `SELECT version, document, data FROM heads WHERE resource = ?`, resource).Scan(&h.ETag, &document, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(document), &h)
	}
	if err != nil {
		return h, fmt.Errorf("sqlite: read head: %w", err)
	}
	h.Data = data
	return h, nil
}

// SaveHead implements engine.Ledger.
func (s *Store) SaveHead(ctx context.Context, h *engine.Head) error {
	cut := *h
	cut.Data = nil
	document, err := json.Marshal(cut)
	if err != nil {
		return fmt.Errorf("sqlite: write head: %w", err)
	}
	etag, err := s.replace(ctx,
		`INSERT INTO heads (resource, document, data, version) VALUES (?1, ?2, ?3, 1) ON CONFLICT DO NOTHING`,
		`UPDATE heads SET document = ?2, data = ?3, version = version + 1 WHERE resource = ?1 AND version = ?4`,
		h.ETag, h.Resource, string(document), h.Data)
	if err != nil {
		return fmt.Errorf("sqlite: write head: %w", err)
	}
	h.ETag = etag
	return nil
}

// Chunk implements engine.Ledger.
func (s *Store) Chunk(ctx context.Context, key engine.ChunkKey) ([]byte, error) {
	var data []byte
	err := s.db.QueryRowContext(ctx, `SELECT data FROM chunks WHERE resource = ? AND "index" = ? AND generation = ?`,
		key.Resource, key.Index, key.Generation).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, engine.ErrStale
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: read chunk: %w", err)
	}
	return data, nil
}

// SaveChunk implements engine.Ledger.
func (s *Store) SaveChunk(ctx context.Context, key engine.ChunkKey, data []byte) error {
	_, err := s.db.ExecContext(ctx, `INSERT OR REPLACE INTO chunks (resource, "index", generation, data) VALUES (?, ?, ?, ?)`,
		key.Resource, key.Index, key.Generation, data)
	if err != nil {
		return fmt.Errorf("sqlite: write chunk: %w", err)
	}
	return nil
}

// DropChunks implements engine.Ledger.
func (s *Store) DropChunks(ctx context.Context, keys []engine.ChunkKey) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		return put(ctx, tx, `DELETE FROM chunks WHERE resource = ? AND "index" = ? AND generation = ?`, keys, func(k engine.ChunkKey) ([]any, error) {
			return []any{k.Resource, k.Index, k.Generation}, nil
		})
	})
	if err != nil {
		return fmt.Errorf("sqlite: drop chunks: %w", err)
	}
	return nil
}

// SaveIncident implements engine.Ledger.
func (s *Store) SaveIncident(ctx context.Context, i *incident.Incident, r engine.Revision) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		var kept engine.Revision
		err := tx.QueryRowContext(ctx, `SELECT created, sequence FROM incidents WHERE id = ?`, i.ID).Scan(&kept.Created, &kept.Sequence)
		switch {
		case err == nil && !r.After(kept):
			return nil
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		}
		return putIncidents(ctx, tx, r, []*incident.Incident{i})
	})
	if err != nil {
		return fmt.Errorf("sqlite: write incident %s: %w", i.ID, err)
	}
	return nil
}
