package evaluate

import (
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// Rule is a detection that others publish or write by hand, to be judged beside ours on the same events.
type Rule struct {
	Name, Text string
	// New makes the judgement of one subject: of each principal or, where
	// PerResource is set, of each resource and all calls on it.
	New         func() func(detectors.Event) bool
	PerResource bool
}

// merge is within what time alarms of a rule about one subject are one incident, as ours are.
const merge = 24 * detectors.Hour

// listener hands a rule the events of its subjects.
type listener struct {
	Rule
	subjects map[detectors.Principal]func(detectors.Event) bool
	raised   map[detectors.Principal][]detectors.Time
}

// overhear is a detector that finds nothing, and has the rules judge what it is handed.
func overhear(scope detectors.Scope, rules []*listener) *detectors.Detector {
	return detectors.New(detectors.Description{ID: "overhear-" + scope.String(), Scope: scope},
		func(before *detectors.Profile, e detectors.Event, _ *struct{}) (detectors.Finding, bool) {
			for _, l := range rules {
				l.hear(before.Principal, e)
			}
			return detectors.Finding{}, false
		})
}

// hear has the rule judge an event of a principal, or of its resource.
func (l *listener) hear(p detectors.Principal, e detectors.Event) {
	if _, act := e.(*detectors.Act); act || l.PerResource {
		p = detectors.Principal{Kind: detectors.ResourcePrincipal, ID: p.Resource, Resource: p.Resource}
	}
	if l.subjects == nil {
		l.subjects, l.raised = map[detectors.Principal]func(detectors.Event) bool{}, map[detectors.Principal][]detectors.Time{}
	}
	judge := l.subjects[p]
	if judge == nil {
		judge = l.New()
		l.subjects[p] = judge
	}
	if judge(e) {
		l.raised[p] = append(l.raised[p], e.When())
	}
}

// alarms is what the rule raised, merged.
func (l *listener) alarms() []Alarm {
	var all []Alarm
	for p, times := range l.raised {
		slices.Sort(times)
		for i, at := range times {
			if i == 0 || at-times[i-1] >= merge {
				all = append(all, Alarm{Principal: p, At: at, First: at})
			}
			all[len(all)-1].Last = at
		}
	}
	slices.SortFunc(all, func(a, b Alarm) int { return compareAlarms(&a, &b) })
	return all
}
