package evaluate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/simulate"
)

var (
	victim   = detectors.Principal{Kind: detectors.AccountKey, ID: "/a", Resource: "/a"}
	account  = detectors.Principal{Kind: detectors.ResourcePrincipal, ID: "/a", Resource: "/a"}
	user     = detectors.Principal{Kind: detectors.EntraObject, ID: "u", Resource: "/a"}
	stranger = detectors.Principal{Kind: detectors.AccountKey, ID: "/b", Resource: "/b"}
	operator = detectors.Principal{Kind: detectors.Operator, ID: "o"}
)

// trial has one campaign on the victim, from the second to the fourth hour: a call each ten minutes.
func trial() *Trial {
	c := simulate.CampaignTruth{ID: "storm-1", Kind: "storm", Principals: []detectors.Principal{victim}, FirstCall: 2 * detectors.Hour, LastCall: 4 * detectors.Hour, Calls: 13}
	t := &Trial{Truth: simulate.Truth{Principals: []simulate.Resident{{Principal: victim, Archetype: "backend"}, {Principal: stranger, Archetype: "person"}}}, Months: 2}
	t.Truth.Campaigns = []simulate.CampaignTruth{c}
	var calls []detectors.Time
	for at := c.FirstCall; at <= c.LastCall; at += 10 * detectors.Minute {
		calls = append(calls, at)
	}
	t.Calls = [][]detectors.Time{calls}
	return t
}

func TestJudge(t *testing.T) {
	const h = detectors.Hour
	for name, test := range map[string]struct {
		alarms  []Alarm
		found   bool
		delay   detectors.Time
		calls   int
		wrong   int
		already bool
	}{
		"nothing_said":                {},
		"on_the_victim":               {alarms: []Alarm{{Principal: victim, At: 2*h + 25*detectors.Minute, First: 2 * h, Last: 3 * h}}, found: true, delay: 25 * detectors.Minute, calls: 3},
		"with_the_first_call":         {alarms: []Alarm{{Principal: victim, At: 2 * h, First: 2 * h, Last: 2 * h}}, found: true, calls: 1},
		"the_first_of_two_counts":     {alarms: []Alarm{{Principal: victim, At: 3 * h, First: 3 * h, Last: 4 * h}, {Principal: victim, At: 2*h + 10*detectors.Minute, First: 2 * h, Last: 2 * h}}, found: true, delay: 10 * detectors.Minute, calls: 2},
		"on_the_victims_account":      {alarms: []Alarm{{Principal: account, At: 2 * h, First: 2 * h, Last: 3 * h}}, found: true, calls: 1},
		"by_an_operator":              {alarms: []Alarm{{Principal: operator, Principals: []detectors.Principal{operator, stranger, victim}, At: 2 * h, First: 2 * h, Last: 3 * h}}, found: true, calls: 1},
		"on_another_of_the_account":   {alarms: []Alarm{{Principal: user, At: 2 * h, First: 2 * h, Last: 3 * h}}, wrong: 1},
		"on_a_stranger":               {alarms: []Alarm{{Principal: stranger, At: 2 * h, First: 2 * h, Last: 3 * h}}, wrong: 1},
		"by_an_operator_of_others":    {alarms: []Alarm{{Principal: operator, Principals: []detectors.Principal{operator, stranger}, At: 2 * h, First: 2 * h, Last: 3 * h}}, wrong: 1},
		"before_it":                   {alarms: []Alarm{{Principal: victim, At: h, First: h, Last: 2*h - 1}}, wrong: 1},
		"raised_before_it_began":      {alarms: []Alarm{{Principal: victim, At: h, First: h, Last: 3 * h}}, wrong: 1},
		"within_the_hour_after":       {alarms: []Alarm{{Principal: victim, At: 4*h + h/2, First: 4*h + h/2, Last: 5 * h}}, found: true, delay: 2*h + h/2, calls: 13},
		"later_than_an_hour_after_it": {alarms: []Alarm{{Principal: victim, At: 6 * h, First: 6 * h, Last: 6 * h}}, wrong: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := trial().Judge(test.alarms)
			o := s.Outcomes[0]
			got := []any{o.Found, o.Delay, o.Calls, len(s.False), o.Open, s.Alarms, o.Victim}
			want := []any{test.found, test.delay, test.calls, test.wrong, test.already, len(test.alarms), "backend"}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("a_true_incident_is_open", func(t *testing.T) {
		tr := trial()
		second := tr.Truth.Campaigns[0]
		second.ID, second.FirstCall, second.LastCall = "tor-1", 3*h, 5*h
		tr.Truth.Campaigns = append(tr.Truth.Campaigns, second)
		tr.Calls = append(tr.Calls, []detectors.Time{3 * h, 5 * h})
		s := tr.Judge([]Alarm{{Principal: victim, At: 2*h + 1, First: 2 * h, Last: 5 * h}})
		if o := s.Outcomes[1]; !o.Found || !o.Open || o.Delay != 0 || s.Outcomes[0].Open || len(s.False) != 0 {
			t.Errorf("%+v", s)
		}
		if s := tr.Judge([]Alarm{{Principal: victim, At: 2*h + 1, First: 2 * h, Last: 3*h - 1}}); s.Outcomes[1].Found {
			t.Error("an incident that was over found a campaign")
		}
	})
	t.Run("an_echo_is_neither_false_nor_finds", func(t *testing.T) {
		tr := trial()
		tr.Truth.Campaigns[0].Echoes = []detectors.Principal{stranger}
		s := tr.Judge([]Alarm{{Principal: stranger, At: 2 * h, First: 2 * h, Last: 3 * h}, {Principal: stranger, At: 6 * h, First: 6 * h, Last: 6 * h}})
		if len(s.False) != 1 || s.False[0].At != 6*h || s.Outcomes[0].Found {
			t.Errorf("%+v", s)
		}
	})
	t.Run("what_left_no_log_is_not_judged", func(t *testing.T) {
		tr := trial()
		tr.Truth.Campaigns[0].Calls, tr.Truth.Campaigns[0].Unlogged = 0, 13
		if s := tr.Judge(nil); len(s.Outcomes) != 0 {
			t.Errorf("%+v", s.Outcomes)
		}
	})
	t.Run("false_alarms_know_their_archetype", func(t *testing.T) {
		s := trial().Judge([]Alarm{{Principal: stranger}})
		if s.False[0].Archetype != "person" || s.Residents["person"] != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestScore(t *testing.T) {
	outcome := func(found bool, delay detectors.Time, calls int) Outcome {
		return Outcome{Found: found, Delay: delay, Calls: calls}
	}
	var s Score
	s.Add(Score{Outcomes: []Outcome{outcome(true, detectors.Minute, 40), outcome(true, detectors.Hour, 3)}, Alarms: 3, False: []Alarm{{}}, Months: 4, Residents: map[string]float64{"person": 4}}, 0)
	s.Add(Score{Outcomes: []Outcome{outcome(true, 2*detectors.Hour, 99), outcome(false, 0, 0)}, Alarms: 1, Months: 6, Residents: map[string]float64{"person": 6}}, 1)
	if s.Found() != 3 || s.Recall().Estimate != .75 || s.Precision().Estimate != .75 || s.FalseRate().Estimate != .1 || s.Residents["person"] != 10 || s.Outcomes[3].Trial != 1 {
		t.Errorf("%+v", s)
	}
	if n := s.Prompt(PromptTime, PromptCalls); n != 2 {
		t.Errorf("%d were prompt, want one by its time and one by its calls", n)
	}
	if delay, calls, ok := s.Median(); delay != detectors.Hour || calls != 40 || !ok {
		t.Errorf("median %v, %d calls, %v", delay, calls, ok)
	}
	if _, _, ok := (&Score{Outcomes: []Outcome{outcome(false, 0, 0), outcome(true, 1, 1), outcome(false, 0, 0)}}).Median(); ok {
		t.Error("a median where fewer than half were found")
	}
	if some := s.Where(func(o *Outcome) bool { return o.Calls > 50 }); len(some.Outcomes) != 1 {
		t.Errorf("%+v", some)
	}
}
