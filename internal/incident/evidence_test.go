package incident

import (
	"math"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
)

func TestObserve(t *testing.T) {
	f := detectors.Finding{
		Bits:    math.Inf(1),
		Summary: "two\nlines \x1b[31m \xff",
		Observed: detectors.Facts{
			"images": 812.0, "nothing": math.NaN(), "infinite": math.Inf(-1), "model": "gpt-4o", "count": 3,
			"networks": strings.Split("a b c d e f g h i j", " "),
		},
		Networks: []detectors.Network{
			{Organization: "not known"}, network("203.0.113.0/24", "RU", detectors.VPN), network("198.51.100.0/24", "", detectors.Cloud),
			{Prefix: moscow.Prefix, Country: moscow.Country, Weak: true, ASN: 64500, Organization: "Example"}, moscow,
		},
	}
	want := Observation{
		Bits:    maxBits,
		Summary: "two lines  [31m \uFFFD",
		Observed: Facts{
			"images": 812.0, "model": "gpt-4o", "count": "3", "networks": strings.Split("a b c d e f g h", " "),
		},
		Usual: Facts{},
		Networks: []Network{
			{Prefix: "203.0.113.0/24", Country: "RU", Kind: "vpn"},
			{Prefix: "198.51.100.0/24", Kind: "cloud"},
			{Prefix: "203.0.113.0/24", ASN: 64500, Organization: "Example", Kind: "unknown"},
		},
	}
	if diff := cmp.Diff(want, observe(f)); diff != "" {
		t.Error(diff)
	}
}

func TestFactsAreBounded(t *testing.T) {
	many := detectors.Facts{}
	for i := range 100 {
		many[string(rune('a'+i))] = strings.Repeat("é", 1000)
	}
	got := boundFacts(many)
	if len(got) != maxFacts {
		t.Errorf("%d facts", len(got))
	}
	first, ok := got["a"].(string)
	if !ok || len(first) != maxText || !utf8.ValidString(first) {
		t.Errorf("first fact %q", first)
	}
}

// TestEpisodeIsBounded feeds an Episode with more of everything than it keeps.
func TestEpisodeIsBounded(t *testing.T) {
	var e Episode
	for i := range 2 * maxAccused {
		p := key
		p.ID = string(rune('a' + i))
		n := moscow
		n.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}), 24)
		e.Add(p, detector(string(rune('a'+i%100)), detectors.Place, detectors.High), detectors.Finding{Bits: 5, Networks: []detectors.Network{n}})
	}
	got := []int{len(e.s.Traces), len(e.s.Principals), len(e.s.Accused)}
	if diff := cmp.Diff([]int{maxDetectors, maxPrincipals, maxAccused}, got); diff != "" {
		t.Error(diff)
	}
	data, err := e.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	var again Episode
	if err := again.UnmarshalBinary(data); err != nil {
		t.Error(err)
	}
}
