package kinds

import (
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestEmbedded(t *testing.T) {
	c, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		number uint32
		name   string
		want   detectors.NetworkKind
	}{
		{8075, "Microsoft Corporation", detectors.Azure},
		{64500, "Microsoft Singapore Pte. Ltd.", detectors.Azure},
		{16509, "Amazon.com, Inc.", detectors.Cloud},
		{36351, "IBM Cloud", detectors.Cloud},
		{27530, "IBM", detectors.Business},
		{16591, "Google Fiber Inc.", detectors.Residential},
		{213230, "Hetzner Online GmbH", detectors.Hosting},
		{20473, "The Constant Company, LLC", detectors.Hosting},
		{64500, "Acme VPS Servers Ltd", detectors.Hosting},
		{13335, "Cloudflare, Inc.", detectors.VPN},
		{216025, "Mullvad VPN AB", detectors.VPN},
		{11019, "HAProxy Technologies, Inc.", detectors.Business},
		{208323, "Foundation for Applied Privacy", detectors.Tor},
		{7922, "Comcast Cable Communications, LLC", detectors.Residential},
		{44270, "TC TOR LLC", detectors.NetworkUnknown},
		{11845, "Vox Telecom Ltd", detectors.Residential},
		{36375, "University of Michigan", detectors.Business},
		{64500, "Stadtsparkasse Bank Telekommunikation", detectors.Business},
		{64500, "The Daily Observer", detectors.Business},
		{64500, "Robertson GmbH", detectors.NetworkUnknown},
		{64500, "", detectors.NetworkUnknown},
		{2914, "NTT America, Inc.", detectors.NetworkUnknown},
	} {
		if got := c.Kind(test.number, test.name); got != test.want {
			t.Errorf("AS%d %q is %s, want %s", test.number, test.name, got, test.want)
		}
	}
}

func TestParse_refuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"an_unknown_kind":  {"# head\nAS1, bad, x\n", `line 2: "bad" is no kind of network`},
		"a_number_twice":   {"AS1, vpn, x\nAS1, tor, y\n", "line 2: AS1 is there twice"},
		"a_broken_pattern": {"acme(, vpn, x\n", "line 1: error parsing regexp"},
		"a_missing_source": {"AS1, vpn\n", "wrong number of fields"},
		"a_large_number":   {"AS4294967296, vpn, x\n", "value out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
