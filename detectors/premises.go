package detectors

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
)

// Stay is the time for which a network is premises of the tenant: from Since
// until before Until, in whole hours of the log's clock.
type Stay struct {
	Network      netip.Prefix
	Since, Until Time
}

// Premises are the networks in which several principals of the tenant, or a resident, are at
// home, each for its stays. They are never changed, only replaced. Nil
// Premises hold nothing, and are ready for use.
type Premises struct {
	stays []Stay // by network and time; those of one network are apart
}

// maxPremises is how many stays are kept: those that end last.
const maxPremises = 4096

// Known reports whether the network is premises at t.
func (p *Premises) Known(network netip.Prefix, t Time) bool {
	if p == nil {
		return false
	}
	after, _ := slices.BinarySearchFunc(p.stays, Stay{Network: network, Since: t + 1}, compareStays)
	if after == 0 {
		return false
	}
	s := &p.stays[after-1]
	return s.Network == network && t < s.Until
}

// With is the premises and further stays, cut to the hour; those that cannot be
// are left out, and stays of one network that meet are one. Where that adds
// nothing it is p itself. In what order stays are added makes no difference, but
// to those that are dropped where there are more than 4,096: of these, those
// that end last stay, and of equal ones the networks that Prefix.Compare has first.
func (p *Premises) With(further ...Stay) *Premises {
	if len(further) == 0 {
		return p
	}
	all := slices.Clone(p.Stays())
	for _, s := range further {
		s.Since, s.Until = s.Since-s.Since%Hour, s.Until-s.Until%Hour
		if s.Network.IsValid() && s.Since >= 0 && s.Since < s.Until && s.Until <= lastTime {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, compareStays)
	apart := all[:0]
	for _, s := range all {
		if n := len(apart); n > 0 && apart[n-1].Network == s.Network && s.Since <= apart[n-1].Until {
			apart[n-1].Until = max(apart[n-1].Until, s.Until)
			continue
		}
		apart = append(apart, s)
	}
	if len(apart) > maxPremises {
		slices.SortStableFunc(apart, func(a, b Stay) int { return cmp.Compare(b.Until, a.Until) })
		apart = apart[:maxPremises]
		slices.SortFunc(apart, compareStays)
	}
	if slices.Equal(apart, p.Stays()) {
		return p
	}
	return &Premises{slices.Clip(apart)}
}

// Stays are all stays, by network and time. The caller must not change them.
func (p *Premises) Stays() []Stay {
	if p == nil {
		return nil
	}
	return p.stays
}

func compareStays(a, b Stay) int {
	return cmp.Or(netip.Prefix.Compare(a.Network, b.Network), cmp.Compare(a.Since, b.Since))
}

// MarshalJSON is an object: of each network, by its prefix, the hours since
// 1970 at which its stays begin and end, in turn.
func (p *Premises) MarshalJSON() ([]byte, error) {
	hours := map[netip.Prefix][]int64{}
	for _, s := range p.Stays() {
		hours[s.Network] = append(hours[s.Network], int64(s.Since/Hour), int64(s.Until/Hour))
	}
	return json.Marshal(hours)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Premises) UnmarshalJSON(data []byte) error {
	var hours map[netip.Prefix][]int64
	if err := json.Unmarshal(data, &hours); err != nil {
		return fmt.Errorf("detectors: premises: %w", err)
	}
	var stays []Stay
	for network, h := range hours {
		for pair := range slices.Chunk(h, 2) {
			if len(pair) < 2 || pair[0] < 0 || pair[0] >= pair[1] || pair[1] > int64(lastTime/Hour) {
				return fmt.Errorf("detectors: premises: hours %v of %v are no beginnings and ends of stays", h, network)
			}
			stays = append(stays, Stay{network, Time(pair[0]) * Hour, Time(pair[1]) * Hour})
		}
	}
	*p = Premises{}
	*p = *p.With(stays...)
	return nil
}

// Frequented reports whether others are known in network n at t: callers of the
// resource for a day, or those of premises.
func (p *Profile) Frequented(n *Network, t Time) bool {
	return p.Resource != nil && p.Resource.Networks.Known(n.Prefix, t, settled) || p.OnPremises(n, t)
}

// Colleague is what is left of the surprise of a place where others are known.
const Colleague = 0.25

// OnPremises reports whether n is premises of the tenant at t, or of an organisation that
// the resource's callers move to; and it is not accused here.
func (p *Profile) OnPremises(n *Network, t Time) bool {
	if !p.Premises.Known(n.Prefix, min(t, p.Clock)) && !p.gathering(n, t) {
		return false
	}
	if n.Watched != "" || p.Resource != nil && p.Resource.accuses(n, t) {
		return false
	}
	return !p.accuses(n, t)
}

// movers is how many other callers of a resource, a half of all others at least, must have come to an
// organisation that it was never called from to be an egress that moves: a thief
// would need the keys of most callers, and the first of them alarm.
const movers = 3

// gathering reports whether most other callers of the resource came to the
// organisation of n within a day, as they do where an egress that they share moves.
// Clouds, hosters, VPNs and Tor, which strangers share, are nobody's egress.
func (p *Profile) gathering(n *Network, t Time) bool {
	if p.Resource == nil || n.ASN == 0 || n.Kind.Communal() {
		return false
	}
	came, all := p.Resource.Organizations.Newly(n.Site(), t, p.Caller)
	return came >= movers && 2*came >= all
}

// accuses reports whether an incident accuses network n at t.
func (p *Profile) accuses(n *Network, t Time) bool {
	e := p.Networks.Find(n.Prefix)
	return e != nil && e.accused(t)
}

const (
	// homely is how many calls of a principal there are to each from a network
	// that it is at home in, at most.
	homely = 20

	// lived is how many calls from a network, and for how long, make a home.
	lived, livedFor = 20, 2 * Day

	// residentShare is how many calls of a resident there are to each from the network, at
	// most, and residentFor how long it has been there at least.
	residentShare, residentFor = 4, Day / 2
)

// AtHome is what is to be told of the network of a call that the principal did not
// learn yet: AtHome where it is at home there, and Resident where it has been
// since the watch began; "" where there is nothing to tell. That is once a UTC day at most.
//
// At home is who has used a network for two days and more, for twenty calls and one
// in twenty of its own at least. A resident was there on the first day of the watch, has used it on a
// further one, for twenty calls and a quarter of its own. It is an account's key or an identity in
// what may be an office: a gateway's subscriber may be a customer, and a home is of one person.
// Nothing is said against the network, or the principal. Networks that many share, those of clouds, hosters, VPNs and Tor, are nobody's home.
func (p *Profile) AtHome(c *Call) (told string) {
	if c.From.Kind.Communal() {
		return ""
	}
	e := p.Networks.Find(c.From.Prefix)
	if e == nil || p.Guarded || !c.Proven() || c.WrongKey() || c.From.Watched != "" ||
		c.Time/Day <= e.Last/Day || c.Time-e.First < residentFor || e.accused(c.Time) {
		return ""
	}
	all := 0.0
	for i := range p.Networks.entries {
		o := &p.Networks.entries[i]
		all += o.Count * forget(o.Last, c.Time)
	}
	count := e.Count * forget(e.Last, c.Time)
	switch {
	case count < lived:
	case p.resides(e, c) && count*residentShare >= all:
		return Resident
	case c.Time-e.First >= livedFor && count*homely >= all:
		return AtHome
	}
	return ""
}

// resides reports whether the principal of a call may be a resident of the network that e is of.
func (p *Profile) resides(e *Value[netip.Prefix], c *Call) bool {
	return p.Since != 0 && e.First >= p.Since-Day && e.First < p.Since+Day &&
		p.Principal.Kind != APIMSubscription && c.From.Kind != Residential
}
