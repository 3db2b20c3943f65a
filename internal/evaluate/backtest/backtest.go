// Package backtest says what a change of settings would have gained and lost on
// a log that was judged twice, with the settings of today and with changed ones.
package backtest

import (
	"cmp"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// Kind is what becomes of an incident.
type Kind string

// Kinds of change, in the order in which they matter.
const (
	Vanishes Kind = "vanishes" // it no longer counts
	Falls    Kind = "falls"    // it is less severe
	Later    Kind = "later"    // it is raised later, and as severe
	Rises    Kind = "rises"    // it is more severe
	Earlier  Kind = "earlier"  // it is raised earlier, and as severe
	Appears  Kind = "appears"  // it counts, and did not
)

// Change is what becomes of one incident.
type Change struct {
	Kind         Kind               `json:"change"`
	TruePositive bool               `json:"truePositive"` // it is known to be one
	Before       *incident.Incident `json:"before"`       // as it is today; nil where there is none
	After        *incident.Incident `json:"after"`        // as it would be, also where it would not count; nil where there would be none
}

// now is the incident as it is today, or would be.
func (c *Change) now() *incident.Incident {
	if c.Before != nil {
		return c.Before
	}
	return c.After
}

// severity is the highest of the two.
func (c *Change) severity() detectors.Severity {
	most := detectors.Info
	for _, i := range []*incident.Incident{c.Before, c.After} {
		if i != nil {
			most = max(most, i.Severity)
		}
	}
	return most
}

// Result is what a change of settings would have done.
type Result struct {
	Changes   []Change // known true positives first, then by severity, then by kind
	Before    int      // incidents that count today
	After     int      // that would count
	Known     int      // true positives that are known
	Unseen    int      // of them, those that have incidents, none of which counts today or would
	Unmatched []string // and those that have no incident at all, by what they were known by
}

// Run is what one judging of the log found, and from which severity on an incident counts.
type Run struct {
	Incidents []*incident.Incident
	Least     detectors.Severity
}

// counts are the incidents that count.
func (r *Run) counts(i *incident.Incident) bool { return i != nil && i.Severity >= r.Least }

// moved is by how much an incident is raised later or earlier to be told.
const moved = detectors.Minute

// Compare says what becomes of each incident. Those of the two runs are the
// same where they have the same id; else where they are about the same
// principal and overlap, since a finding that is no longer made may have been
// the first of its incident.
func Compare(before, after Run, truth Truth) Result {
	r := Result{Known: truth.len()}
	partners := pair(before.Incidents, after.Incidents)
	taken := map[*incident.Incident]bool{}
	matched, seen := map[*known]bool{}, map[*known]bool{}
	add := func(b, a *incident.Incident) {
		for _, i := range []*incident.Incident{b, a} {
			truth.mark(i, matched)
			if before.counts(i) && i == b || after.counts(i) && i == a {
				truth.mark(i, seen)
			}
		}
		if kind := becomes(b, a, before.counts(b), after.counts(a)); kind != "" {
			r.Changes = append(r.Changes, Change{kind, truth.About(b) || truth.About(a), b, a})
		}
	}
	for _, b := range before.Incidents {
		a := partners[b]
		if taken[a] = true; before.counts(b) {
			r.Before++
		}
		add(b, a)
	}
	for _, a := range after.Incidents {
		if after.counts(a) {
			r.After++
		}
		if !taken[a] {
			add(nil, a)
		}
	}
	r.Unseen = len(matched) - len(seen)
	r.Unmatched = truth.besides(matched)
	slices.SortStableFunc(r.Changes, compare)
	return r
}

// becomes is what becomes of an incident; "" where that is nothing of note.
func becomes(b, a *incident.Incident, counted, counts bool) Kind {
	switch {
	case counted && !counts:
		return Vanishes
	case !counted && counts:
		return Appears
	case !counted:
		return ""
	case a.Severity < b.Severity:
		return Falls
	case a.Severity > b.Severity:
		return Rises
	case a.OpenedAt >= b.OpenedAt+moved:
		return Later
	case a.OpenedAt <= b.OpenedAt-moved:
		return Earlier
	}
	return ""
}

// pair finds for each incident of a run the one that it is in the other.
func pair(before, after []*incident.Incident) map[*incident.Incident]*incident.Incident {
	byID := map[string]*incident.Incident{}
	byPrincipal := map[detectors.Principal][]*incident.Incident{}
	for _, a := range after {
		byID[a.ID] = a
		byPrincipal[a.Principal] = append(byPrincipal[a.Principal], a)
	}
	pairs := map[*incident.Incident]*incident.Incident{}
	taken := map[*incident.Incident]bool{}
	for _, b := range before {
		if a := byID[b.ID]; a != nil {
			pairs[b], taken[a] = a, true
		}
	}
	for _, b := range before {
		if pairs[b] != nil {
			continue
		}
		for _, a := range byPrincipal[b.Principal] {
			if !taken[a] && a.FirstSeen <= b.LastSeen && b.FirstSeen <= a.LastSeen {
				pairs[b], taken[a] = a, true
				break
			}
		}
	}
	return pairs
}

// order is of the kinds.
var order = []Kind{Vanishes, Falls, Later, Rises, Earlier, Appears}

func compare(a, b Change) int {
	return cmp.Or(
		-compareBool(a.TruePositive, b.TruePositive),
		cmp.Compare(b.severity(), a.severity()),
		cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
		incident.Compare(a.now(), b.now()),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Count is how many changes there are of a kind, and how many of them are of
// known true positives.
func (r *Result) Count(kind Kind) (all, true int) {
	for i := range r.Changes {
		if c := &r.Changes[i]; c.Kind == kind {
			all++
			if c.TruePositive {
				true++
			}
		}
	}
	return all, true
}

// Kinds are the kinds of change in the order in which they matter.
func Kinds() []Kind { return slices.Clone(order) }
