package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/ledgertest"
)

func TestInMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledgertest.Ledger { return engine.NewInMemory() })
}

// shaky is an account of which each request may be throttled, refused or cut.
func shaky(seed uint64) cosmosemulator.Faults {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(seed, 9))
	return cosmosemulator.FaultFunc(func(o cosmosemulator.Operation) cosmosemulator.Fault {
		mu.Lock()
		defer mu.Unlock()
		if o.Resource != "docs" {
			return cosmosemulator.Fault{}
		}
		switch r.IntN(60) {
		case 0:
			return cosmosemulator.Throttled(time.Millisecond)
		case 1:
			return cosmosemulator.Fault{Status: 449, RetryAfter: time.Millisecond}
		case 2:
			if o.Kind == "Replace" { // though nobody has changed it
				return cosmosemulator.Fault{Status: http.StatusPreconditionFailed}
			}
		case 3:
			if o.Kind != "Read" { // the SDK repeats a read that was cut, after a second
				return cosmosemulator.Fault{Cut: cosmosemulator.LoseAnswer}
			}
		}
		return cosmosemulator.Fault{}
	})
}

func overCosmos(t *testing.T, seed uint64) ledgertest.Ledger {
	t.Helper()
	server, err := cosmosemulator.New(cosmosemulator.Config{Faults: shaky(seed)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	client, err := cosmos.Open(cosmos.Config{
		Endpoint: fmt.Sprintf("http://engine-%d.test/", seed), Database: "keywarden", Key: cosmosemulator.EmulatorKey,
		Transport: &http.Client{Transport: server.Transport()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.EnsureContainers(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client.Ledger()
}

func TestPartition_finds_the_same_over_cosmos(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 4))
			hub := newUsageHub(1 + int(seed))
			routed(t, r, hub, bytes.Join(town(t, 3+seed, 1_000_000), nil), 2)
			c := config(t)
			if seed == 1 {
				c.Memory = 1 // everything is saved and dropped after each batch
			}
			got := overCosmos(t, seed)
			if kills := owners(t, r, hub, c, got); kills == 0 {
				t.Error("never killed")
			}
			want, _ := fold(t, hub)
			if linesOf(t, want) == "" {
				t.Fatal("no incidents: this test compares nothing")
			}
			if d := cmp.Diff(linesOf(t, want), linesOf(t, got)); d != "" {
				t.Errorf("the incidents differ from the fold's (-want +got):\n%s", d)
			}
		})
	}
}
