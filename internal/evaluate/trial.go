package evaluate

import (
	"context"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Trial is a run of simulated life with campaigns in it, and what was said of it.
type Trial struct {
	Truth     simulate.Truth
	Calls     [][]detectors.Time // of each campaign's logged calls and acts, ascending
	Incidents []*incident.Incident
	Sayings   []Saying           // every finding, in the order of the log
	Rules     map[string][]Alarm // of the rules that are judged beside, by their names
	Days      int                // principal-days: days with an event of a principal or a resource, from the second of its life on
	Months    float64            // principal-months of 30 days
	Events    int                // delivered

	joint map[string]bool // detectors whose incidents are about several principals
}

// Saying is a finding and whom it is about.
type Saying struct {
	Principal detectors.Principal
	Detector  *detectors.Detector
	Finding   detectors.Finding
}

// Alarm is what counts as one incident of a rule, or of a fusion.
type Alarm struct {
	Principal   detectors.Principal
	Principals  []detectors.Principal // all that it is about, Principal among them; nil where there is no other
	At          detectors.Time        // when it was raised
	First, Last detectors.Time        // event concerned
	Risk        float64
	Title       string // of the incident; "" of a rule's
	Archetype   string // of the principal; "" where nobody simulated it as such
}

// Try simulates a run and judges it by the engine's detectors, as the analyst's commands
// before the run have it, and by the rules.
// It fails with the context's error where that ends.
func Try(ctx context.Context, c engine.Config, options simulate.Options, rules ...Rule) (*Trial, error) {
	t := &Trial{Rules: map[string][]Alarm{}, joint: map[string]bool{}}
	listeners := make([]*listener, len(rules))
	for i, rule := range rules {
		listeners[i] = listen(rule)
	}
	days := calendar{}
	judges := c.Detectors
	c.Detectors = []*detectors.Detector{
		days.keep(detectors.PerPrincipal), days.keep(detectors.PerResource),
		overhear(detectors.PerPrincipal, listeners), overhear(detectors.PerResource, listeners),
	}
	for _, d := range judges {
		t.joint[d.ID] = d.Scope == detectors.PerOperator
		c.Detectors = append(c.Detectors, d.Wrap(t.note(d)))
	}
	c.Store = engine.NewMemory()
	e, err := engine.New(c)
	if err != nil {
		return nil, err
	}
	said, err := options.Commands()
	if err != nil {
		return nil, err
	}
	fold := e.NewFold()
	for i := range said {
		fold.Obey(&said[i])
	}
	seen := map[call]bool{}
	t.Calls = make([][]detectors.Time, len(options.Campaigns))
	t.Truth, err = simulate.Generate(options, func(d simulate.Delivery) error {
		if t.Events++; t.Events&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if d.Campaign >= 0 {
			t.book(&d, seen)
		}
		fold.Take(&d.Fragment, d.At)
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.Incidents = fold.Incidents()
	for i := range t.Calls {
		slices.Sort(t.Calls[i])
	}
	for _, l := range listeners {
		t.Rules[l.Name] = l.alarms()
	}
	t.Days = days.count()
	t.Months = float64(len(t.Truth.Principals)) * monthsOf(options)
	return t, nil
}

// monthsOf is how long a run watches each principal, in months of 30 days.
func monthsOf(options simulate.Options) float64 { return float64(max(options.Days, 1)) / 30 }

// call sets one call of a campaign apart from the others.
type call struct {
	campaign    int
	correlation [16]byte
}

// book keeps the time of a campaign's call, once.
func (t *Trial) book(d *simulate.Delivery, seen map[call]bool) {
	f := &d.Fragment
	key := call{d.Campaign, f.Correlation}
	switch {
	case f.Act != nil && !seen[key]:
		t.Calls[d.Campaign] = append(t.Calls[d.Campaign], f.Act.Time)
	case f.Act != nil || f.Continued || f.Call.Operation == "" || f.Call.Time == 0 || seen[key]:
		return
	default:
		t.Calls[d.Campaign] = append(t.Calls[d.Campaign], f.Call.Time)
	}
	seen[key] = true
}

// note is a review of d's findings that only listens.
func (t *Trial) note(d *detectors.Detector) func(*detectors.Profile, detectors.Event, detectors.Finding, bool) (detectors.Finding, bool) {
	return func(before *detectors.Profile, _ detectors.Event, f detectors.Finding, found bool) (detectors.Finding, bool) {
		if found {
			t.Sayings = append(t.Sayings, Saying{before.Principal, d, f})
		}
		return f, found
	}
}

// calendar has the days of every principal, and whether they are after its first.
type calendar map[principalDay]bool

// keep is a detector that finds nothing and notes the day.
func (c calendar) keep(scope detectors.Scope) *detectors.Detector {
	return detectors.New(detectors.Description{ID: "calendar-" + scope.String(), Scope: scope},
		func(before *detectors.Profile, e detectors.Event, _ *struct{}) (detectors.Finding, bool) {
			if _, tick := e.(detectors.Tick); tick {
				return detectors.Finding{}, false // time passes for those too who do nothing
			}
			key := principalDay{before.Principal, e.When() / detectors.Day}
			if _, met := c[key]; !met {
				c[key] = before.Age(e.When()) > 0
			}
			return detectors.Finding{}, false
		})
}

func (c calendar) count() int {
	n := 0
	for _, counts := range c {
		if counts {
			n++
		}
	}
	return n
}

// Fuse is the incidents that the findings of a trial make when those of some
// detectors are left out. What was learned, and what an open incident kept
// from being learned, stays as it was when all spoke; so do the incidents about
// several principals, as a whole.
func (t *Trial) Fuse(without func(detector string) bool) []*incident.Incident {
	episodes := map[detectors.Principal]*incident.Episode{}
	var order []*incident.Episode
	for i := range t.Sayings {
		s := &t.Sayings[i]
		if without(s.Detector.ID) || s.Detector.Scope == detectors.PerOperator {
			continue
		}
		e := episodes[s.Principal]
		if e == nil {
			e = &incident.Episode{}
			episodes[s.Principal] = e
			order = append(order, e)
		}
		e.Add(s.Principal, s.Detector, s.Finding)
	}
	var all []*incident.Incident
	for _, e := range order {
		all = append(all, e.Take()...)
	}
	for _, i := range t.Incidents {
		if !slices.ContainsFunc(i.Findings, func(f incident.Finding) bool { return !t.joint[f.Detector] || without(f.Detector) }) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, incident.Compare)
	return all
}

// Alarms are the incidents of a severity or above.
func Alarms(incidents []*incident.Incident, least detectors.Severity) []Alarm {
	return alarms(incidents, func(i *incident.Incident) bool { return i.Severity >= least })
}

// alarms are the incidents that are loud.
func alarms(incidents []*incident.Incident, loud func(*incident.Incident) bool) []Alarm {
	var all []Alarm
	for _, i := range incidents {
		if loud(i) {
			all = append(all, Alarm{Principal: i.Principal, Principals: i.Principals, At: i.OpenedAt, First: i.FirstSeen, Last: i.LastSeen, Risk: i.Risk, Title: i.Title})
		}
	}
	return all
}
