package simulate

import (
	"math/rand/v2"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// office is where a company's people and on-premises programs come from: a few
// egress addresses, which change over the run, for all of the company at once.
type office struct {
	epochs []epoch // in ascending order of from; the first from the beginning
}

// epoch is a time during which the egress addresses stay the same; the first
// of them carries most of the traffic.
type epoch struct {
	from   detectors.Time
	egress []netip.Addr
}

func newOffice(o *Options, r *rand.Rand, c *company, note func(Lookalike)) *office {
	kind := fixed
	if chance(r, .4) {
		kind = business
	}
	provider := pick(r, networks().of(kind, c.home))
	of := &office{epochs: []epoch{{from: o.start(), egress: provider.pool(r, 1+r.IntN(2))}}}
	for day := 1; day < o.Days; day++ {
		now := of.epochs[len(of.epochs)-1]
		change := epoch{from: o.day(day) + detectors.Time(between(r, 0, float64(detectors.Day)))}
		what := ""
		if chance(r, churnMove*o.Churn) {
			what = "office-moved"
			provider = pick(r, networks().of(fixed, c.home))
			change.egress = provider.pool(r, len(now.egress))
		} else if chance(r, churnEgress*o.Churn) {
			what = "office-new-egress"
			change.egress = append(append(change.egress, now.egress...), provider.address(r))
			if len(change.egress) > 4 {
				change.egress = change.egress[1:]
			}
		}
		if what != "" {
			of.epochs = append(of.epochs, change)
			note(Lookalike{Kind: what, Company: c.number, From: change.from, To: o.end()})
		}
	}
	return of
}

// address is an egress address in use at t.
func (of *office) address(r *rand.Rand, t detectors.Time) netip.Addr {
	i := len(of.epochs) - 1
	for of.epochs[i].from > t && i > 0 {
		i--
	}
	egress := of.epochs[i].egress
	if chance(r, .7) {
		return egress[0]
	}
	return pick(r, egress)
}
