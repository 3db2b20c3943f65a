package engine

import (
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

const (
	// untilKnown is how long after the hour in which a network becomes premises
	// everybody is to know of it: the hour itself, in which others may have
	// learned less of the log, and one for the way.
	untilKnown = 2 * detectors.Hour

	// stayed is how long a network stays premises after the beginning of the last
	// week in which it is.
	stayed = 4 * week
)

// stay is for how long the network is premises, by who is at home there: from
// the first time on that a resident was there, or a principal in the week of another one on
// another resource, or in the week after. One identity on two resources is one.
// It begins earlier and ends later the more sightings come, and names no network.
// The zero stay where it is none.
func (h *hand) stay() (stay detectors.Stay) {
	for i := range h.home {
		s := &h.home[i]
		housemate := func(o detectors.Sighting) bool {
			return o.Principal.Resource != s.Principal.Resource && o.Principal.ID != s.Principal.ID && weekOf(o.Time) >= weekOf(s.Time)-week
		}
		if s.Detector != detectors.Resident && !slices.ContainsFunc(h.home[:i], housemate) {
			continue
		}
		if stay.Since == 0 {
			stay.Since = s.Time - s.Time%detectors.Hour + untilKnown
		}
		stay.Until = weekOf(s.Time) + stayed
	}
	return stay
}

// dwell tells the network of a call that its caller is at home there. A row that
// has waited for its time is passed over: how long after that time it is judged
// depends on what else is in the log.
func (r *resource) dwell(s *subject, c *detectors.Call) {
	if s.Kind == detectors.AccountKey && c.Model == "" && c.Deployment == "" {
		return
	}
	if told := s.profile.AtHome(c); told != "" {
		r.sighted = append(r.sighted, detectors.Sighting{
			Time: r.now, Principal: s.profile.Principal, Detector: told, From: detectors.Network{Prefix: c.From.Prefix},
		})
	}
}

// housed is the rules with further stays of premises.
func (r *Rules) housed(stays []detectors.Stay) *Rules {
	premises := r.Premises.With(stays...)
	if premises == r.Premises {
		return r
	}
	next := *r
	next.Premises = premises
	return &next
}
