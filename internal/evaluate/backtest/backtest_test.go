package backtest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

func principal(name string) detectors.Principal {
	return detectors.Principal{Kind: detectors.AccountKey, ID: "/" + name, Resource: "/" + name}
}

// found is an incident on an account, in an hour.
func found(id, on string, severity detectors.Severity, hour int) *incident.Incident {
	at := detectors.Time(hour) * detectors.Hour
	return &incident.Incident{ID: id, Principal: principal(on), Severity: severity, OpenedAt: at, FirstSeen: at, LastSeen: at + detectors.Hour/2}
}

// seen is a change in short: its kind, the account, and whether it is a known true positive.
func seen(r Result) (short []string) {
	for i := range r.Changes {
		c := &r.Changes[i]
		text := string(c.Kind) + " " + c.now().Principal.ID
		if c.TruePositive {
			text = "true " + text
		}
		short = append(short, text)
	}
	return short
}

func TestCompare(t *testing.T) {
	before := Run{Least: detectors.Medium, Incidents: []*incident.Incident{
		found("1", "stays", detectors.High, 1),
		found("2", "vanishes", detectors.Medium, 1),
		found("3", "known", detectors.Medium, 1),
		found("4", "falls", detectors.Critical, 1),
		found("5", "rises", detectors.Medium, 1),
		found("6", "later", detectors.High, 1),
		found("7", "earlier", detectors.High, 9),
		found("8", "low", detectors.Low, 1),
		found("9", "sinks", detectors.Critical, 1),
		found("10", "renamed", detectors.Medium, 1),
		found("11", "low-and-rises", detectors.Low, 1),
	}}
	after := Run{Least: detectors.Medium, Incidents: []*incident.Incident{
		found("1", "stays", detectors.High, 1),
		found("4", "falls", detectors.High, 1),
		found("5", "rises", detectors.Critical, 1),
		found("6", "later", detectors.High, 3),
		found("7", "earlier", detectors.High, 8),
		found("9", "sinks", detectors.Low, 1),
		found("10b", "renamed", detectors.Medium, 1),
		found("11", "low-and-rises", detectors.Medium, 1),
		found("12", "new", detectors.High, 4),
		found("13", "new-and-low", detectors.Low, 4),
	}}
	truth, err := ReadTruth(strings.NewReader("3\n8\n\nmistyped\n{\"principal\":{\"kind\":\"account-key\",\"id\":\"/nowhere\",\"resource\":\"/nowhere\"}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	truth.Learn(&detectors.Verdict{Incident: "gone", Value: detectors.VerdictTruePositive, Principal: principal("gone")})
	r := Compare(before, after, truth)
	want := []string{
		"true vanishes /known",
		"vanishes /sinks", "falls /falls", "rises /rises",
		"later /later", "earlier /earlier", "appears /new",
		"vanishes /vanishes", "appears /low-and-rises",
	}
	if d := cmp.Diff(want, seen(r)); d != "" {
		t.Error(d)
	}
	if r.Before != 9 || r.After != 8 || r.Known != 5 || r.Unseen != 1 {
		t.Errorf("%d count today, %d with the change; of %d known %d count neither way", r.Before, r.After, r.Known, r.Unseen)
	}
	if d := cmp.Diff([]string{"line 4: mistyped", "line 5: /nowhere", "verdict: gone"}, r.Unmatched); d != "" {
		t.Errorf("without an incident: %s", d)
	}
	if all, true := r.Count(Vanishes); all != 3 || true != 1 {
		t.Errorf("%d vanish, %d of them known", all, true)
	}
	if c := r.Changes[1]; c.After == nil || c.After.Severity != detectors.Low {
		t.Error("an incident that no longer counts is still there, and is not shown")
	}
}

func TestCompare_a_threshold(t *testing.T) {
	incidents := []*incident.Incident{found("1", "a", detectors.Medium, 1), found("2", "b", detectors.High, 1)}
	r := Compare(Run{incidents, detectors.Medium}, Run{incidents, detectors.High}, Truth{})
	if d := cmp.Diff([]string{"vanishes /a"}, seen(r)); d != "" {
		t.Error(d)
	}
	r = Compare(Run{incidents, detectors.High}, Run{incidents, detectors.Medium}, Truth{})
	if d := cmp.Diff([]string{"appears /a"}, seen(r)); d != "" {
		t.Error(d)
	}
}

func TestTruth(t *testing.T) {
	on := func(name string) string {
		return `{"kind":"account-key","id":"/` + name + `","resource":"/` + name + `"}`
	}
	i := found("2026-1", "a", detectors.High, 5) // from 05:00 to 05:30 of 1970-01-01
	for name, test := range map[string]struct {
		text string
		want bool
	}{
		"nothing":              {"# a comment\n\n", false},
		"its_id":               {"2026-1", true},
		"another_id":           {"2026-12", false},
		"incident":             {`{"incident":"2026-1"}`, true},
		"as_replay_prints_it":  {`{"id":"2026-1","principal":` + on("a") + `,"firstSeen":"1970-01-01T05:00:00Z","lastSeen":"1970-01-01T05:10:00Z","title":"x"}`, true},
		"principal":            {`{"principal":` + on("a") + `}`, true},
		"another_principal":    {`{"principal":` + on("b") + `}`, false},
		"the_account":          {`{"principal":{"kind":"resource","id":"/a","resource":"/a"}}`, true},
		"campaign":             {`{"id":"storm-1","principals":[` + on("b") + `,` + on("a") + `],"firstCall":"1970-01-01T05:29:00Z","lastCall":"1970-01-01T07:00:00Z"}`, true},
		"campaign_before":      {`{"id":"storm-1","principals":[` + on("a") + `],"firstCall":"1970-01-01T03:00:00Z","lastCall":"1970-01-01T04:59:00Z"}`, false},
		"campaign_after":       {`{"id":"storm-1","principals":[` + on("a") + `],"firstCall":"1970-01-01T05:31:00Z","lastCall":"1970-01-01T07:00:00Z"}`, false},
		"the_last_of_two":      {"x\n2026-1", true},
		"an_object_of_nothing": {`{"id":"2026-1"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			truth, err := ReadTruth(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := truth.About(i); got != test.want {
				t.Errorf("%v", got)
			}
		})
	}
	for name, text := range map[string]string{"two_words": "2026-1 2026-2", "broken": "{", "empty": "{}", "kind": `{"principal":{"kind":"king"}}`} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadTruth(strings.NewReader("ok\n" + text)); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("verdicts", func(t *testing.T) {
		var truth Truth
		truth.Learn(&detectors.Verdict{Incident: "2026-1", Value: detectors.VerdictBenign, Principal: i.Principal, Since: i.FirstSeen})
		if truth.About(i) {
			t.Error("what is benign is a true positive")
		}
		truth.Learn(&detectors.Verdict{Incident: "2026-0", Value: detectors.VerdictTruePositive, Principal: i.Principal, Since: i.FirstSeen})
		if !truth.About(i) || truth.About(found("x", "a", detectors.High, 9)) {
			t.Error("a verdict is of the incident that its time lies in, whatever its id has become")
		}
	})
}
