package geo

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/keywarden/keywarden/internal/geo/flat"
)

// addresses are n addresses drawn alike from all ranges of the table, not from
// all addresses: so as to miss the processor's caches as often as can be.
func addresses(tables *Tables, n int, v6 bool) []netip.Addr {
	rng := rand.New(rand.NewPCG(7, 11))
	list := make([]netip.Addr, n)
	for i := range list {
		if v6 {
			list[i] = prefixOf(draw(rng, &tables.table.V6), 64, 0).Addr()
		} else {
			list[i] = prefixOf(draw(rng, &tables.table.V4), 32, 0).Addr()
		}
	}
	return list
}

func draw[K flat.Key](rng *rand.Rand, column *flat.Ranges[K]) uint64 {
	span := column.Range(rng.IntN(column.Len()))
	return uint64(span.First) + rng.Uint64N(max(1, uint64(span.Last-span.First)))
}

func BenchmarkLocate(b *testing.B) {
	tables := embeddedTables(b)
	for _, c := range []struct {
		name string
		v6   bool
		bits int
		n    int // different addresses
	}{
		{"ipv4", false, 32, 1 << 16},
		{"ipv4_masked", false, 24, 1 << 16},
		{"ipv4_few_networks", false, 32, 64},
		{"ipv4_masked_few_networks", false, 24, 64},
		{"ipv6", true, 128, 1 << 16},
		{"ipv6_masked", true, 48, 1 << 16},
	} {
		b.Run(c.name, func(b *testing.B) {
			list := addresses(tables, c.n, c.v6)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				tables.Locate(list[i&(c.n-1)], c.bits)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := flat.Decode(networks); err != nil {
			b.Fatal(err)
		}
	}
}
