package evaluate

import (
	"cmp"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Score is how a set of alarms did on trials.
type Score struct {
	Outcomes []Outcome
	False    []Alarm // that no campaign explains
	Months   float64 // principal-months
}

// Outcome is what became of one campaign.
type Outcome struct {
	Trial    int
	Campaign simulate.CampaignTruth
	Victim   string // archetype of the first principal; "" where it has none
	Found    bool
	Delay    detectors.Time // from its first call until the alarm was raised; only where found
	Calls    int            // of the campaign until then, the one that raised it included
	Risk     float64        // of the strongest alarm about it
}

// Judge compares alarms with what really happened. A campaign is found by an
// alarm on a principal that it attacked, or on the resource of one, whose
// events overlap the campaign. An alarm that overlaps no campaign is false.
func (t *Trial) Judge(alarms []Alarm) Score {
	s := Score{Months: t.Months}
	archetypes := map[detectors.Principal]string{}
	for _, p := range t.Truth.Principals {
		archetypes[p.Principal] = p.Archetype
	}
	explained := make([]bool, len(alarms))
	for i := range t.Truth.Campaigns {
		c := &t.Truth.Campaigns[i]
		o := Outcome{Campaign: *c, Victim: archetypes[c.Principals[0]]}
		if c.Calls+c.Acts == 0 {
			continue // nothing of it is in any log
		}
		for j := range alarms {
			a := &alarms[j]
			if !concerns(a, c) {
				continue
			}
			explained[j] = true
			delay := max(0, a.At-c.FirstCall)
			if !o.Found || delay < o.Delay {
				o.Delay = delay
			}
			o.Found, o.Risk = true, max(o.Risk, a.Risk)
		}
		if o.Found {
			until, _ := slices.BinarySearch(t.Calls[i], c.FirstCall+o.Delay+1)
			o.Calls = max(1, until)
		}
		s.Outcomes = append(s.Outcomes, o)
	}
	for j, a := range alarms {
		if !explained[j] {
			a.Archetype = archetypes[a.Principal]
			s.False = append(s.False, a)
		}
	}
	return s
}

// concerns reports whether an alarm is about a campaign.
func concerns(a *Alarm, c *simulate.CampaignTruth) bool {
	if a.First > c.LastCall || a.Last < c.FirstCall {
		return false
	}
	for _, p := range c.Principals {
		if a.Principal == p || a.Principal.Kind == detectors.ResourcePrincipal && a.Principal.Resource == p.Resource ||
			p.Kind == detectors.ResourcePrincipal && p.Resource == a.Principal.Resource && a.Principal.Kind == detectors.AccountKey {
			return true
		}
	}
	return false
}

func compareAlarms(a, b *Alarm) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Principal.Resource, b.Principal.Resource), cmp.Compare(a.Principal.Kind, b.Principal.Kind), cmp.Compare(a.Principal.ID, b.Principal.ID))
}

// Add takes in the score of a further trial.
func (s *Score) Add(o Score, trial int) {
	for _, outcome := range o.Outcomes {
		outcome.Trial = trial
		s.Outcomes = append(s.Outcomes, outcome)
	}
	s.False = append(s.False, o.False...)
	s.Months += o.Months
}

// Found is how many campaigns were found, of those that match, and how many those are.
func (s *Score) Found(match func(*Outcome) bool) (found, all int) {
	for i := range s.Outcomes {
		if !match(&s.Outcomes[i]) {
			continue
		}
		all++
		if s.Outcomes[i].Found {
			found++
		}
	}
	return found, all
}

// FalseRate is the false alarms per principal-month, with its interval.
func (s *Score) FalseRate() Interval {
	return PoissonInterval(len(s.False), s.Months)
}

// MedianDelay is the delay within which half of all campaigns were called,
// and the calls until then; ok is false where fewer than half were found.
func (s *Score) MedianDelay() (delay detectors.Time, calls int, ok bool) {
	var delays []detectors.Time
	var counts []int
	for i := range s.Outcomes {
		if o := &s.Outcomes[i]; o.Found {
			delays, counts = append(delays, o.Delay), append(counts, o.Calls)
		}
	}
	half := (len(s.Outcomes) - 1) / 2
	if len(s.Outcomes) == 0 || half >= len(delays) {
		return 0, 0, false
	}
	slices.Sort(delays)
	slices.Sort(counts)
	return delays[half], counts[half], true
}

// Prompt is the share of campaigns that were called within a time or a number of calls.
func (s *Score) Prompt(within detectors.Time, calls int) Interval {
	n := 0
	for i := range s.Outcomes {
		if o := &s.Outcomes[i]; o.Found && (o.Delay <= within || o.Calls <= calls) {
			n++
		}
	}
	return WilsonInterval(n, len(s.Outcomes))
}
