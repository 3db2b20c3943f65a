package geo

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywarden/keywarden/detectors"
)

func embeddedTables(t testing.TB) *Tables {
	t.Helper()
	tables, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

var byValue = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{})}

func TestLocate_known_addresses(t *testing.T) {
	tables := embeddedTables(t)
	us, de, nl := detectors.Country{'U', 'S'}, detectors.Country{'D', 'E'}, detectors.Country{'N', 'L'}
	for _, test := range []struct {
		address, prefix string
		want            detectors.Network
	}{
		{"8.8.8.8", "8.8.8.0/24", detectors.Network{Country: us, ASN: 15169, Organization: "Google LLC", Kind: detectors.Cloud}},
		{"1.1.1.1", "1.1.1.0/24", detectors.Network{Country: detectors.Country{'A', 'U'}, Weak: true, ASN: 13335, Organization: "Cloudflare, Inc.", Kind: detectors.VPN}},
		{"20.50.2.1", "20.50.2.0/24", detectors.Network{Country: nl, Weak: true, ASN: 8075, Organization: "Microsoft Corporation", Kind: detectors.Azure}},
		{"88.198.1.1", "88.198.1.0/24", detectors.Network{Country: de, ASN: 24940, Organization: "Hetzner Online GmbH", Kind: detectors.Hosting}},
		{"73.1.1.1", "73.1.1.0/24", detectors.Network{Country: us, ASN: 7922, Organization: "Comcast Cable Communications, LLC", Kind: detectors.Residential}},
		{"185.220.101.5", "185.220.101.0/24", detectors.Network{Country: de, ASN: 60729, Organization: "Stiftung Erneuerbare Freiheit", Kind: detectors.Tor}},
		{"2a01:4f8:c0c:1::7", "2a01:4f8:c0c::/48", detectors.Network{Country: de, ASN: 24940, Organization: "Hetzner Online GmbH", Kind: detectors.Hosting}},
		{"2601::1", "2601::/48", detectors.Network{Country: us, ASN: 7922, Organization: "Comcast Cable Communications, LLC", Kind: detectors.Residential}},
	} {
		addr := netip.MustParseAddr(test.address)
		want := test.want
		want.Prefix, want.Address = netip.MustParsePrefix(test.prefix), addr
		if diff := cmp.Diff(want, tables.Locate(addr, addr.BitLen()), byValue); diff != "" {
			t.Errorf("%s: %s", addr, diff)
		}
	}
}

func TestLocate_special_addresses(t *testing.T) {
	tables := embeddedTables(t)
	for address, prefix := range map[string]string{
		"0.1.2.3": "0.1.2.0/24", "10.1.2.3": "10.1.2.0/24", "100.64.9.9": "100.64.9.0/24", "127.0.0.1": "127.0.0.0/24",
		"169.254.1.1": "169.254.1.0/24", "172.31.255.255": "172.31.255.0/24", "192.168.0.1": "192.168.0.0/24",
		"203.0.113.7": "203.0.113.0/24", "224.0.0.1": "224.0.0.0/24", "255.255.255.255": "255.255.255.0/24",
		"::": "::/48", "::1": "::/48", "fe80::1": "fe80::/48", "fd00::1": "fd00::/48", "ff02::1": "ff02::/48",
		"2001:db8::1": "2001:db8::/48", "2002:808:808::1": "2002:808:808::/48",
	} {
		addr := netip.MustParseAddr(address)
		want := detectors.Network{Prefix: netip.MustParsePrefix(prefix), Address: addr}
		if diff := cmp.Diff(want, tables.Locate(addr, addr.BitLen()), byValue); diff != "" {
			t.Errorf("%s: %s", addr, diff)
		}
	}
}

func TestLocate_nothing_shown(t *testing.T) {
	tables := embeddedTables(t)
	for name, network := range map[string]detectors.Network{
		"no_address":     tables.Locate(netip.Addr{}, 24),
		"no_bits":        tables.Locate(netip.MustParseAddr("8.8.8.8"), 0),
		"negative_bits":  tables.Locate(netip.MustParseAddr("8.8.8.8"), -1),
		"mapped_no_bits": tables.Locate(netip.MustParseAddr("::ffff:8.8.8.8"), 0),
		"mapped_to_96":   tables.Locate(netip.MustParseAddr("::ffff:8.8.8.8"), 96),
	} {
		if network != (detectors.Network{}) {
			t.Errorf("%s: %+v", name, network)
		}
	}
}

func TestLocate_address_forms(t *testing.T) {
	tables := embeddedTables(t)
	plain := tables.Locate(netip.MustParseAddr("8.8.8.8"), 32)
	for _, form := range []struct {
		address string
		bits    int
	}{{"::ffff:8.8.8.8", 128}, {"::ffff:8.8.8.8", 32}, {"8.8.8.8", 128}} {
		if diff := cmp.Diff(plain, tables.Locate(netip.MustParseAddr(form.address), form.bits), byValue); diff != "" {
			t.Errorf("%v: %s", form, diff)
		}
	}
	zoned := tables.Locate(netip.MustParseAddr("fe80::1%eth0"), 128)
	if want := netip.MustParseAddr("fe80::1"); zoned.Address != want {
		t.Errorf("got address %s, want %s", zoned.Address, want)
	}
}

func TestTables_say_what_they_are_made_of(t *testing.T) {
	tables := embeddedTables(t)
	if want := time.Date(2026, 6, 17, 19, 0, 0, 0, time.UTC); !tables.Date().Equal(want) {
		t.Errorf("date %s, want %s", tables.Date(), want)
	}
	if got := tables.Age(tables.Date().Add(time.Hour)); got != time.Hour {
		t.Errorf("age %s, want an hour", got)
	}
	if tables.Source() == "" {
		t.Error("no source")
	}
}
