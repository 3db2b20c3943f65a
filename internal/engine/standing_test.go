package engine_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

// What holds is what the owner has saved and what was said since: the log
// before that need not be kept.
func TestRulesOf(t *testing.T) {
	hub := newUsageHub(1)
	decoy := func(id string) *detectors.Command {
		return &detectors.Command{Decoy: &detectors.Decoy{ID: id, Owner: "o", Principal: detectors.Principal{Kind: detectors.APIMSubscription, ID: id, Resource: "custom:g"}}}
	}
	watch := func(id string, expires detectors.Time) *detectors.Command {
		return &detectors.Command{Watch: &detectors.Watch{ID: id, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, Reason: "r", Expires: expires}}
	}
	hub.say(t, decoy("saved"))
	hub.say(t, decoy("revoked"))
	ledger := engine.NewInMemory()
	p := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: ledger, Reader: hub})
	if err := p.Take(t.Context(), time.Time{}, hub.logs[0]); err != nil {
		t.Fatal(err)
	}
	if err := p.Save(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := ledger.Checkpoint(t.Context(), logID(0))
	if err != nil {
		t.Fatal(err)
	}
	hub.began = checkpoint.From.Sequence
	hub.say(t, decoy("since"))
	hub.say(t, watch("short", noon+1))
	hub.say(t, watch("long", noon+detectors.Day))
	hub.say(t, &detectors.Command{Revoke: "revoked"})

	rules, err := engine.RulesOf(t.Context(), ledger, hub, logID(0), int64(len(hub.logs[0])))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"saved": true, "revoked": false, "since": true, "short": true, "long": true} {
		if rules.Hold(id) != want {
			t.Errorf("%s holds: %v, want %v", id, rules.Hold(id), want)
		}
	}
	later := rules.At(noon + detectors.Hour)
	if later.Hold("short") || !later.Hold("long") || !rules.Hold("short") {
		t.Errorf("an hour later: %+v", later)
	}
}
