package geo

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
)

func open(t *testing.T, o Options) *Tables {
	t.Helper()
	tables, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func locate(t *Tables, address string, bits int) detectors.Network {
	n := t.Locate(netip.MustParseAddr(address), bits)
	n.Prefix, n.Address = netip.Prefix{}, netip.Addr{}
	return n
}

func TestOpen_countries_take_over(t *testing.T) {
	tables := open(t, Options{City: writeMMDB(t, "GeoLite2-City",
		record{"8.8.8.0/25", inCountry("FR")}, record{"8.8.8.128/25", inCountry("FR")},
		record{"20.50.2.0/24", inCountry("NL")},
		record{"88.198.1.0/26", inCountry("CH")}, record{"88.198.1.128/25", inCountry("AT")},
		record{"73.1.1.0/24", inCountry("ZZ")},
		record{"10.1.0.0/16", inCountry("SE")},
		record{"2a01:4f8::/32", inCountry("FI")},
	)})
	base := embeddedTables(t)
	for name, test := range map[string]struct {
		address string
		bits    int
		country string
		weak    bool
	}{
		"full":                         {"8.8.8.8", 32, "FR", false},
		"masked_over_two_records":      {"8.8.8.0", 24, "FR", false},
		"no_longer_weak":               {"20.50.2.1", 32, "NL", false},
		"differing_within_a_24":        {"88.198.1.0", 24, "AT", true},
		"full_where_masked_differs":    {"88.198.1.5", 32, "CH", false},
		"not_in_the_file":              {"1.1.1.1", 32, "AU", true},
		"no_country_in_the_record":     {"73.1.1.1", 32, "US", false},
		"private_in_an_operators_file": {"10.1.2.3", 32, "SE", false},
		"ipv6":                         {"2a01:4f8:1::1", 128, "FI", false},
		"ipv6_masked":                  {"2a01:4f8:1::", 48, "FI", false},
		"mapped":                       {"::ffff:8.8.8.8", 128, "FR", false},
	} {
		t.Run(name, func(t *testing.T) {
			want := locate(base, test.address, test.bits)
			want.Country, want.Weak = detectors.Country{test.country[0], test.country[1]}, test.weak
			if diff := cmp.Diff(want, locate(tables, test.address, test.bits), byValue); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpen_systems_take_over(t *testing.T) {
	tables := open(t, Options{ASN: writeMMDB(t, "GeoLite2-ASN",
		record{"8.8.8.0/24", ofSystem(24940, "Hetzner")},
		record{"9.9.9.0/25", ofSystem(64500, "Example")}, record{"9.9.9.128/25", ofSystem(64501, "Other example")},
		record{"88.198.1.0/25", ofSystem(16276, "OVH")}, record{"88.198.1.128/25", ofSystem(24940, "Hetzner")},
	)})
	base := embeddedTables(t)
	for name, test := range map[string]struct {
		address string
		bits    int
		asn     uint32
		name    string
		kind    detectors.NetworkKind
	}{
		"kind_of_the_other_system": {"8.8.8.8", 32, 24940, "Hetzner", detectors.Hosting},
		"unknown_system":           {"9.9.9.9", 32, 64500, "Example", detectors.NetworkUnknown},
		"two_systems":              {"9.9.9.0", 24, 0, "", detectors.NetworkUnknown},
		"two_systems_of_one_kind":  {"88.198.1.0", 24, 0, "", detectors.Hosting},
		"not_in_the_file":          {"1.1.1.1", 32, 13335, "Cloudflare, Inc.", detectors.VPN},
	} {
		t.Run(name, func(t *testing.T) {
			want := locate(base, test.address, test.bits)
			want.ASN, want.Organization, want.Kind = test.asn, test.name, test.kind
			if diff := cmp.Diff(want, locate(tables, test.address, test.bits), byValue); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOpen_kinds_take_over(t *testing.T) {
	list := filepath.Join(t.TempDir(), "kinds.csv")
	err := os.WriteFile(list, []byte("8.8.8.0/24,tor\n8.8.8.8,vpn\nAS7922,hosting\n2601::/20,business\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	flags := writeMMDB(t, "GeoIP2-Anonymous-IP",
		record{"8.8.8.0/29", map[string]any{"is_anonymous": true, "is_tor_exit_node": true}},
		record{"8.8.8.8/32", map[string]any{"is_anonymous": true, "is_anonymous_vpn": true}},
		record{"73.1.1.0/24", map[string]any{"is_anonymous": true, "is_hosting_provider": true}},
		record{"2601::/24", map[string]any{"is_anonymous": true}},
	)
	for name, test := range map[string]struct {
		file, address string
		bits          int
		want          detectors.NetworkKind
	}{
		"list_address":         {list, "8.8.8.8", 32, detectors.VPN},
		"list_prefix":          {list, "8.8.8.9", 32, detectors.Tor},
		"list_masked_mixed":    {list, "8.8.8.0", 24, detectors.Cloud},
		"list_system":          {list, "73.1.1.1", 32, detectors.Hosting},
		"list_before_system":   {list, "2601::1", 128, detectors.Business},
		"list_says_nothing":    {list, "1.1.1.1", 32, detectors.VPN},
		"flags_tor":            {flags, "8.8.8.1", 32, detectors.Tor},
		"flags_vpn":            {flags, "8.8.8.8", 32, detectors.VPN},
		"flags_masked_mixed":   {flags, "8.8.8.0", 24, detectors.Cloud},
		"flags_masked_alike":   {flags, "73.1.1.0", 24, detectors.Hosting},
		"flags_anonymous_only": {flags, "2601::1", 128, detectors.VPN},
		"flags_say_nothing":    {flags, "88.198.1.1", 32, detectors.Hosting},
	} {
		t.Run(name, func(t *testing.T) {
			tables := open(t, Options{Anonymous: test.file})
			if got := locate(tables, test.address, test.bits).Kind; got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestOpen_without_files_is_embedded(t *testing.T) {
	if got, want := locate(open(t, Options{}), "8.8.8.8", 32), locate(embeddedTables(t), "8.8.8.8", 32); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestOpen_refuses(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	countries := writeMMDB(t, "GeoLite2-Country", record{"8.8.8.0/24", inCountry("FR")})
	systems := writeMMDB(t, "GeoLite2-ASN", record{"8.8.8.0/24", ofSystem(1, "One")})
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"no_such_file":           {Options{City: text + "x"}, "no such file"},
		"not_in_the_format":      {Options{City: text}, "give a file in MaxMind's format (.mmdb)"},
		"systems_for_countries":  {Options{City: systems}, `is a file of the type "GeoLite2-ASN", which has no countries: give one of the kind City or Country`},
		"countries_for_systems":  {Options{ASN: countries}, `is a file of the type "GeoLite2-Country", which has no autonomous systems: give one of the kind ASN or ISP`},
		"countries_for_kinds":    {Options{Anonymous: countries}, `which has no anonymous networks: give one of the kind Anonymous IP, or a text of networks`},
		"a_text_that_is_no_list": {Options{Anonymous: text}, `line 1: "hello" has no kind`},
		"no_such_list":           {Options{Anonymous: text + "x"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func BenchmarkLocate_with_files(b *testing.B) {
	tables, err := Open(Options{
		City: writeMMDB(b, "GeoLite2-City", record{"8.8.8.0/24", inCountry("FR")}),
		ASN:  writeMMDB(b, "GeoLite2-ASN", record{"8.8.8.0/24", ofSystem(15169, "Google LLC")}),
	})
	if err != nil {
		b.Fatal(err)
	}
	addr := netip.MustParseAddr("8.8.8.8")
	b.ReportAllocs()
	for b.Loop() {
		tables.Locate(addr, 32)
	}
}
