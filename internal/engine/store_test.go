package engine_test

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) engine.Store { return engine.NewMemory() })
}

func TestMemory_progress(t *testing.T) {
	storetest.RunProgress(t, func(*testing.T) engine.ProgressStore { return engine.NewMemory() })
}

func TestMemory_dead_letters(t *testing.T) {
	storetest.RunDeadLetters(t, 20_000*detectors.Day, func(*testing.T) engine.DeadLetters { return engine.NewMemory() })
}

// written is a store as the engine writes it.
type written struct{ *engine.Memory }

func (w written) Put(t testing.TB, all ...*incident.Incident) {
	t.Helper()
	if err := storetest.Commit(t.Context(), w.Memory, &engine.Batch{Incidents: all}); err != nil {
		t.Fatal(err)
	}
}

func TestMemory_list(t *testing.T) {
	incidenttest.Run(t, func(*testing.T) incidenttest.Store { return written{engine.NewMemory()} })
}
