package geo

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestParseList(t *testing.T) {
	l, err := parseList(strings.NewReader("\ufeffNetwork,Kind\r\n" +
		"# a comment\n\n" +
		" 198.51.100.0/24 , TOR , seen by us\r\n" +
		"\"198.51.100.128/25\",\"hosting\"\n" +
		"198.51.100.7, unknown # nothing to see\n" +
		"::ffff:192.0.2.0/120, vpn\n::ffff:192.0.2.77, cloud\n" +
		"2001:db8::/32, residential\n2001:db8:0:1::5, business\n" +
		"as64500, azure\n" +
		"203.0.113.0/24, vpn\n203.0.113.0/24, tor\n"))
	if err != nil {
		t.Fatal(err)
	}
	const silent = "silent"
	for _, test := range []struct {
		address string
		bits    int
		asn     uint32
		want    string
	}{
		{"198.51.100.1", 32, 0, "tor"},
		{"198.51.100.129", 32, 0, "hosting"},
		{"198.51.100.7", 32, 0, "unknown"},
		{"198.51.100.0", 24, 0, silent},
		{"198.51.100.128", 25, 0, "hosting"},
		{"192.0.2.1", 32, 0, "vpn"},
		{"192.0.2.77", 32, 0, "cloud"},
		{"2001:db8::1", 128, 0, "residential"},
		{"2001:db8:0:1::9", 128, 0, "business"},
		{"2001:db8::", 48, 0, silent},
		{"2001:db8:1::", 48, 0, "residential"},
		{"203.0.113.0", 24, 0, "tor"},
		{"8.8.8.8", 32, 64500, "azure"},
		{"198.51.100.1", 32, 64500, "tor"},
		{"8.8.8.8", 32, 64501, silent},
	} {
		got := silent
		if kind, known := l.kind(netip.MustParseAddr(test.address), test.bits, test.asn); known {
			got = kind.String()
		}
		if got != test.want {
			t.Errorf("%s/%d of AS%d is %s, want %s", test.address, test.bits, test.asn, got, test.want)
		}
	}
}

func TestParseList_refuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no_kind":       {"# x\n192.0.2.1\n", `line 2: "192.0.2.1" has no kind: write it as in "198.51.100.0/24, tor"`},
		"unknown_kind":  {"192.0.2.1,evil\n", `line 1: "evil" is no kind of network`},
		"no_network":    {"example.org,vpn\n", `line 1: "example.org" is no prefix, no address and no system`},
		"system_zero":   {"AS0,vpn\n", `line 1: "AS0" is no prefix`},
		"large_system":  {"AS4294967296,vpn\n", `line 1: "AS4294967296" is no prefix`},
		"too_wide":      {"::ffff:0.0.0.0/90,vpn\n", "line 1:"},
		"late_header":   {"192.0.2.1,vpn\nnetwork,kind\n", `line 2: "kind" is no kind of network`},
		"empty":         {"# nothing\n", "the list is empty"},
		"a_long_line":   {"192.0.2.1,vpn\n" + strings.Repeat("x", 1<<17), "line 2: bufio.Scanner: token too long"},
		"binary_a_file": {"\x00\x01\x02", "line 1:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseList(strings.NewReader(test.text))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// FuzzParseList: a list is refused, or a prefix put at its end is found, with
// its kind, whatever stands before it.
func FuzzParseList(f *testing.F) {
	f.Add("198.51.100.0/24,tor\nAS64500,vpn\n", []byte{203, 0, 113, 7}, uint8(2))
	f.Add("2001:db8::/32,hosting\n\ufeffnetwork,kind\n", []byte{12: 1, 15: 9}, uint8(5))
	f.Fuzz(func(t *testing.T, text string, address []byte, kind uint8) {
		addr, ok := netip.AddrFromSlice(address)
		if !ok {
			t.Skip("no address has so many bytes")
		}
		want := detectors.NetworkKind(kind % uint8(detectors.Tor+1))
		if _, err := parseList(strings.NewReader(text)); err != nil {
			return
		}
		l, err := parseList(strings.NewReader(fmt.Sprintf("%s\n%s,%s\n", text, addr, want)))
		if err != nil {
			t.Fatal(err)
		}
		addr = addr.Unmap()
		if got, known := l.kind(addr, addr.BitLen(), 0); !known || got != want {
			t.Fatalf("%s is %s (known: %t), want %s", addr, got, known, want)
		}
	})
}
