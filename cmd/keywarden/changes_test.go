package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/evaluate/backtest"
)

// ofKind is so many changes of a kind, of which some are of known true positives.
func ofKind(kind backtest.Kind, all, known int) []backtest.Change {
	changes := make([]backtest.Change, all)
	for i := range changes {
		changes[i] = backtest.Change{Kind: kind, TruePositive: i < known}
	}
	return changes
}

func ofEachKind(n, known int) (all []backtest.Change) {
	for _, kind := range backtest.Kinds() {
		all = append(all, ofKind(kind, n, known)...)
	}
	return all
}

func TestSummaryOf(t *testing.T) {
	for name, test := range map[string]struct {
		result backtest.Result
		want   string
	}{
		"nothing": {backtest.Result{Before: 1, After: 1}, "1 incident counts today, 1 with the change. Nothing changes.\n"},
		"one of each": {
			backtest.Result{Before: 2, After: 2, Changes: ofEachKind(1, 0)},
			"2 incidents count today, 2 with the change. 1 vanishes. 1 falls in severity. 1 is raised later. 1 rises in severity. 1 is raised earlier. 1 appears.\n",
		},
		"two of each": {
			backtest.Result{Changes: ofEachKind(2, 0)},
			"0 incidents count today, 0 with the change. 2 vanish. 2 fall in severity. 2 are raised later. 2 rise in severity. 2 are raised earlier. 2 appear.\n",
		},
		"a known one": {
			backtest.Result{Before: 1, Known: 1, Changes: ofKind(backtest.Vanishes, 1, 1)},
			"1 incident counts today, 0 with the change. 1 vanishes (a known true positive).\n1 true positive is known: 1 has an incident that counts today or with the change.\n",
		},
		"one of three is known": {
			backtest.Result{Before: 3, Known: 2, Unseen: 1, Changes: ofKind(backtest.Vanishes, 3, 1)},
			"3 incidents count today, 0 with the change. 3 vanish (1 of them a known true positive).\n2 true positives are known: 1 has an incident that counts today or with the change, 1 has one that is not severe enough to count either way.\n",
		},
		"two of three are known": {
			backtest.Result{Before: 3, Known: 6, Unseen: 2, Unmatched: []string{"line 1: a", "line 2: b"}, Changes: ofKind(backtest.Vanishes, 3, 2)},
			"3 incidents count today, 0 with the change. 3 vanish (2 of them known true positives).\n6 true positives are known: 2 have an incident that counts today or with the change, 2 have one that is not severe enough to count either way, 2 match no incident.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(test.want, summaryOf(&test.result)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestWarnOfUnmatched(t *testing.T) {
	var out bytes.Buffer
	warnOfUnmatched(&out, &backtest.Result{})
	if out.Len() > 0 {
		t.Errorf("of nothing: %s", &out)
	}
	warnOfUnmatched(&out, &backtest.Result{Unmatched: []string{"line 1: a", "verdict: b"}})
	if d := cmp.Diff("2 known true positives match no incident, today or with the change. They may be mistyped, of another log, or never found:\n  line 1: a\n  verdict: b\n", out.String()); d != "" {
		t.Error(d)
	}
}
