package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSimulate_says_what_an_analyst_had_named: the command that is printed finds what needs a decoy and a watched network.
func TestSimulate_says_what_an_analyst_had_named(t *testing.T) {
	logs := filepath.Join(t.TempDir(), "logs")
	_, told := said(t, 0, "simulate", "--days", "8", "--principals", "20", "--campaign", "bait:slow@6", "--campaign", "comeback:slow@6", logs)
	_, hint, found := strings.Cut(told, "keywarden backtest ")
	if !found {
		t.Fatalf("nothing of backtest in:\n%s", told)
	}
	changes, _ := said(t, 0, append([]string{"backtest", "--format", "jsonl"}, strings.Fields(hint)...)...)
	for _, detector := range []string{"decoy-key", "watchlist"} {
		if !strings.Contains(changes, detector) {
			t.Errorf("%s gains nothing:\n%s", detector, changes)
		}
	}

	_, told = said(t, 0, "simulate", "--days", "2", "--principals", "10", "--campaign", "none", filepath.Join(t.TempDir(), "quiet"))
	if strings.Contains(told, "backtest") {
		t.Errorf("without anything named:\n%s", told)
	}
}
