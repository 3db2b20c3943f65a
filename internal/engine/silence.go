package engine

import (
	"cmp"
	"maps"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// awaited are resources whose silence would be noticed, and at which pulse of
// the log that is.
type awaited map[string]detectors.Time

// mostAwaited is how many are saved: those that are due first.
const mostAwaited = 1000

// set notes when the silence of a resource is due.
func (a awaited) set(r *resource) {
	if due := r.missed(); due != 0 {
		a[r.id] = due
	}
}

// list is all that are awaited, in memory or not.
func (w *worker) list() awaited {
	all := maps.Clone(w.awaited)
	for _, r := range w.resources {
		all.set(r)
	}
	if len(all) > mostAwaited {
		byDue := slices.SortedFunc(maps.Keys(all), func(x, y string) int { return cmp.Or(cmp.Compare(all[x], all[y]), cmp.Compare(x, y)) })
		for _, id := range byDue[mostAwaited:] {
			delete(all, id)
		}
	}
	return all
}

// missed is the pulse of the log at which the resource's silence, or what does
// not come back, is judged; 0 where nothing is missed.
func (r *resource) missed() detectors.Time {
	_, due := r.itself.profile.Awaited()
	return due
}

// listen judges the silence of the resource, if it is due at the pulse of the
// log. The time of its tick follows from the resource's own events: so it is the
// same whenever the pulse is looked at before the resource's next event.
func (r *resource) listen(clock detectors.Time) {
	if r.assembling() {
		return
	}
	p := &r.itself.profile
	for tick, due := p.Awaited(); due != 0 && due <= r.pulse; tick, due = p.Awaited() {
		r.judge(r.itself, tick, clock)
	}
}
