package engine

import (
	"maps"

	"github.com/keywarden/keywarden/detectors"
)

// Rules are what commands have said so far that is still in force, since when
// the log is watched, and where the tenant is at home. They are never changed, only replaced. The zero
// Rules say nothing.
type Rules struct {
	Since      detectors.Time                 `json:"since,omitempty"`      // the log's clock at its first record; zero before it
	Exceptions map[string]detectors.Exception `json:"exceptions,omitempty"` // by id, as the others
	Decoys     map[string]detectors.Decoy     `json:"decoys,omitempty"`
	Watches    map[string]detectors.Watch     `json:"watches,omitempty"`
	Premises   *detectors.Premises            `json:"premises,omitempty"`
}

// begun is the rules once a record was taken in while the log's clock showed that time.
func (r *Rules) begun(clock detectors.Time) *Rules {
	if r.Since != 0 {
		return r
	}
	next := *r
	next.Since = clock
	return &next
}

// With is the rules after a command; what has expired by then is left out. A
// verdict makes no rule.
func (r *Rules) With(c *detectors.Command) *Rules {
	next := Rules{r.Since, maps.Clone(r.Exceptions), maps.Clone(r.Decoys), maps.Clone(r.Watches), r.Premises}
	maps.DeleteFunc(next.Exceptions, func(_ string, x detectors.Exception) bool { return x.Expires <= c.Time })
	maps.DeleteFunc(next.Watches, func(_ string, w detectors.Watch) bool { return w.Expires <= c.Time })
	switch {
	case c.Exception != nil:
		put(&next.Exceptions, c.Exception.ID, *c.Exception)
	case c.Decoy != nil:
		put(&next.Decoys, c.Decoy.ID, *c.Decoy)
	case c.Watch != nil:
		put(&next.Watches, c.Watch.ID, *c.Watch)
	default:
		delete(next.Exceptions, c.Revoke)
		delete(next.Decoys, c.Revoke)
		delete(next.Watches, c.Revoke)
	}
	return &next
}

func put[V any](m *map[string]V, id string, v V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[id] = v
}

// exceptions are those about an event of p.
func (r *Rules) exceptions(p detectors.Principal, e detectors.Event) (about exempt) {
	if len(r.Exceptions) == 0 {
		return nil
	}
	from := networkOf(e)
	for _, x := range r.Exceptions {
		if x.Covers(p, from, e.When()) {
			about = append(about, x)
		}
	}
	return about
}

// exempt is the exceptions that cover one event.
type exempt []detectors.Exception

// from reports whether detector id must not see the event.
func (x exempt) from(id string) bool {
	for i := range x {
		if x[i].Names(id) {
			return true
		}
	}
	return false
}

// wholly reports whether no detector may see the event.
func (x exempt) wholly() bool {
	for i := range x {
		if len(x[i].Detectors) == 0 {
			return true
		}
	}
	return false
}

// decoy reports whether p was laid out to be stolen.
func (r *Rules) decoy(p detectors.Principal) bool {
	for _, d := range r.Decoys {
		if d.Principal == p {
			return true
		}
	}
	return false
}

// watch sets why the network that e came from is looked for.
func (r *Rules) watch(e detectors.Event) {
	if len(r.Watches) == 0 {
		return
	}
	from := networkOf(e)
	least := ""
	for id, w := range r.Watches {
		if w.Covers(from, e.When()) && (least == "" || id < least) {
			least, from.Watched = id, w.Reason
		}
	}
}

// networkOf is where an event came from.
func networkOf(e detectors.Event) *detectors.Network {
	switch e := e.(type) {
	case *detectors.Call:
		return &e.From
	case *detectors.Usage:
		return &e.From
	case *detectors.Act:
		return &e.From
	}
	return new(detectors.Network)
}

// decide has a principal learn what an analyst has made of an incident. One
// that was never met has nothing to learn by, and is not made by it.
func (r *resource) decide(v *detectors.Verdict, clock detectors.Time) {
	by := caller{v.Principal.Kind, v.Principal.ID}
	s := r.itself
	if v.Principal.Kind != detectors.ResourcePrincipal {
		s = r.chunk(r.chunkOf(by)).subjects[by]
	}
	if s == nil || s.profile.First == 0 && s.episode.ID() == "" {
		return
	}
	r.touch(s.chunk, clock)
	benign := v.Value != detectors.VerdictTruePositive
	if s.episode.ID() == v.Incident {
		s.episode.Vouch(benign)
		s.guarded = !benign && s.episode.Severity() >= detectors.Medium
		s.profile.Guarded = s.guarded
	}
	if benign {
		s.profile.Settle(v.Networks)
	} else {
		s.profile.Forget(v.Networks, v.Since)
	}
}
