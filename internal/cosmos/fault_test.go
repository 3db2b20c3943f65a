package cosmos_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/ledgertest"
	"github.com/keywarden/keywarden/internal/engine/storetest"
)

// everyOther lets every second request for a document fail.
func everyOther(fault cosmosemulator.Fault) cosmosemulator.Faults {
	var n atomic.Int64
	return cosmosemulator.FaultFunc(func(o cosmosemulator.Operation) cosmosemulator.Fault {
		if o.Resource != "docs" || n.Add(1)%2 == 0 {
			return cosmosemulator.Fault{}
		}
		return fault
	})
}

// What goes wrong with every second request changes nothing of what a ledger promises.
func TestLedger_under_faults(t *testing.T) {
	for name, fault := range map[string]cosmosemulator.Fault{
		"throttled":       cosmosemulator.Throttled(3 * time.Second),
		"partition_gone":  cosmosemulator.PartitionGone(),
		"retry_with":      {Status: 449},
		"timeout":         {Status: http.StatusRequestTimeout},
		"server_error":    {Status: http.StatusInternalServerError},
		"unavailable":     {Status: http.StatusServiceUnavailable},
		"cut_before":      {Cut: cosmosemulator.CutRequest},
		"cut_after":       {Cut: cosmosemulator.LoseAnswer},
		"cut_in_the_body": {Cut: cosmosemulator.CutAnswer},
	} {
		for of, test := range ledgertest.Tests() {
			t.Run(name+"/"+of, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					test(t, open(t, account(t, cosmosemulator.Config{Faults: everyOther(fault)})).Ledger())
				})
			})
		}
	}
}

func TestClient_waits_as_long_as_the_service_says(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := open(t, account(t, cosmosemulator.Config{Faults: &cosmosemulator.Script{
			Faults: []cosmosemulator.Fault{cosmosemulator.Throttled(7 * time.Second), cosmosemulator.Throttled(2 * time.Second)},
		}}))
		began := time.Now()
		if _, err := client.Ledger().Head(t.Context(), "r"); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited != 9*time.Second {
			t.Errorf("waited %v, want 9s", waited)
		}
		if got := count(client, cosmos.StateContainer, "read"); got.Throttled != 2 || got.Requests != 3 {
			t.Errorf("counted %+v, want 3 requests of which 2 were throttled", got)
		}
	})
}

func count(c *cosmos.Client, container, operation string) cosmos.Charge {
	for _, charge := range c.Charges() {
		if charge.Container == container && charge.Operation == operation {
			return charge
		}
	}
	return cosmos.Charge{}
}

func TestClient_gives_up_when_its_context_ends(t *testing.T) {
	for name, fault := range map[string]cosmosemulator.Fault{
		"throttled": cosmosemulator.Throttled(3 * time.Second), "unavailable": {Status: http.StatusServiceUnavailable}, "cut": {Cut: cosmosemulator.CutRequest},
	} {
		for within, patience := range map[string]time.Duration{"a_minute": time.Minute, "no_deadline": 0} {
			t.Run(name+"_within_"+within, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					faults := cosmosemulator.FaultFunc(func(o cosmosemulator.Operation) cosmosemulator.Fault {
						if o.Resource != "docs" {
							return cosmosemulator.Fault{}
						}
						return fault
					})
					ledger := open(t, account(t, cosmosemulator.Config{Faults: faults})).Ledger()
					ctx := t.Context()
					if patience > 0 {
						bounded, cancel := context.WithTimeout(ctx, patience)
						defer cancel()
						ctx = bounded
					}
					began := time.Now()
					head := ledgertest.Head("r", 1, "")
					err := ledger.SaveHead(ctx, &head)
					took := time.Since(began)
					if err == nil || errors.Is(err, engine.ErrStale) || took > time.Minute || took < 15*time.Second {
						t.Errorf("after %v: error %v, want one after some tries", took, err)
					}
					if err != nil && strings.Contains(err.Error(), cosmosemulator.EmulatorKey) {
						t.Errorf("the error shows the key: %v", err)
					}
				})
			})
		}
	}
}

// A conflict that the service reports although nothing was changed.
func TestSaveIncident_reads_again_after_a_conflict(t *testing.T) {
	script := &cosmosemulator.Script{
		When:   func(o cosmosemulator.Operation) bool { return o.Kind == "Replace" },
		Faults: []cosmosemulator.Fault{{Status: http.StatusPreconditionFailed}},
	}
	client := open(t, account(t, cosmosemulator.Config{Faults: script}))
	ledger := client.Ledger()
	for n := range int64(2) {
		if err := ledger.SaveIncident(t.Context(), storetest.Incident("2026-a", 0), engine.Revision{Created: 1, Sequence: n}); err != nil {
			t.Fatal(err)
		}
	}
	if script.Left() > 0 {
		t.Error("nothing went wrong: this test tests nothing")
	}
	if got := count(client, cosmos.IncidentsContainer, "replace"); got.Requests != 2 {
		t.Errorf("%d replaces, want one that was refused and one more", got.Requests)
	}
}

func TestSaveIncident_takes_one_request_where_the_version_is_known(t *testing.T) {
	client := open(t, account(t, cosmosemulator.Config{}))
	ledger := client.Ledger()
	for n := range int64(10) {
		if err := ledger.SaveIncident(t.Context(), storetest.Incident("2026-a", 0), engine.Revision{Created: 1, Sequence: n}); err != nil {
			t.Fatal(err)
		}
	}
	for operation, want := range map[string]int64{"create": 1, "replace": 9, "read": 0} {
		if got := count(client, cosmos.IncidentsContainer, operation); got.Requests != want {
			t.Errorf("%d %ss, want %d", got.Requests, operation, want)
		}
	}
}

func TestLedger_says_what_is_wrong(t *testing.T) {
	head := ledgertest.Head("r", 1, "")
	t.Run("no_containers", func(t *testing.T) {
		client, err := cosmos.Open(account(t, cosmosemulator.Config{}))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if _, err := client.Ledger().Head(t.Context(), "r"); err == nil || !strings.Contains(err.Error(), "deploy infra/main.bicep") {
			t.Errorf("error %v, want one that says what is missing", err)
		}
	})
	t.Run("a_head_that_is_too_large", func(t *testing.T) {
		ledger := open(t, account(t, cosmosemulator.Config{})).Ledger()
		large := head
		large.Chunks = make([]int64, 1<<20)
		for i := range large.Chunks {
			large.Chunks[i] = 1
		}
		if err := ledger.SaveHead(t.Context(), &large); err == nil || !strings.Contains(err.Error(), "may take 2097152") {
			t.Errorf("error %v, want one about its size", err)
		}
	})
	t.Run("another_key", func(t *testing.T) {
		c := account(t, cosmosemulator.Config{Key: "b3RoZXI="})
		client, err := cosmos.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		_, err = client.Ledger().Head(t.Context(), "r")
		if err == nil || strings.Contains(err.Error(), c.Key) || !strings.Contains(err.Error(), "401") {
			t.Errorf("error %v, want one of the refused key, without it", err)
		}
	})
}
