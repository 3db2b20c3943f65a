package simulate

import (
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// habitat is where a principal's calls come from.
type habitat interface {
	// dawn lets a day of changes happen, at the given multiple of the rates in churn.go.
	dawn(l *life, now detectors.Time)
	// session is where the next session comes from: one address, or several between which its calls hop.
	session(l *life, now detectors.Time) []netip.Addr
}

// atOffice comes from the company's offices.
type atOffice struct{}

func (atOffice) dawn(*life, detectors.Time) {}

func (atOffice) session(l *life, now detectors.Time) []netip.Addr {
	return []netip.Addr{l.who.on.company.office.address(l.r, now)}
}

// inCloud is a backend: a pool of addresses of one region of one cloud.
type inCloud struct {
	network network
	pool    []netip.Addr

	spare []netip.Addr   // in another region
	back  detectors.Time // until when calls are served from there
}

func newInCloud(l *life, addresses int) *inCloud {
	clouds := networks().of(pick(l.r, []string{aws, aws, azure, azure, azure}), l.home())
	if l.home() == "US" && chance(l.r, .2) {
		clouds = networks().of(google, "US")
	}
	if chance(l.r, shareRented) && networks().has(hosting, l.home()) {
		clouds = networks().of(hosting, l.home())
	}
	h := &inCloud{network: pick(l.r, clouds)}
	h.pool = h.network.pool(l.r, addresses)
	return h
}

func (h *inCloud) dawn(l *life, now detectors.Time) {
	switch {
	case chance(l.r, churnRedeploy*l.churn):
		h.pool = h.network.pool(l.r, len(h.pool))
		l.note("redeployed", now, now)
	case chance(l.r, churnNode*l.churn):
		h.pool[l.r.IntN(len(h.pool))] = h.network.address(l.r)
		l.note("new-node", now, now)
	case chance(l.r, churnRegion*l.churn):
		if region, ok := h.network.region(l.r); ok {
			h.spare, h.back = region.pool(l.r, len(h.pool)), now+detectors.Day
			if chance(l.r, .5) {
				h.network, h.pool = region, h.spare
			}
			l.note("other-region", now, h.back)
		}
	}
}

func (h *inCloud) session(_ *life, now detectors.Time) []netip.Addr {
	if now < h.back {
		return h.spare
	}
	return h.pool
}

// onRunners is continuous integration on hosted runners: each run anywhere in Azure's United States.
type onRunners struct{}

func (onRunners) dawn(*life, detectors.Time) {}

func (onRunners) session(l *life, _ detectors.Time) []netip.Addr {
	runners := make([]netip.Addr, 1+l.r.IntN(3))
	for i := range runners {
		runners[i] = somewhere(l.r, azure, "US")
	}
	return runners
}

// ofUsers is a program that runs on its users' own machines: many countries, new ones daily.
type ofUsers struct {
	reach float64 // share of users abroad
	known []netip.Addr
}

func newOfUsers(l *life) *ofUsers {
	h := &ofUsers{reach: between(l.r, .3, .8)}
	for range 150 {
		h.known = append(h.known, h.stranger(l))
	}
	return h
}

// stranger draws a user. Countries abroad are as in a harmonic series, each product with its own order.
func (h *ofUsers) stranger(l *life) netip.Addr {
	if chance(l.r, shareUsersHide) {
		return somewhere(l.r, vpn, pick(l.r, exitCountries))
	}
	if !chance(l.r, h.reach) {
		if chance(l.r, .3) {
			return somewhere(l.r, mobile, l.home())
		}
		return somewhere(l.r, fixed, l.home())
	}
	all := networks().countries
	u := l.r.Float64()
	rank := int(float64(len(all)) * u * u)
	return somewhere(l.r, fixed, all[(rank+l.index*7)%len(all)])
}

func (h *ofUsers) dawn(*life, detectors.Time) {}

func (h *ofUsers) session(l *life, _ detectors.Time) []netip.Addr {
	i := l.r.IntN(len(h.known))
	if chance(l.r, shareNewUser*min(l.churn, 1/shareNewUser)) {
		h.known[i] = h.stranger(l)
	}
	return h.known[i : i+1]
}

// ofPerson is one person: office, home and telephone, and now and then abroad.
type ofPerson struct {
	carrier, operator network
	home, phone       netip.Addr
	remote            float64 // share of work done at home
	travels           float64 // multiple of churnTrip
	hides             bool    // uses a private VPN now and then

	abroad string // country, until back
	back   detectors.Time
	hotel  netip.Addr
}

func newOfPerson(l *life, travels float64) *ofPerson {
	h := &ofPerson{
		carrier: pick(l.r, networks().of(fixed, l.home())), operator: pick(l.r, networks().of(mobile, l.home())),
		remote: between(l.r, .1, .7), travels: travels, hides: chance(l.r, shareHides),
	}
	h.home, h.phone = h.carrier.address(l.r), h.operator.address(l.r)
	return h
}

func (h *ofPerson) dawn(l *life, now detectors.Time) {
	if chance(l.r, churnHome*l.churn) {
		h.home = h.carrier.address(l.r)
	}
	if chance(l.r, churnPhone*l.churn) {
		h.phone = h.operator.address(l.r)
	}
	if !h.hides && chance(l.r, churnHides*l.churn) {
		h.hides = true
		l.note("private-vpn", now, now)
	}
	if now >= h.back && chance(l.r, churnTrip*h.travels*l.churn) {
		for h.abroad = l.home(); h.abroad == l.home(); {
			h.abroad = pick(l.r, networks().countries)
		}
		h.hotel = somewhere(l.r, fixed, h.abroad)
		h.back = now + detectors.Day*detectors.Time(2+l.r.IntN(5))
		l.note("trip", now, h.back)
	}
}

func (h *ofPerson) session(l *life, now detectors.Time) []netip.Addr {
	local := l.who.on.company.zone.local(now)
	away := h.phone
	switch {
	case h.hides && chance(l.r, .15):
		away = somewhere(l.r, vpn, pick(l.r, exitCountries))
	case now < h.back && chance(l.r, .15): // through the company's own VPN
		away = l.who.on.company.office.address(l.r, now)
	case now < h.back && chance(l.r, .8):
		away = h.hotel
	case now < h.back:
		away = somewhere(l.r, fixed, h.abroad)
	case chance(l.r, .12):
	case local.Hour() >= 8 && local.Hour() < 18 && !chance(l.r, h.remote):
		away = l.who.on.company.office.address(l.r, now)
	default:
		away = h.home
	}
	return []netip.Addr{away}
}

var (
	_ habitat = atOffice{}
	_ habitat = (*inCloud)(nil)
	_ habitat = onRunners{}
	_ habitat = (*ofUsers)(nil)
	_ habitat = (*ofPerson)(nil)
)
