package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// What is premises by the time a span begins is in force in it, and begins none.
func TestHubPartition_knows_premises_of_before_its_span(t *testing.T) {
	office := netip.MustParsePrefix("203.0.113.0/24")
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	now := detectors.TimeOf(start)
	told := usagelog.AppendPremises(nil, []detectors.Stay{{Network: office, Since: now - detectors.Day, Until: now + detectors.Day}})

	ledger := engine.NewInMemory()
	judge := &hubJudge{engine: new(engine.Engine), ledger: ledger}
	p := &hubPartition{log: engine.LogID{Hub: "ns/usage", Partition: "0"}, span: span{since: start}, judges: []*hubJudge{judge}}
	if within, err := p.look(engine.LogEvent{Sequence: 6, Body: told}); within || err != nil {
		t.Errorf("within the span: %v, %v", within, err)
	}
	if within, err := p.look(engine.LogEvent{Sequence: 7, Body: usagelog.AppendTick(nil, now, 0)}); !within || err != nil {
		t.Errorf("the first of the span is within it: %v, %v", within, err)
	}
	if err := p.begin(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	saved, err := ledger.Checkpoint(t.Context(), p.log)
	if err != nil || !saved.From.Rules.Premises.Known(office, now) {
		t.Errorf("premises %v, %v", saved.From.Rules.Premises.Stays(), err)
	}
}
