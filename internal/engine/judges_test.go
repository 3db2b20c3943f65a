package engine_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

func TestJudges(t *testing.T) {
	hub := newUsageHub(3)
	routed(t, rand.New(rand.NewPCG(1, 4)), hub, bytes.Join(town(t, 1, 1_000_000), nil), 2)
	want, _ := fold(t, hub)
	e, err := engine.New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	ledger := engine.NewInMemory()
	judges, err := e.Judges(engine.JudgesConfig{Ledger: ledger, Reader: hub, Partitions: 3})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	take := func(id engine.LogID, events []engine.LogEvent) {
		t.Helper()
		if err := judges.Take(t.Context(), now, id, 0, events); err != nil {
			t.Fatal(err)
		}
	}
	for p, log := range hub.logs {
		take(logID(p), log[:len(log)/2])
	}
	if _, known := judges.Status(logID(1)); !known {
		t.Error("a partition that was just judged is not known")
	}
	now = now.Add(16 * time.Minute) // what nothing came for is forgotten, and recovered
	for p, log := range hub.logs {
		take(logID(p), log[len(log)/2:])
	}
	if s, _ := judges.Status(logID(2)); s.Recoveries != 1 || s.Reread == 0 {
		t.Errorf("%d recoveries and %d events read again, want one of the half that was forgotten", s.Recoveries, s.Reread)
	}
	if err := judges.Save(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(linesOf(t, want), linesOf(t, ledger)); d != "" {
		t.Errorf("incidents differ from the fold's (-want +got):\n%s", d)
	}
	made := logID(2)
	made.Created += detectors.Day
	take(made, []engine.LogEvent{{Sequence: 0, Body: hub.logs[2][0].Body}})
	if _, known := judges.Status(logID(2)); known {
		t.Error("the log of the hub before is still known")
	}
	if _, err := e.Judges(engine.JudgesConfig{Ledger: ledger, Reader: hub}); err == nil {
		t.Error("a hub without partitions is no error")
	}
}
