package evaluate

import (
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Score is how a set of alarms did on trials.
type Score struct {
	Outcomes  []Outcome
	Alarms    int                // all, false ones too
	False     []Alarm            // that no campaign explains
	Months    float64            // principal-months
	Residents map[string]float64 // principal-months of each archetype
}

// Outcome is what became of one campaign.
type Outcome struct {
	Trial    int
	Campaign simulate.CampaignTruth
	Victim   string // archetype of the first principal; "" where it has none
	Found    bool
	Open     bool           // a true alarm about its victim was open when it began: it counts as found at once
	Delay    detectors.Time // from its first call until the alarm was raised; only where found
	Calls    int            // of the campaign until then, the one that raised it included
	Risk     float64        // of the strongest alarm about it
}

// grace is how long after a campaign's last call an alarm may still be about
// it: what is counted by the hour is known when the hour is over.
const grace = detectors.Hour

// Judge compares alarms with what really happened. A campaign is found by an
// alarm on a principal that it attacked, or on the resource of one, that was
// raised after its first call and whose events overlap it. An alarm that finds
// no campaign is false, unless it is about an identity with which a gateway passed
// the campaign's calls on; one that has found a campaign, and is not over when the
// next begins on the same victim, has found that one at once.
func (t *Trial) Judge(alarms []Alarm) Score {
	s := Score{Months: t.Months, Alarms: len(alarms), Residents: map[string]float64{}}
	archetypes := map[detectors.Principal]string{}
	for _, p := range t.Truth.Principals {
		archetypes[p.Principal] = p.Archetype
		s.Residents[p.Archetype] += t.Months / float64(len(t.Truth.Principals))
	}
	explained := make([]bool, len(alarms))
	for i := range t.Truth.Campaigns {
		c := &t.Truth.Campaigns[i]
		if c.Calls+c.Acts == 0 {
			continue // nothing of it is in any log
		}
		o := Outcome{Campaign: *c, Victim: archetypes[c.Principals[0]]}
		for j := range alarms {
			a := &alarms[j]
			if a.At < c.FirstCall {
				continue
			}
			if !concerns(a, c) {
				explained[j] = explained[j] || overlaps(a, c) && slices.Contains(c.Echoes, a.Principal)
				continue
			}
			explained[j] = true
			if delay := a.At - c.FirstCall; !o.Found || delay < o.Delay {
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
	for j := range alarms {
		a := &alarms[j]
		if !explained[j] {
			a := *a
			a.Archetype = archetypes[a.Principal]
			s.False = append(s.False, a)
			continue
		}
		for i := range s.Outcomes {
			if o := &s.Outcomes[i]; a.At < o.Campaign.FirstCall && concerns(a, &o.Campaign) {
				o.Found, o.Open, o.Delay, o.Calls, o.Risk = true, true, 0, 1, max(o.Risk, a.Risk)
			}
		}
	}
	return s
}

// overlaps reports whether an alarm's events overlap a campaign.
func overlaps(a *Alarm, c *simulate.CampaignTruth) bool {
	return a.Last >= c.FirstCall && a.First <= c.LastCall+grace
}

// concerns reports whether an alarm's events overlap a campaign, and are about a victim of it.
func concerns(a *Alarm, c *simulate.CampaignTruth) bool {
	if !overlaps(a, c) {
		return false
	}
	for _, victim := range c.Principals {
		if About(a.Principal, victim) {
			return true
		}
		for _, p := range a.Principals {
			if About(p, victim) {
				return true
			}
		}
	}
	return false
}

// About reports whether what is said of p is said of a victim, too: what is done
// to an account and what its keys do are told of one another.
func About(p, victim detectors.Principal) bool {
	return p == victim || p.Resource == victim.Resource && p.Resource != "" &&
		(p.Kind == detectors.ResourcePrincipal || victim.Kind == detectors.ResourcePrincipal && p.Kind == detectors.AccountKey)
}

// Add takes in the score of a further trial.
func (s *Score) Add(o Score, trial int) {
	for _, outcome := range o.Outcomes {
		outcome.Trial = trial
		s.Outcomes = append(s.Outcomes, outcome)
	}
	s.Alarms += o.Alarms
	s.False = append(s.False, o.False...)
	s.Months += o.Months
	if s.Residents == nil {
		s.Residents = map[string]float64{}
	}
	for archetype, months := range o.Residents {
		s.Residents[archetype] += months
	}
}

// Where is the score of those campaigns alone that match; of false alarms it knows nothing.
func (s *Score) Where(match func(*Outcome) bool) Score {
	var some Score
	for i := range s.Outcomes {
		if match(&s.Outcomes[i]) {
			some.Outcomes = append(some.Outcomes, s.Outcomes[i])
		}
	}
	return some
}

// Found is how many campaigns were found.
func (s *Score) Found() int {
	found := 0
	for i := range s.Outcomes {
		if s.Outcomes[i].Found {
			found++
		}
	}
	return found
}

// Recall is the share of campaigns that were found, with its interval.
func (s *Score) Recall() Interval { return WilsonInterval(s.Found(), len(s.Outcomes)) }

// Precision is the share of alarms that found a campaign, with its interval.
func (s *Score) Precision() Interval { return WilsonInterval(s.Alarms-len(s.False), s.Alarms) }

// FalseRate is the false alarms per principal-month, with its interval.
func (s *Score) FalseRate() Interval { return PoissonInterval(len(s.False), s.Months) }

// Median is the delay within which half of all campaigns were called, and the
// calls until then; ok is false where fewer than half were found.
func (s *Score) Median() (delay detectors.Time, calls int, ok bool) {
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

// Prompt is how many campaigns were called within a time or a number of calls.
func (s *Score) Prompt(within detectors.Time, calls int) int {
	n := 0
	for i := range s.Outcomes {
		if o := &s.Outcomes[i]; o.Found && (o.Delay <= within || o.Calls <= calls) {
			n++
		}
	}
	return n
}
