package evaluate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/simulate"
)

// TestSuites: what is reported on has not been tuned on, and every kind of campaign occurs in every strength.
func TestSuites(t *testing.T) {
	seeds := map[uint64]string{}
	take := func(name string, from uint64, n int) {
		for seed := from; seed < from+uint64(n); seed++ {
			if seed <= 1000 || seeds[seed] != "" {
				t.Errorf("seed %d is of %s, and of %q or the calibration", seed, name, seeds[seed])
			}
			seeds[seed] = name
		}
	}
	rhythms := []simulate.Rhythm{{1}}
	for _, s := range []Suite{Tuning, Reporting, Tuning.Over(rhythms), Reporting.Over(rhythms)} {
		take(s.Name, s.Seed, s.Trials)
	}
	take("benign", Benign.Seed, len(Benign.Churns))

	type sort struct {
		kind     string
		strength simulate.Strength
	}
	met := map[sort]int{}
	for i := range Reporting.Trials {
		o := Reporting.Options(i)
		if d := cmp.Diff(o, Reporting.Options(i)); d != "" {
			t.Errorf("trial %d differs from itself: %s", i, d)
		}
		for _, c := range o.Campaigns {
			met[sort{c.Kind, c.Strength}]++
			if c.Day < o.Days/2 || c.Day > o.Days-3 {
				t.Errorf("trial %d has a campaign on day %d", i, c.Day)
			}
		}
	}
	for _, kind := range simulate.Kinds() {
		for _, strength := range strengths {
			if met[sort{kind, strength}] == 0 {
				t.Errorf("no %s campaign is %s", kind, strength)
			}
		}
	}
	if err := Reporting.Check(); err != nil {
		t.Error(err)
	}
	few := Reporting
	few.Principals = 1
	if few.Check() == nil {
		t.Error("one principal is enough for all campaigns")
	}
}

// TestOver: real rhythms go with services, and with no campaign that lives by an archetype's hours.
func TestOver(t *testing.T) {
	s := Reporting.Over(make([]simulate.Rhythm, 7))
	if s.Principals != 7 || s.Mix["person"] != 0 {
		t.Errorf("%+v", s)
	}
	if _, weighed := s.Mix["backend"]; weighed {
		t.Error("backends have a weight of their own")
	}
	for _, kind := range absent {
		for _, k := range s.Kinds {
			if k == kind {
				t.Errorf("%s is among the campaigns", kind)
			}
		}
		if simulate.KindText(kind) == "" {
			t.Errorf("no campaign is called %s", kind)
		}
	}
	for _, name := range services {
		found := false
		for _, archetype := range simulate.Archetypes() {
			found = found || archetype == name
		}
		if !found {
			t.Errorf("no archetype is called %s", name)
		}
	}
}
