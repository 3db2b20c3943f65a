package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// networkScheme begins the id of what is, to the engine, the resource of an
// operator: the network that its sightings come from. No resource id of
// Azure's begins so.
const networkScheme = "network:"

// routeOf is the id, and the route key, of a network.
func routeOf(network netip.Prefix) string { return networkScheme + network.String() }

// isNetwork reports whether a resource is a network.
func isNetwork(id string) bool { return strings.HasPrefix(id, networkScheme) }

// operatorOf is the operator behind a network.
func operatorOf(id string) detectors.Principal {
	sum := sha256.Sum256([]byte(id))
	return detectors.Principal{Kind: detectors.Operator, ID: hex.EncodeToString(sum[:8])}
}

// hand is what one network was seen to do, and who is at home there: the
// sightings of the latest weeks.
type hand struct {
	seen    sightings               // of one week and the one before
	used    sightings               // of use in bulk, which take no room from those
	home    sightings               // that accuse nobody, of one week and the two before
	changed map[detectors.Time]bool // weeks whose incident may be another since take
}

// sightings are a set, sorted. It comes to the same in whatever order they
// come, and however often each does: of those of one key the earliest stays,
// and of too many keys in a week the earliest.
type sightings []detectors.Sighting

const (
	week = 7 * detectors.Day

	// mostSeen, mostUsed and mostHome are how many sightings are kept of a week.
	mostSeen, mostUsed, mostHome = 256, 128, 16

	// levels are how many strengths are told apart of a detector's sightings of a
	// principal, each of so many bits.
	levels, levelBits = 4, 4.0
)

func weekOf(t detectors.Time) detectors.Time { return t - t%week }

// sightingKey is what there is one sighting of.
type sightingKey struct {
	week      detectors.Time
	principal detectors.Principal
	detector  string
	level     int
	hour      detectors.Time // of an act: what was done at once counts together; and of use
}

func keyOf(s *detectors.Sighting) sightingKey {
	key := sightingKey{weekOf(s.Time), s.Principal, s.Detector, int(min(s.Bits/levelBits, levels-1)), 0}
	switch {
	case s.Family == detectors.ControlPlane:
		key.hour = s.Time / detectors.Hour
	case s.Uses(): // what came hours before the principal was touched says nothing, and hides nothing that comes after
		key.level, key.hour = 0, s.Time/detectors.Hour
	}
	return key
}

// kept is the set that a sighting belongs to, how many are kept there of a week, and for how long before the latest.
func (h *hand) kept(s *detectors.Sighting) (all *sightings, most int, before detectors.Time) {
	switch {
	case !s.Accuses():
		return &h.home, mostHome, 2 * week
	case s.Uses():
		return &h.used, mostUsed, week
	}
	return &h.seen, mostSeen, week
}

// add takes a sighting in, and reports whether it changes anything.
func (h *hand) add(s *detectors.Sighting) bool {
	all, most, before := h.kept(s)
	if !all.add(s, most, before) {
		return false
	}
	if s.Accuses() {
		if h.changed == nil {
			h.changed = map[detectors.Time]bool{}
		}
		h.changed[weekOf(s.Time)] = true
	}
	return true
}

// add takes a sighting in, where most are kept of a week, and weeks up to so long
// before the latest, and reports whether it changes anything.
func (all *sightings) add(s *detectors.Sighting, most int, before detectors.Time) bool {
	if n := len(*all); n > 0 && weekOf(s.Time) < weekOf((*all)[n-1].Time)-before {
		return false
	}
	key := keyOf(s)
	for i := range *all {
		if keyOf(&(*all)[i]) == key {
			if s.Compare(&(*all)[i]) >= 0 {
				return false
			}
			*all = slices.Delete(*all, i, i+1)
			break
		}
	}
	at, _ := slices.BinarySearchFunc(*all, s, func(a detectors.Sighting, b *detectors.Sighting) int { return a.Compare(b) })
	*all = slices.Insert(*all, at, *s)
	return all.trim(key.week, most, before) != at
}

// trim drops the latest of a week with too many sightings, and weeks that are
// over. It returns where the dropped one of the week stood, or -1.
func (all *sightings) trim(full detectors.Time, most int, before detectors.Time) int {
	last, n := -1, 0
	for i := range *all {
		if weekOf((*all)[i].Time) == full {
			last, n = i, n+1
		}
	}
	if n > most {
		*all = slices.Delete(*all, last, last+1)
	} else {
		last = -1
	}
	newest := weekOf((*all)[len(*all)-1].Time)
	*all = slices.DeleteFunc(*all, func(s detectors.Sighting) bool { return weekOf(s.Time) < newest-before })
	return last
}

// takeJoint is the incidents that changed since it was called last.
func (r *resource) takeJoint() (all []*incident.Incident) {
	if r.hand == nil {
		return nil
	}
	for since := range r.hand.changed {
		if i := r.joint(since); i != nil {
			all = append(all, i)
		}
	}
	clear(r.hand.changed)
	return all
}

// joint is the incident of the operator in a week, nil where there is none: the
// detectors judge the sightings anew, in the order of their time.
func (r *resource) joint(since detectors.Time) *incident.Incident {
	seen := slices.Concat(r.hand.seen, r.hand.used)
	slices.SortStableFunc(seen, func(a, b detectors.Sighting) int { return cmp.Compare(a.Time, b.Time) }) // touched comes before used
	seen = slices.DeleteFunc(seen, func(s detectors.Sighting) bool { return weekOf(s.Time) != since })
	j := incident.Joint{Operator: r.itself.profile.Principal, Since: since}
	memories := make([]detectors.Memory, len(r.Detectors))
	for i := range seen {
		s := &seen[i]
		if known := slices.Contains(j.Principals, s.Principal); !known && s.Uses() {
			continue // it was not touched, and is no part of this
		} else if !known {
			j.Principals = append(j.Principals, s.Principal)
		}
		if j.First == 0 {
			j.First = s.Time
		}
		j.Last = s.Time
		for k, d := range r.Detectors {
			if d.Scope != detectors.PerOperator {
				continue
			}
			if memories[k] == nil {
				memories[k] = d.NewMemory()
			}
			if f, found := d.Observe(&r.itself.profile, s, memories[k]); found {
				j.Said = append(j.Said, incident.Said{Detector: d, Finding: f})
			}
		}
	}
	if len(j.Principals) == 0 {
		return nil
	}
	return j.Incident()
}

// see takes a sighting of the network in.
func (r *resource) see(s *detectors.Sighting, clock detectors.Time) {
	if r.assembling() {
		return
	}
	before := r.hand.stay()
	if !r.hand.add(s) {
		return
	}
	r.tally.Sightings++
	r.touch(r.chunks[0], clock)
	if r.place != nil {
		r.hands = append(r.hands, r)
	}
	if stay := r.hand.stay(); stay != before && stay.Since != 0 {
		stay.Network = s.From.Prefix
		r.stays = append(r.stays, stay)
	}
}

// sight tells the networks of a finding of what they did, where they are foreign to the subject.
func (r *resource) sight(s *subject, d *detectors.Detector, f *detectors.Finding, e detectors.Event) {
	if !d.Sights || r.Quiet || !(f.Bits >= incident.Floor) {
		return
	}
	for i := range f.Networks {
		n := f.Networks[i]
		if i == mostTold || !s.profile.Stranger(&n, f.Time) {
			continue
		}
		n.Address, n.Watched = netip.Addr{}, ""
		seen := detectors.Sighting{Time: f.Time, Principal: s.profile.Principal, Detector: d.ID, Family: d.Family, Bits: f.Bits, From: n}
		if c, ok := e.(*detectors.Call); ok {
			seen.Client = c.Client
		}
		r.sighted = append(r.sighted, seen)
	}
}

// mostTold is how many networks of one finding are told of it.
const mostTold = 4

// encode is all sightings as bytes.
func (h *hand) encode() []byte {
	return usagelog.AppendSightings(nil, slices.Concat(h.seen, h.used, h.home))
}

func (h *hand) restore(data []byte) error {
	var m usagelog.Message
	if err := new(usagelog.Reader).Read(data, &m); err != nil {
		return fmt.Errorf("%w: sightings: %w", errState, err)
	}
	for i := range m.Sightings {
		s := &m.Sightings[i]
		all, _, _ := h.kept(s)
		*all = append(*all, *s)
	}
	return nil
}
