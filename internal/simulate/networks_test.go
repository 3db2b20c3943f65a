package simulate

import (
	"net/netip"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/geo"
)

// TestNetworks_are_where_they_say compares networks.txt with the embedded
// tables of addresses. Clouds announce a region's addresses from anywhere, so
// their countries are left out.
func TestNetworks_are_where_they_say(t *testing.T) {
	tables, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]detectors.NetworkKind{
		fixed: detectors.Residential, mobile: detectors.Residential, business: detectors.Business, aws: detectors.Cloud, google: detectors.Cloud,
		azure: detectors.Azure, hosting: detectors.Hosting, vpn: detectors.VPN, tor: detectors.Tor,
	}
	all := networks().all
	if len(all) < 300 {
		t.Fatalf("%d networks: too few", len(all))
	}
	other := 0
	for _, n := range all {
		r := stream(1, n.prefix.String())
		for range 5 {
			at := tables.Locate(n.address(r), 32)
			if cloud := n.kind == aws || n.kind == google || n.kind == azure; !cloud && at.Country.String() != n.country {
				t.Errorf("%v is in %q, not in %s", n.prefix, at.Country, n.country)
			}
			if at.Kind != kinds[n.kind] {
				other++
			}
		}
	}
	if other > len(all)*5/5 { // the tables know no kind of small carriers and of some companies
		t.Errorf("%d of %d addresses are of another kind", other, len(all)*5)
	}
}

func TestNetworks_addresses(t *testing.T) {
	r := stream(1, "addresses")
	for _, n := range networks().all {
		for _, a := range append(n.pool(r, 5), n.address(r)) {
			last := a.As4()[3]
			if !n.prefix.Contains(a) || last == 0 || last == 255 {
				t.Errorf("%v is no host of %v", a, n.prefix)
			}
		}
	}
}

func TestNetworks_cover_what_is_asked_for(t *testing.T) {
	for _, home := range homes {
		for _, kind := range []string{fixed, mobile, business, aws, azure} {
			if !networks().has(kind, home) {
				t.Errorf("no %s network in %s", kind, home)
			}
		}
	}
}

func TestMasked(t *testing.T) {
	if got := masked(netip.MustParseAddr("203.0.113.77")); got != netip.MustParseAddr("203.0.113.0") {
		t.Errorf("masked is %v", got)
	}
}
