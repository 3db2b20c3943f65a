// Package sqlite keeps what the engine must find again in one SQLite file: the
// embedded default, without a server. The file is in WAL mode, so it can be
// read while a replay writes it. One process at a time commits batches
// (engine.Store): a commit is refused when another one has committed since the
// file was opened. Judges of usage partitions (engine.Ledger) may be several:
// each write of theirs is a transaction of its own, which names what it replaces.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/keywarden/keywarden/internal/engine"
)

//go:embed schema.sql
var schema string

// schemaVersion is kept in the file's user_version.
const schemaVersion = 5

// applicationID marks a file as Keywarden's: "KeyW".
const applicationID = 0x4b657957

// Store is an open file.
type Store struct {
	db *sql.DB
}

var _ engine.Store = (*Store)(nil)

// Open opens the file at path, and makes it where there is none. A file that
// is not Keywarden's, or of another version, is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	dsn := url.URL{Scheme: "file", Path: absolute, RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	s := &Store{db: db}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), db.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// prepare makes the tables of a new file, and refuses a foreign one.
func (s *Store) prepare(ctx context.Context) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		var version, application, tables int
		err := tx.QueryRowContext(ctx, `SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version, pragma_application_id`).
			Scan(&version, &application, &tables)
		switch {
		case err != nil:
			return err
		case tables == 0:
			_, err := tx.ExecContext(ctx, schema+fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d;", schemaVersion, applicationID))
			return err
		case application != applicationID:
			return errors.New("this is a database of another program: name a new file")
		case version != schemaVersion:
			return fmt.Errorf("written by another version of Keywarden (layout %d, this one reads %d): move it away and replay the logs into a new file", version, schemaVersion)
		}
		return nil
	})
}

// Log implements engine.Store.
func (s *Store) Log(ctx context.Context) (engine.Log, error) {
	log := engine.Log{Positions: map[string]engine.Position{}}
	var pace, rules, waiting, awaited string
	err := s.db.QueryRowContext(ctx, `SELECT commits, pace, rules, waiting, awaited FROM log`).Scan(&log.Commits, &pace, &rules, &waiting, &awaited)
	if errors.Is(err, sql.ErrNoRows) {
		return log, nil
	}
	if err != nil {
		return log, fmt.Errorf("sqlite: read log: %w", err)
	}
	for _, column := range []struct {
		text string
		to   any
	}{{pace, &log.Pace}, {rules, &log.Rules}, {waiting, &log.Waiting}, {awaited, &log.Awaited}} {
		if err := json.Unmarshal([]byte(column.text), column.to); err != nil {
			return log, fmt.Errorf("sqlite: read log: %w", err)
		}
	}
	rows, err := s.db.QueryContext(ctx, `SELECT source, "offset", done FROM positions`)
	if err != nil {
		return log, fmt.Errorf("sqlite: read positions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var source string
		var p engine.Position
		if err := rows.Scan(&source, &p.Offset, &p.Done); err != nil {
			return log, fmt.Errorf("sqlite: read positions: %w", err)
		}
		log.Positions[source] = p
	}
	return log, rows.Err()
}

// State implements engine.Store.
func (s *Store) State(ctx context.Context, key engine.Key) ([]byte, error) {
	var data []byte
	err := s.db.QueryRowContext(ctx, `SELECT data FROM state WHERE resource = ? AND chunk = ?`, key.Resource, key.Chunk).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: read state: %w", err)
	}
	return data, nil
}
