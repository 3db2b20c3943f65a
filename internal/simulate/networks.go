package simulate

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
)

//go:embed networks.txt
var networksText string

// kinds of network in networks.txt.
const (
	fixed    = "fixed"
	mobile   = "mobile"
	business = "business"
	aws      = "aws"
	azure    = "azure"
	google   = "google"
	hosting  = "hosting"
	vpn      = "vpn"
	tor      = "tor"
)

// network is one line of networks.txt.
type network struct {
	kind, country, asn string
	prefix             netip.Prefix
}

// networkTable is networks.txt, read.
type networkTable struct {
	all       []network
	by        map[[2]string][]network // by kind and country
	countries []string                // those with fixed lines, in the order of the file
}

var networks = sync.OnceValue(func() *networkTable {
	t := &networkTable{by: map[[2]string][]network{}}
	for line := range strings.Lines(networksText) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		n := network{kind: f[0], country: f[1], asn: f[2], prefix: netip.MustParsePrefix(f[3])}
		key := [2]string{n.kind, n.country}
		if n.kind == fixed && len(t.by[key]) == 0 {
			t.countries = append(t.countries, n.country)
		}
		t.all = append(t.all, n)
		t.by[key] = append(t.by[key], n)
	}
	return t
})

// of are the networks of a kind in a country. It panics where there are none:
// the kinds and countries asked for are constants of this package, and a test asks for all.
func (t *networkTable) of(kind, country string) []network {
	found := t.by[[2]string{kind, country}]
	if len(found) == 0 {
		panic(fmt.Sprintf("simulate: networks.txt has no %s network in %s", kind, country))
	}
	return found
}

// has reports whether there are networks of a kind in a country.
func (t *networkTable) has(kind, country string) bool { return len(t.by[[2]string{kind, country}]) > 0 }

// address draws a host of n: any of its /24s, any but the first and the last of their hosts.
func (n network) address(r *rand.Rand) netip.Addr {
	base := n.prefix.Addr().As4()
	at := binary.BigEndian.Uint32(base[:]) + uint32(r.Uint64N(1<<(24-n.prefix.Bits())))<<8 + 1 + uint32(r.UintN(254))
	binary.BigEndian.PutUint32(base[:], at)
	return netip.AddrFrom4(base)
}

// pool draws count hosts of n in neighbouring /24s, as one customer of a cloud or one district of a carrier has them.
func (n network) pool(r *rand.Rand, count int) []netip.Addr {
	all := 1 << (24 - n.prefix.Bits())
	first := r.IntN(all)
	base := n.prefix.Addr().As4()
	start := binary.BigEndian.Uint32(base[:])
	pool := make([]netip.Addr, count)
	for i := range pool {
		slash24 := uint32((first + i*(1+r.IntN(3))) % all)
		binary.BigEndian.PutUint32(base[:], start+slash24<<8+1+uint32(r.UintN(254)))
		pool[i] = netip.AddrFrom4(base)
	}
	return pool
}

// region is a network of the same operator in another country; ok is false where there is none.
func (n network) region(r *rand.Rand) (other network, ok bool) {
	var all []network
	for _, o := range networks().all {
		if o.kind == n.kind && o.country != n.country && o.asn == n.asn {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return network{}, false
	}
	return pick(r, all), true
}

// somewhere draws a host of a network of the kind in the country.
func somewhere(r *rand.Rand, kind, country string) netip.Addr {
	return pick(r, networks().of(kind, country)).address(r)
}
