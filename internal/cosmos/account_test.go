package cosmos_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
)

func TestCheckConsistency(t *testing.T) {
	for level, fits := range map[string]bool{"Strong": true, "BoundedStaleness": true, "Session": false, "ConsistentPrefix": false, "Eventual": false} {
		t.Run(level, func(t *testing.T) {
			client := open(t, account(t, cosmosemulator.Config{Consistency: level}))
			for range 2 {
				err := client.CheckConsistency(t.Context())
				if fits && err != nil || !fits && !errors.Is(err, cosmos.ErrConsistency) {
					t.Errorf("error %v", err)
				}
				if err != nil && (!strings.Contains(err.Error(), level) || !strings.Contains(err.Error(), "az cosmosdb update")) {
					t.Errorf("error %q does not say what it is, or what to do", err)
				}
			}
		})
	}
}

func TestCheckConsistency_before_anything_else(t *testing.T) {
	c := account(t, cosmosemulator.Config{Consistency: "Session"})
	open(t, c)
	client, err := cosmos.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.CheckConsistency(t.Context()); !errors.Is(err, cosmos.ErrConsistency) {
		t.Errorf("error %v", err)
	}
}

// Whoever asks again later may be answered: the error says so.
func TestClient_says_that_it_was_put_off(t *testing.T) {
	for name, test := range map[string]struct {
		fault     cosmosemulator.Fault
		want, not error
	}{
		"throttled":   {cosmosemulator.Throttled(3 * time.Second), engine.ErrThrottled, engine.ErrUnavailable},
		"unavailable": {cosmosemulator.Fault{Status: http.StatusServiceUnavailable}, engine.ErrUnavailable, engine.ErrThrottled},
		"cut":         {cosmosemulator.Fault{Cut: cosmosemulator.CutRequest}, engine.ErrUnavailable, engine.ErrThrottled},
		"forbidden":   {cosmosemulator.Fault{Status: http.StatusForbidden}, nil, engine.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := open(t, account(t, cosmosemulator.Config{Faults: cosmosemulator.FaultFunc(func(o cosmosemulator.Operation) cosmosemulator.Fault {
					if o.Resource != "docs" {
						return cosmosemulator.Fault{}
					}
					return test.fault
				})}))
				_, err := client.AllProgress(t.Context())
				if err == nil || test.want != nil && !errors.Is(err, test.want) || errors.Is(err, test.not) {
					t.Errorf("error %v, want %v", err, test.want)
				}
			})
		})
	}
}
