package detectors

import (
	"cmp"
	"net/netip"
	"strings"
)

// Sighting says that a network which is not a principal's own has done
// something telling there. Whoever judges the principal tells it to whoever
// judges the network, where those of many principals come together.
type Sighting struct {
	Time      Time
	Principal Principal
	Detector  string  // whose finding it was
	Family    Family  // of that detector
	Bits      float64 // of that finding
	From      Network // without its address and what is watched
	Client    Client  // of the call
}

// AtHome and Resident are the Detector of sightings that accuse nobody: the principal is at
// home in the network, or has been since the watch began. They have no Bits and no Client.
const (
	AtHome   = "at-home"
	Resident = "resident"
)

// Accuses reports whether the sighting is of something telling.
func (s *Sighting) Accuses() bool { return s.Detector != AtHome && s.Detector != Resident }

// Uses reports whether the sighting is of use in bulk, which tells something only
// of a principal that the network touched before: by itself it is no more than a move.
func (s *Sighting) Uses() bool { return s.Family == Volume || s.Family == Image }

// When implements Event.
func (s *Sighting) When() Time { return s.Time }

// Compare orders sightings by time; those that say the same are equal, and no others.
func (s *Sighting) Compare(o *Sighting) int {
	return cmp.Or(
		cmp.Compare(s.Time, o.Time),
		s.Principal.Compare(&o.Principal),
		strings.Compare(s.Detector, o.Detector),
		cmp.Compare(s.Family, o.Family),
		cmp.Compare(s.Bits, o.Bits),
		cmp.Compare(s.Client.Stream, o.Client.Stream),
		strings.Compare(s.Client.APIVersion, o.Client.APIVersion),
		strings.Compare(s.Client.UserAgent, o.Client.UserAgent),
		compareNetworks(&s.From, &o.From),
	)
}

func compareNetworks(a, b *Network) int {
	weak := 0
	if a.Weak != b.Weak {
		weak = 1
		if b.Weak {
			weak = -1
		}
	}
	return cmp.Or(
		netip.Prefix.Compare(a.Prefix, b.Prefix),
		strings.Compare(a.Country.String(), b.Country.String()),
		weak,
		cmp.Compare(a.ASN, b.ASN),
		strings.Compare(a.Organization, b.Organization),
		cmp.Compare(a.Kind, b.Kind),
	)
}

// Compare orders principals by resource, kind and id.
func (p *Principal) Compare(o *Principal) int {
	return cmp.Or(strings.Compare(p.Resource, o.Resource), cmp.Compare(p.Kind, o.Kind), strings.Compare(p.ID, o.ID))
}

// Stranger reports whether network n at t is neither the principal's own nor
// one that others of its resource use, nor premises of the tenant. On the principal's first day only the
// resource's past tells.
func (p *Profile) Stranger(n *Network, t Time) bool {
	if p.Age(t) >= settled {
		return p.Standing(n, t) == Foreign
	}
	r := p.Resource
	return n.Known() && r != nil && r.Age(t) >= settled && !r.Networks.Known(n.Prefix, t, settled) &&
		(n.ASN == 0 || !r.Organizations.Known(n.Site(), t, settled)) && !p.OnPremises(n, t)
}
