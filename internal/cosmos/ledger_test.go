package cosmos_test

import (
	"testing"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine/ledgertest"
)

func TestLedger(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledgertest.Ledger {
		return open(t, account(t, cosmosemulator.Config{})).Ledger()
	})
}
