package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/ledgertest"
	"github.com/keywarden/keywarden/internal/engine/storetest"
	"github.com/keywarden/keywarden/internal/sqlite"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "a ?#%ü.db") }

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) engine.Store { return open(t, newPath(t)) })
}

func TestStore_is_found_again_after_close(t *testing.T) {
	path := newPath(t)
	s := open(t, path)
	if err := storetest.Commit(t.Context(), s, storetest.Batch(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, open(t, path), storetest.Batch(1))
}

// execute changes a file behind the store's back.
func execute(t testing.TB, path string, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err == nil {
		_, err = db.ExecContext(t.Context(), statements)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_refuses(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a_database_of_another_program": {func(t *testing.T, path string) { execute(t, path, "CREATE TABLE foreign_one (x)") }, "another program"},
		"another_version": {func(t *testing.T, path string) {
			_ = open(t, path).Close()
			execute(t, path, "PRAGMA user_version = 99")
		}, "layout 99"},
		"what_is_no_database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a database"},
		"a_folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "unable to open"},
		"a_read_only_folder": {func(t *testing.T, path string) {
			if os.Getuid() == 0 {
				t.Skip("root may write everywhere")
			}
			if err := os.Chmod(filepath.Dir(path), 0o500); err != nil {
				t.Fatal(err)
			}
		}, "unable to open"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "store.db")
			c.make(t, path)
			s, err := sqlite.Open(t.Context(), path)
			if err == nil {
				_ = s.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q does not say %q and where", err, c.want)
			}
		})
	}
}

// What two processes remember apart must not be mixed in one store.
func TestCommit_refuses_when_another_process_has_written(t *testing.T) {
	path := newPath(t)
	a, b := open(t, path), open(t, path)
	if err := storetest.Commit(t.Context(), a, storetest.Batch(1)); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(t.Context(), storetest.Batch(2)); !errors.Is(err, engine.ErrStale) {
		t.Errorf("error %v, want one that names the other process", err)
	}
	storetest.Check(t, b, storetest.Batch(1))
}

func TestLedger(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Ledger { return open(t, newPath(t)) })
}

// The joined mode's commits and the judges of usage partitions do not hinder one another.
func TestStore_is_both_a_store_and_a_ledger(t *testing.T) {
	s := open(t, newPath(t))
	head := ledgertest.Head("r", 1, "")
	if err := s.SaveHead(t.Context(), &head); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Commit(t.Context(), s, storetest.Batch(1)); err != nil {
		t.Fatal(err)
	}
	storetest.Check(t, s, storetest.Batch(1))
	got, err := s.Head(t.Context(), "r")
	if d := cmp.Diff(head, got); err != nil || d != "" {
		t.Errorf("head (-want +got), error %v:\n%s", err, d)
	}
}
