package cosmos_test

import (
	"testing"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
)

// written is a database as the engine writes it.
type written struct {
	*cosmos.Ledger
	revision *engine.Revision
}

func (w written) Put(t testing.TB, all ...*incident.Incident) {
	t.Helper()
	for _, i := range all {
		w.revision.Sequence++
		if err := w.SaveIncident(t.Context(), i, *w.revision); err != nil {
			t.Fatal(err)
		}
	}
}

func TestList(t *testing.T) {
	incidenttest.Run(t, func(t *testing.T) incidenttest.Store {
		c := account(t, cosmosemulator.Config{PartitionsPerContainer: 3, EmptyPages: true})
		return written{open(t, c).Ledger(), &engine.Revision{Created: 1}}
	})
}
