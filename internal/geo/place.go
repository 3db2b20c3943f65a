package geo

import (
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/geo/flat"
)

// claim is what a source says of the addresses of a range.
type claim struct {
	country detectors.Country
	weak    bool
	kind    detectors.NetworkKind
	system  uint32 // as the source counts systems; 0 is unknown
}

// common is what the claims on several ranges, of which one holds the caller,
// have in common. A range of which a source says nothing does not count: it is
// mostly not in use.
type common struct {
	claim
	longest uint64 // of the ranges in country

	countriesDiffer, systemsDiffer, kindsDiffer bool
}

// add says that c holds for a range of that length.
func (all *common) add(c claim, length uint64) {
	switch {
	case c.country == detectors.Country{}:
	case all.country == detectors.Country{}:
		all.country, all.weak, all.longest = c.country, c.weak, length
	case c.country == all.country:
		all.weak, all.longest = all.weak || c.weak, max(all.longest, length)
	default:
		all.countriesDiffer = true
		if length > all.longest {
			all.country, all.longest = c.country, length
		}
	}
	switch {
	case c.system == 0:
	case all.system == 0:
		all.system, all.kind = c.system, c.kind
	case c.system != all.system:
		all.systemsDiffer = true
		all.kindsDiffer = all.kindsDiffer || c.kind != all.kind
	}
}

// agreed is what may be said of all the ranges; narrow says that they are
// within one /24 or /48.
func (all *common) agreed(narrow bool) claim {
	c := all.claim
	if all.countriesDiffer {
		c.weak = narrow
		if !narrow {
			c.country = detectors.Country{}
		}
	}
	if all.systemsDiffer {
		c.system = 0
	}
	if all.kindsDiffer {
		c.kind = detectors.NetworkUnknown
	}
	return c
}

// claim is what the embedded table says of addr, of which bits bits are shown;
// system is a position in it.
func (t *Tables) claim(addr netip.Addr, bits int) claim {
	if addr.Is4() {
		first, last := span4(addr, bits)
		return claimIn(t, &t.table.V4, first, last, isNarrow(addr, bits))
	}
	first, last := span6(addr, bits)
	return claimIn(t, &t.table.V6, first, last, isNarrow(addr, bits))
}

func claimIn[K flat.Key](t *Tables, ranges *flat.Ranges[K], first, last K, narrow bool) claim {
	i := ranges.Find(first)
	span := ranges.Range(i)
	if span.Last >= last {
		return t.claimOf(span.Value)
	}
	var all common
	for ; span.First <= last; span = ranges.Range(i) {
		all.add(t.claimOf(span.Value), uint64(min(span.Last, last)-max(span.First, first)))
		if i++; i == ranges.Len() || !narrow && all.countriesDiffer && all.systemsDiffer && all.kindsDiffer {
			break
		}
	}
	return all.agreed(narrow)
}

func (t *Tables) claimOf(value uint32) claim {
	v := flat.Value(value)
	return claim{
		country: t.table.Country[v.Country()], weak: v.Weak(),
		kind: detectors.NetworkKind(t.table.Systems.Kind(v.System())), system: uint32(v.System()),
	}
}
