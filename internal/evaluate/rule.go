package evaluate

import (
	"cmp"
	"maps"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// Rule is a detection that others publish or write by hand, to be judged beside ours on the same events.
type Rule struct {
	Name   string
	Text   string // the condition, as it is restated here
	Source string // whose it is
	Group  string // rules of a group are judged together, too

	// New makes the judgement of one subject: of each principal; where
	// PerResource is set, of each resource and all calls on it; or, where
	// Everywhere is set, of all there is. It is handed the subject's events and
	// reports whether the rule fires; acts are always the resource's.
	New         func() func(detectors.Event) bool
	PerResource bool
	Everywhere  bool
}

// A rule that fires again about the same subject raises no further alarm for a
// while, and those that are false count as one incident a day.
const (
	quiet = 10 * detectors.Minute
	merge = 24 * detectors.Hour
)

// listener hands a rule the events of its subjects.
type listener struct {
	Rule
	judges map[detectors.Principal]func(detectors.Event) bool // by subject; the zero one is everything
	raised map[detectors.Principal][]Alarm                    // by whom they are about
}

func listen(r Rule) *listener {
	return &listener{Rule: r, judges: map[detectors.Principal]func(detectors.Event) bool{}, raised: map[detectors.Principal][]Alarm{}}
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
	subject := p
	if l.Everywhere {
		subject = detectors.Principal{}
	}
	fires := l.judges[subject]
	if fires == nil {
		fires = l.New()
		l.judges[subject] = fires
	}
	if fires(e) {
		l.raised[p] = extend(l.raised[p], Alarm{Principal: p, At: e.When(), First: e.When(), Last: e.When()}, quiet)
	}
}

// extend adds an alarm to those of the same subject: to the last of them, where
// that was raised less than within before.
func extend(all []Alarm, a Alarm, within detectors.Time) []Alarm {
	if n := len(all); n > 0 && a.At-all[n-1].At < within {
		last := &all[n-1]
		last.First, last.Last = min(last.First, a.First), max(last.Last, a.Last)
		return all
	}
	return append(all, a)
}

// alarms is what the rule raised, in order.
func (l *listener) alarms() []Alarm {
	all := slices.Concat(slices.Collect(maps.Values(l.raised))...)
	slices.SortFunc(all, compareAlarms)
	return all
}

// Together is the alarms of several rules, in order.
func Together(rules ...[]Alarm) []Alarm {
	all := slices.Concat(rules...)
	slices.SortFunc(all, compareAlarms)
	return all
}

// daily is the alarms, in order, of which those about one subject within a day are one.
func daily(alarms []Alarm) []Alarm {
	subjects := map[detectors.Principal][]Alarm{}
	for _, a := range alarms {
		subjects[a.Principal] = extend(subjects[a.Principal], a, merge)
	}
	merged := slices.Concat(slices.Collect(maps.Values(subjects))...)
	slices.SortFunc(merged, compareAlarms)
	return merged
}

func compareAlarms(a, b Alarm) int {
	return cmp.Or(cmp.Compare(a.At, b.At), comparePrincipals(a.Principal, b.Principal))
}

func comparePrincipals(a, b detectors.Principal) int {
	return cmp.Or(cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}
