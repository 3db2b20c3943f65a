package evaluate_test

import (
	"math"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/evaluate/peers"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
)

// small is a suite that takes a second.
var small = evaluate.Suite{Name: "small", Seed: 31, Trials: 2, Principals: 20, Days: 8, Campaigns: 2, Kinds: []string{"storm", "low-and-slow", "tor", "theft-by-listkeys"}, Churn: 1}

func TestRun_is_deterministic(t *testing.T) {
	var runs [2]*evaluate.Evaluation
	for i := range runs {
		s := small
		s.Parallel = 1 + i
		e, err := evaluate.Run(t.Context(), config(t), s, peers.Rules()...)
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = e
	}
	same := cmp.Options{cmpopts.IgnoreFields(evaluate.Suite{}, "Parallel"), cmpopts.IgnoreFields(evaluate.Rule{}, "New"), cmpopts.EquateComparable(netip.Prefix{})}
	if d := cmp.Diff(runs[0], runs[1], same); d != "" {
		t.Errorf("two at once give other figures than one after the other:\n%s", d)
	}
	e := runs[0]
	if len(e.Own.Outcomes) != 4 || e.Own.Found() == 0 {
		t.Fatalf("%d of %d campaigns found: nothing is proved", e.Own.Found(), len(e.Own.Outcomes))
	}
	if want := len(peers.Rules()) + 2; len(e.Rules) != want {
		t.Errorf("%d rules and groups, want %d", len(e.Rules), want)
	}
	if len(e.Ablation) != len(config(t).Detectors) {
		t.Errorf("%d detectors were left out", len(e.Ablation))
	}
	for i, p := range e.Line {
		if last := i == len(e.Line)-1; i > 0 && (p.Found > e.Line[i-1].Found || p.Alarms > e.Line[i-1].Alarms) || (p.Alarms == 0) != last {
			t.Errorf("from a risk of %v on %d of %d incidents are true", p.Risk, p.Found, p.Alarms)
		}
	}
}

// TestRun_knows_what_rules_say: the campaign through Tor is what the vendor's rule about Tor finds.
func TestRun_knows_what_rules_say(t *testing.T) {
	s := small
	s.Kinds, s.Campaigns, s.Trials = []string{"tor"}, 1, 1
	e, err := evaluate.Run(t.Context(), config(t), s, peers.Rules()...)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, r := range e.Rules {
		found[r.Name] = r.Found()
	}
	if found["defender-anonymised-address"] != 1 || found["all vendor rules"] != 1 || found["elastic-model-theft"] != 0 {
		t.Errorf("%v", found)
	}
}

// TestFuse: without leaving anything out, the findings of a trial make the
// incidents that the engine made of them; without any, none.
func TestFuse(t *testing.T) {
	s := small
	s.Kinds = []string{"storm", "spray"}
	trial, err := evaluate.Try(t.Context(), config(t), s.Options(0))
	if err != nil {
		t.Fatal(err)
	}
	type brief struct {
		Principal  detectors.Principal
		Principals []detectors.Principal
		Severity   detectors.Severity
		OpenedAt   detectors.Time
		Risk       float64
	}
	briefs := func(incidents []*incident.Incident) (all []brief, joint int) {
		for _, i := range incidents {
			all = append(all, brief{i.Principal, i.Principals, i.Severity, i.OpenedAt, i.Risk})
			if len(i.Principals) > 1 {
				joint++
			}
		}
		return all, joint
	}
	want, several := briefs(trial.Incidents)
	got, _ := briefs(trial.Fuse(func(string) bool { return false }))
	if several == 0 {
		t.Fatal("no incident is about several principals: nothing is proved")
	}
	if _, several := briefs(trial.Fuse(func(detector string) bool { return detector == "operator" })); several != 0 {
		t.Errorf("without the operator's detector %d incidents are about several principals", several)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if none := trial.Fuse(func(string) bool { return true }); none != nil {
		t.Errorf("%d incidents of no finding", len(none))
	}
}

// TestRun_on_rhythms runs real clients' rhythms as a background.
func TestRun_on_rhythms(t *testing.T) {
	rhythms := make([]simulate.Rhythm, 20)
	for i := range rhythms {
		rhythms[i] = make(simulate.Rhythm, 8*144)
		for at := range rhythms[i] {
			rhythms[i][at] = (at + i) % 7 % 3
		}
	}
	s := small.Over(rhythms)
	s.Campaigns = 1
	e, err := evaluate.Run(t.Context(), config(t), s)
	if err != nil {
		t.Fatal(err)
	}
	if e.Events < 20*8*144/2 || len(e.Own.Outcomes) != 1 {
		t.Errorf("%d events and %d campaigns", e.Events, len(e.Own.Outcomes))
	}
}

func TestSweep(t *testing.T) {
	sweep := evaluate.Sweep{Seed: 61, Principals: 10, Days: 10, Churns: []float64{.5, 3}, Parallel: 2}
	p, err := sweep.Run(t.Context(), config(t))
	if err != nil {
		t.Fatal(err)
	}
	if p.Days < 2*10*6 || p.Days > 2*40*10 {
		t.Errorf("%d principal-days", p.Days)
	}
	if len(p.Incidents) != 2 || p.Incidents[1].Churn != 3 || math.Abs(p.Incidents[0].Months-10./3) > 1e-9 {
		t.Errorf("%+v", p.Incidents)
	}
	spoke := 0
	for _, r := range p.Realised {
		for b := 1; b < len(r.Days); b++ {
			if r.Days[b] > r.Days[b-1] {
				t.Errorf("%s: %v rises", r.Detector, r.Days)
			}
		}
		spoke += r.Days[3]
	}
	if spoke == 0 {
		t.Error("no detector said anything")
	}
}

func TestBroken(t *testing.T) {
	p := &evaluate.Promise{Days: 4096}
	for name, test := range map[string]struct {
		days []int
		want int
	}{
		"as_promised":               {[]int{4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1}, 0},
		"silent":                    {make([]int, 13), 0},
		"within_the_samples_error":  {[]int{4096, 2048, 1024, 512, 256, 128, 70, 40, 20, 10, 5, 2, 1}, 0},
		"twice_too_loud_from_six":   {[]int{4096, 2048, 1024, 512, 256, 128, 128, 32, 16, 8, 4, 2, 1}, 6},
		"loud_where_few_should_say": {[]int{4096, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			if got := p.Broken(&evaluate.Realised{Days: test.days}); got != test.want {
				t.Errorf("broken from %d bits, want %d", got, test.want)
			}
		})
	}
}

// TestTry_obeys_the_analyst: a decoy and a watched network that a campaign runs into were named before.
func TestTry_obeys_the_analyst(t *testing.T) {
	s := small
	s.Kinds = []string{"bait", "comeback"}
	options := s.Options(0)
	for i := range options.Campaigns {
		options.Campaigns[i].Strength = simulate.Slow
	}
	trial, err := evaluate.Try(t.Context(), config(t), options)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]int{"decoy-key": 0, "watchlist": 1}, saidOf(trial, "decoy-key", "watchlist")); d != "" {
		t.Error(d)
	}
	score := trial.Judge(evaluate.Alarms(trial.Incidents, detectors.Medium))
	if got := score.Found(); got != 2 {
		t.Errorf("%d of both campaigns found", got)
	}
}

// saidOf is, by detector, the place of the campaign whose victims it spoke of.
func saidOf(trial *evaluate.Trial, ids ...string) map[string]int {
	said := map[string]int{}
	for _, x := range trial.Sayings {
		for i, c := range trial.Truth.Campaigns {
			if slices.Contains(ids, x.Detector.ID) && slices.Contains(c.Principals, x.Principal) {
				said[x.Detector.ID] = i
			}
		}
	}
	return said
}
