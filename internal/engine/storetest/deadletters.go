package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

// RunDeadLetters tests the promises of engine.DeadLetters. Each call of open
// must give a store of its own, empty. Now is the time by which the store
// forgets.
func RunDeadLetters(t *testing.T, now detectors.Time, open func(t *testing.T) engine.DeadLetters) {
	for name, test := range map[string]func(*testing.T, detectors.Time, engine.DeadLetters){
		"keeps_each_position_once":  deadLettersOnce,
		"drops_what_it_is_told":     deadLettersAreDropped,
		"keeps_odd_positions_apart": deadLettersAreApart,
		"keeps_many":                deadLettersAreMany,
	} {
		t.Run(name, func(t *testing.T) { test(t, now, open(t)) })
	}
}

// DeadLetter is one found at the given time; n tells positions apart.
func DeadLetter(n int, found detectors.Time) engine.DeadLetter {
	return engine.DeadLetter{
		Hub: "ns.example/diagnostics/2026-01-01T00:00:00Z", Partition: "3", Sequence: int64(n), Ordinal: 2, Offset: 100, Length: 64,
		SHA256: fmt.Sprintf("%064x", n), Error: `expected ":" at byte 120 of "the" body`, Around: `{"xxx": 00, "ü`, Found: found,
	}
}

func checkDeadLetters(t testing.TB, s engine.DeadLetters, want ...engine.DeadLetter) {
	t.Helper()
	got, err := s.DeadLetters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func saveDeadLetters(t testing.TB, s engine.DeadLetters, all ...engine.DeadLetter) {
	t.Helper()
	if err := s.SaveDeadLetters(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

func deadLettersOnce(t *testing.T, now detectors.Time, s engine.DeadLetters) {
	checkDeadLetters(t, s)
	saveDeadLetters(t, s)
	saveDeadLetters(t, s, DeadLetter(1, now-2000), DeadLetter(2, now-2000))
	saveDeadLetters(t, s, DeadLetter(2, now-1000), DeadLetter(3, now-3000))
	checkDeadLetters(t, s, DeadLetter(2, now-1000), DeadLetter(1, now-2000), DeadLetter(3, now-3000))
}

func deadLettersAreDropped(t *testing.T, now detectors.Time, s engine.DeadLetters) {
	saveDeadLetters(t, s, DeadLetter(1, now), DeadLetter(2, now), DeadLetter(3, now))
	for range 2 {
		if err := s.DropDeadLetters(t.Context(), []engine.DeadLetter{DeadLetter(2, now), DeadLetter(4, now)}); err != nil {
			t.Fatal(err)
		}
		checkDeadLetters(t, s, DeadLetter(1, now), DeadLetter(3, now))
	}
}

func deadLettersAreApart(t *testing.T, now detectors.Time, s engine.DeadLetters) {
	var want []engine.DeadLetter
	for _, hub := range []string{"", "a", "a/b", "a#b", "a "} {
		for _, partition := range []string{"", "1", "2"} {
			for ordinal := range 2 {
				want = append(want, engine.DeadLetter{Hub: hub, Partition: partition, Sequence: 7, Ordinal: ordinal, Found: now - detectors.Time(len(want))*1000})
			}
		}
	}
	saveDeadLetters(t, s, want...)
	checkDeadLetters(t, s, want...)
}

func deadLettersAreMany(t *testing.T, now detectors.Time, s engine.DeadLetters) {
	var want []engine.DeadLetter
	for n := range 250 {
		want = append(want, DeadLetter(n, now))
	}
	saveDeadLetters(t, s, want...)
	checkDeadLetters(t, s, want...)
	if err := s.DropDeadLetters(t.Context(), want[:249]); err != nil {
		t.Fatal(err)
	}
	checkDeadLetters(t, s, want[249])
}
