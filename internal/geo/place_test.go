package geo

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/geo/flat"
	"github.com/keywarden/keywarden/internal/geo/kinds"
)

// smallTables are Tables of a few ranges within 192.168.0.0/20 and
// 2001:db8::/44, of three countries and three systems of two kinds.
func smallTables(t *rapid.T) *Tables {
	value := rapid.Custom(func(t *rapid.T) uint32 {
		country := rapid.IntRange(0, 3).Draw(t, "country")
		weak := country > 0 && rapid.Bool().Draw(t, "weak")
		return uint32(flat.NewValue(country, weak, rapid.IntRange(0, 3).Draw(t, "system")))
	})
	var v4 []flat.Span[uint32]
	var v6 []flat.Span[uint64]
	for range rapid.IntRange(0, 30).Draw(t, "ranges") {
		first, length := rapid.IntRange(0, 1<<12).Draw(t, "first"), rapid.IntRange(0, 600).Draw(t, "length")
		v4 = append(v4, flat.Span[uint32]{First: 192<<24 | 168<<16 | uint32(first), Last: 192<<24 | 168<<16 | uint32(first+length), Value: value.Draw(t, "value")})
		v6 = append(v6, flat.Span[uint64]{First: 0x20010db8<<32 + uint64(first)<<8, Last: 0x20010db8<<32 + uint64(first+length+1)<<8 - 1, Value: value.Draw(t, "value")})
	}
	return &Tables{table: &flat.Table{
		Date: time.Unix(0, 0), V4: flat.Flatten(v4), V6: flat.Flatten(v6),
		Country: [][2]byte{{}, {'D', 'E'}, {'F', 'R'}, {'U', 'S'}},
		Systems: flat.NewSystems([]flat.System{
			{Number: 10, Kind: uint8(detectors.Hosting), Name: "A"}, {Number: 20, Kind: uint8(detectors.Hosting), Name: "B"},
			{Number: 30, Kind: uint8(detectors.VPN), Name: "C"},
		}),
	}}
}

// slowly is Locate's promise, key by key: what at says of the keys from first
// to last, each the step after the one before.
func slowly(t *Tables, at func(key uint64) uint32, first, last, step uint64, narrow bool) detectors.Network {
	var n detectors.Network
	countries, longest := map[[2]byte]bool{}, uint64(0)
	systems, kindsSeen := map[int]bool{}, map[uint8]bool{}
	run, before := uint64(0), uint32(0)
	for key := first; key <= last; key += step {
		v := flat.Value(at(key))
		if key > first && uint32(v) == before {
			run++
		} else {
			run = 1
		}
		before = uint32(v)
		if code := t.table.Country[v.Country()]; code != [2]byte{} {
			countries[code] = true
			if run > longest { // of equally long ranges the first
				n.Country, longest = code, run
			}
			n.Weak = n.Weak || v.Weak()
		}
		if v.System() != 0 {
			systems[v.System()], kindsSeen[t.table.Systems.At(v.System()).Kind] = true, true
		}
	}
	if len(countries) > 1 {
		n.Weak = narrow
		if !narrow {
			n.Country = detectors.Country{}
		}
	}
	if len(systems) == 1 {
		for i := range systems {
			n.ASN, n.Organization = t.table.Systems.At(i).Number, t.table.Systems.At(i).Name
		}
	}
	if len(kindsSeen) == 1 {
		for kind := range kindsSeen {
			n.Kind = detectors.NetworkKind(kind)
		}
	}
	return n
}

func TestLocate_equals_a_slow_lookup(t *testing.T) {
	t.Run("ipv4", rapid.MakeCheck(func(t *rapid.T) {
		tables := smallTables(t)
		bits := rapid.IntRange(20, 32).Draw(t, "bits")
		addr := netip.AddrFrom4([4]byte{192, 168, rapid.Byte().Draw(t, "third") & 31, rapid.Byte().Draw(t, "fourth")})
		first, last := span4(addr, bits)
		want := slowly(tables, func(key uint64) uint32 { return tables.table.V4.At(uint32(key)) }, uint64(first), uint64(last), 1, bits >= 24)
		want.Prefix = netip.PrefixFrom(addr, min(bits, 24)).Masked()
		if bits == 32 {
			want.Address = addr
		}
		if diff := cmp.Diff(want, tables.Locate(addr, bits), byValue); diff != "" {
			t.Fatalf("%s/%d: %s", addr, bits, diff)
		}
	}))
	t.Run("ipv6", rapid.MakeCheck(func(t *rapid.T) {
		tables := smallTables(t)
		bits := rapid.SampledFrom([]int{44, 46, 47, 48, 49, 52, 56, 57, 64, 65, 100, 128}).Draw(t, "bits")
		var b [16]byte
		copy(b[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address"))
		copy(b[:], []byte{0x20, 0x01, 0x0d, 0xb8, 0, b[5] & 31})
		addr := netip.AddrFrom16(b)
		first, last := span6(addr, bits)
		step := min(256, last-first+1)
		want := slowly(tables, tables.table.V6.At, first, last, step, bits >= 48)
		want.Prefix = netip.PrefixFrom(addr, min(bits, 48)).Masked()
		if bits == 128 {
			want.Address = addr
		}
		if diff := cmp.Diff(want, tables.Locate(addr, bits), byValue); diff != "" {
			t.Fatalf("%s/%d: %s", addr, bits, diff)
		}
	}))
}

func TestNetworks(t *testing.T) {
	t.Run("are_what_locate_says", rapid.MakeCheck(func(t *rapid.T) {
		tables := smallTables(t)
		var before netip.Addr
		for prefix, want := range tables.Networks {
			if prefix != prefix.Masked() || before.IsValid() && prefix.Addr().Compare(before) <= 0 {
				t.Fatalf("%s follows %s", prefix, before)
			}
			before = lastOf(prefix)
			for _, addr := range []netip.Addr{prefix.Addr(), before} {
				got := tables.Locate(addr, addr.BitLen())
				got.Prefix, got.Address = netip.Prefix{}, netip.Addr{}
				if got != want {
					t.Fatalf("%s of %s is %+v, want %+v", addr, prefix, got, want)
				}
			}
		}
	}))
	t.Run("are_all_that_is_known", rapid.MakeCheck(func(t *rapid.T) {
		tables := smallTables(t)
		want, got := uint64(0), uint64(0)
		for i := range tables.table.V4.Len() {
			if span := tables.table.V4.Range(i); span.Value != 0 {
				want += uint64(span.Last-span.First) + 1
			}
		}
		for prefix := range tables.Networks {
			if prefix.Addr().Is4() {
				got += 1 << (32 - prefix.Bits())
			}
		}
		if got != want {
			t.Fatalf("%d addresses, want %d", got, want)
		}
	}))
	t.Run("stop_when_told", func(t *testing.T) {
		n := 0
		for range embeddedTables(t).Networks {
			if n++; n == 3 {
				break
			}
		}
		if n != 3 {
			t.Errorf("%d networks, want 3", n)
		}
	})
	t.Run("of_all_keys_are_one_prefix", func(t *testing.T) {
		var got []netip.Prefix
		for p := range prefixes(uint32(0), ^uint32(0)) {
			got = append(got, p)
		}
		for p := range prefixes(uint64(0), ^uint64(0)) {
			got = append(got, p)
		}
		if want := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}; !cmp.Equal(want, got, byValue) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestEmbedded_kinds_are_those_of_the_list fails where kinds.csv was changed
// and the table not made again; it looks at every 37th system only, since all
// would take ten seconds.
func TestEmbedded_kinds_are_those_of_the_list(t *testing.T) {
	classifier, err := kinds.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	systems := &embeddedTables(t).table.Systems
	if systems.Len() < 90_000 {
		t.Fatalf("the table has only %d systems", systems.Len())
	}
	for i := 1; i < systems.Len(); i += 37 {
		system := systems.At(i)
		if want := classifier.Kind(system.Number, system.Name); detectors.NetworkKind(system.Kind) != want {
			t.Fatalf("AS%d %s is %s in the table and %s in kinds.csv: run make geo", system.Number, system.Name, detectors.NetworkKind(system.Kind), want)
		}
	}
}

func TestLocate_from_many_goroutines_without_allocation(t *testing.T) {
	tables := embeddedTables(t)
	list := addresses(tables, 256, false)
	if allocs := testing.AllocsPerRun(10, func() {
		for _, addr := range list {
			tables.Locate(addr, 32)
			tables.Locate(addr, 24)
		}
	}); allocs != 0 {
		t.Errorf("%.0f allocations for %d lookups", allocs, 2*len(list))
	}
	want := make([]detectors.Network, len(list))
	for i, addr := range list {
		want[i] = tables.Locate(addr, 24)
	}
	done := make(chan int)
	for range 4 {
		go func() {
			wrong := 0
			for i, addr := range list {
				if tables.Locate(addr, 24) != want[i] {
					wrong++
				}
			}
			done <- wrong
		}()
	}
	for range 4 {
		if wrong := <-done; wrong > 0 {
			t.Errorf("%d answers differ", wrong)
		}
	}
}
