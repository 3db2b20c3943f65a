package sqlite_test

import (
	"testing"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
	"github.com/keywarden/keywarden/internal/sqlite"
)

// written is a store as the engine writes it.
type written struct{ *sqlite.Store }

func (w written) Put(t testing.TB, all ...*incident.Incident) {
	t.Helper()
	if err := storetest.Commit(t.Context(), w.Store, &engine.Batch{Incidents: all}); err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	incidenttest.Run(t, func(t *testing.T) incidenttest.Store { return written{open(t, newPath(t))} })
}
