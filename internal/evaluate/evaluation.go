package evaluate

import (
	"context"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// Evaluation is what the trials of a suite say of the product, and of the rules beside it.
type Evaluation struct {
	Suite    Suite
	Events   int       // delivered
	Own      Score     // of the incidents of medium severity and above
	Rules    []Ruled   // in the order that they were given, then each group together
	Ablation []Ablated // a detector each, the one that is missed most first
	Line     []Point   // the risk from which on incidents would count, ascending
}

// Ruled is how a rule, or all of a group, did.
type Ruled struct {
	Rule // of a group: without New
	Score
}

// Ablated is what changes when one detector is left out.
type Ablated struct {
	Detector string
	Lost     []Outcome // campaigns that only it makes an incident of
	Later    []Outcome // campaigns that are called later without it, as they are with it
	False    int       // incidents that are false and that it alone raises; negative where it keeps some away
	Prompt   int       // campaigns that are called within PromptTime or PromptCalls thanks to it
}

// Adds reports whether the detector is missed at all.
func (a *Ablated) Adds() bool { return len(a.Lost)+len(a.Later) > 0 }

// Point is how the product would do if incidents counted from a risk on, whatever their severity.
type Point struct {
	Risk             float64
	Found, Campaigns int
	Alarms, False    int
	Months           float64
}

// What a SOC wants of a campaign: to be called before much has happened.
const (
	PromptTime  = 5 * detectors.Minute
	PromptCalls = 10
)

// Run is the suite's evaluation.
func Run(ctx context.Context, c engine.Config, s Suite, rules ...Rule) (*Evaluation, error) {
	trials, err := s.Run(ctx, c, rules...)
	if err != nil {
		return nil, err
	}
	e := &Evaluation{Suite: s}
	for i, t := range trials {
		e.Events += t.Events
		e.Own.Add(t.Judge(Alarms(t.Incidents, detectors.Medium)), i)
	}
	e.Rules = ruled(trials, rules)
	e.Ablation = ablate(trials, c.Detectors)
	e.Line = line(trials)
	return e, nil
}

// scored is the score of what raise makes of each trial.
func scored(trials []*Trial, raise func(*Trial) []Alarm) Score {
	var s Score
	for i, t := range trials {
		s.Add(t.Judge(raise(t)), i)
	}
	return s
}

// perDay is scored, where the false alarms about one subject on one day are one.
func perDay(trials []*Trial, raise func(*Trial) []Alarm) Score {
	var s Score
	for i, t := range trials {
		one := t.Judge(raise(t))
		kept := daily(one.False)
		one.Alarms -= len(one.False) - len(kept)
		one.False = kept
		s.Add(one, i)
	}
	return s
}

// ruled is how the rules did, each and by groups.
func ruled(trials []*Trial, rules []Rule) []Ruled {
	var all []Ruled
	var groups []string
	for _, r := range rules {
		all = append(all, Ruled{r, perDay(trials, func(t *Trial) []Alarm { return t.Rules[r.Name] })})
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	for _, group := range groups {
		together := perDay(trials, func(t *Trial) []Alarm {
			var alarms [][]Alarm
			for _, r := range rules {
				if r.Group == group {
					alarms = append(alarms, t.Rules[r.Name])
				}
			}
			return Together(alarms...)
		})
		all = append(all, Ruled{Rule{Name: "all " + group + " rules", Text: "any of them", Group: group}, together})
	}
	return all
}

// ablate leaves out each detector in turn.
func ablate(trials []*Trial, judges []*detectors.Detector) []Ablated {
	without := func(id string) Score {
		return scored(trials, func(t *Trial) []Alarm {
			return Alarms(t.Fuse(func(detector string) bool { return detector == id }), detectors.Medium)
		})
	}
	whole := without("")
	all := make([]Ablated, len(judges))
	for i, d := range judges {
		left := without(d.ID)
		a := Ablated{Detector: d.ID, False: len(whole.False) - len(left.False), Prompt: whole.Prompt(PromptTime, PromptCalls) - left.Prompt(PromptTime, PromptCalls)}
		for j, o := range whole.Outcomes {
			switch l := &left.Outcomes[j]; {
			case o.Found && !l.Found:
				a.Lost = append(a.Lost, o)
			case o.Found && l.Delay > o.Delay:
				a.Later = append(a.Later, o)
			}
		}
		all[i] = a
	}
	slices.SortStableFunc(all, func(a, b Ablated) int {
		if n := len(b.Lost) - len(a.Lost); n != 0 {
			return n
		}
		return len(b.Later) - len(a.Later)
	})
	return all
}

// lineStep is between two risks of the line, in bits.
const lineStep = 1

// line is how the product would do for each risk from the floor on, until nothing is found.
func line(trials []*Trial) []Point {
	var points []Point
	for risk := float64(incident.Floor); ; risk += lineStep {
		s := scored(trials, func(t *Trial) []Alarm {
			return alarms(t.Incidents, func(i *incident.Incident) bool { return i.Risk >= risk })
		})
		points = append(points, Point{risk, s.Found(), len(s.Outcomes), s.Alarms, len(s.False), s.Months})
		if s.Alarms == 0 {
			return points
		}
	}
}
