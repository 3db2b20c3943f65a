package incident

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keywarden/keywarden/detectors"
)

func TestTitle(t *testing.T) {
	seen := func(detector string, bits float64, observed Facts, networks ...detectors.Network) Evidence {
		f := detectors.Finding{Bits: bits, Observed: detectors.Facts(observed), Networks: networks}
		return Evidence{Detector: detector, Title: "Odd things happen", Strongest: observe(f)}
	}
	gateway := detectors.Principal{Kind: detectors.APIMSubscription, ID: "team-blue", Resource: "/subscriptions/0000/providers/microsoft.apimanagement/service/apim-prod"}
	custom := detectors.Principal{Kind: detectors.APIMSubscription, ID: "team-blue", Resource: "custom:ai-hub"}
	user := detectors.Principal{Kind: detectors.EntraObject, ID: "5d3f1c9a-0000-4000-8000-000000000000", Resource: key.Resource}
	resource := detectors.Principal{Kind: detectors.ResourcePrincipal, ID: key.ID, Resource: key.Resource}
	operator := detectors.Principal{Kind: detectors.Operator, ID: "77aa"}
	weak := moscow
	weak.Weak = true
	tests := []struct {
		name       string
		principals []detectors.Principal
		evidence   []Evidence
		totals     totals
		span       detectors.Time
		want       string
	}{
		{
			"place_and_counted_images", []detectors.Principal{key},
			[]Evidence{seen("image-burst", 22, Facts{"imagesPerHour": 40.0}), seen("new-network", 9, nil, network("203.0.113.0/24", "RU", detectors.Residential))},
			totals{Images: 812}, 3 * detectors.Hour,
			"Key of account aoai-prod used from a new network in Russia: 812 images in 3 h",
		},
		{
			"new_country_and_tokens", []detectors.Principal{gateway},
			[]Evidence{seen("new-country", 9, nil, moscow), seen("volume-surge", 8, Facts{"tokens": 3e6, "hours": 1.0})},
			totals{Tokens: 12_800_000, Calls: 100}, 65 * detectors.Minute,
			"Subscription team-blue of gateway apim-prod used from a new country, Russia: 12.8 million tokens in 65 min",
		},
		{
			"requests_observed", []detectors.Principal{custom},
			[]Evidence{seen("volume-surge", 8, Facts{"requests": 12_000.0, "hours": 5.4})},
			totals{Calls: 1}, 0,
			"Subscription team-blue of gateway ai-hub: 12,000 requests in 5 h",
		},
		{
			"images_observed", []detectors.Principal{key},
			[]Evidence{seen("image-burst", 8, Facts{"imagesPerHour": 812.0})},
			totals{Images: 3}, detectors.Minute,
			"Key of account aoai-prod: 812 images in an hour",
		},
		{
			"nothing_counted", []detectors.Principal{user},
			[]Evidence{seen("volume-surge", 8, nil), seen("image-burst", 7, nil)},
			totals{}, 0,
			"Entra identity 5d3f1c9… on account aoai-prod: a burst of requests",
		},
		{
			"doubtful_country_is_not_named", []detectors.Principal{key},
			[]Evidence{seen("model-enumeration", 8, nil, weak)},
			totals{}, 0,
			"Key of account aoai-prod used to look for models from a new hosting network",
		},
		{
			"unknown_place", []detectors.Principal{key},
			[]Evidence{seen("new-country", 8, nil)},
			totals{}, 0,
			"Key of account aoai-prod used from a new country",
		},
		{
			"a_vpn", []detectors.Principal{key},
			[]Evidence{seen("key-check", 8, nil, network("203.0.113.0/24", "", detectors.VPN))},
			totals{}, 0,
			"Key of account aoai-prod probed by a key checker from a new VPN or proxy",
		},
		{
			"tor", []detectors.Principal{key},
			[]Evidence{seen("new-network", 8, nil, network("203.0.113.0/24", "", detectors.Tor))},
			totals{}, 0,
			"Key of account aoai-prod used from Tor",
		},
		{
			"a_cloud", []detectors.Principal{key},
			[]Evidence{seen("new-network", 8, nil, network("203.0.113.0/24", "US", detectors.Azure))},
			totals{}, 0,
			"Key of account aoai-prod used from a new cloud network in United States",
		},
		{
			"other_detectors_have_their_title", []detectors.Principal{resource},
			[]Evidence{seen("of-tomorrow", 8, nil)},
			totals{}, 0,
			"Account aoai-prod: Odd things happen",
		},
		{
			"an_operator", []detectors.Principal{operator, key, gateway},
			[]Evidence{seen("resale", 8, nil)},
			totals{}, 0,
			"One operator on 3 principals used by many at once",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := title(test.principals, test.evidence, test.totals, test.span); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	t.Run("long_names_are_cut", func(t *testing.T) {
		long := detectors.Principal{Kind: detectors.APIMSubscription, ID: strings.Repeat("ü", 100), Resource: "/" + strings.Repeat("x", 100)}
		evidence := []Evidence{seen("image-burst", 22, nil), seen("new-network", 9, nil, network("203.0.113.0/24", "GS", detectors.Hosting))}
		got := title([]detectors.Principal{long}, evidence, totals{Images: 1e300}, 90*detectors.Day)
		if n := utf8.RuneCountInString(got); n != maxTitle || !utf8.ValidString(got) {
			t.Errorf("%d characters: %q", n, got)
		}
	})
}

func TestFigures(t *testing.T) {
	for x, want := range map[float64]string{2: "2", 9999.4: "9999", 10_000: "10,000", 999_999: "999,999", 999_999.6: "1.0 million", 2.55e9: "2.5 billion"} {
		if got := figure(x); got != want {
			t.Errorf("figure(%v) = %q, want %q", x, got, want)
		}
	}
	for d, want := range map[detectors.Time]string{
		0: "1 min", 99 * detectors.Minute: "99 min", detectors.Hour: "an hour", 100 * detectors.Minute: "2 h", 47 * detectors.Hour: "47 h", 60 * detectors.Hour: "3 days",
	} {
		if got := length(d); got != want {
			t.Errorf("length(%d) = %q, want %q", d, got, want)
		}
	}
	for code, want := range map[string]string{"AD": "Andorra", "ZW": "Zimbabwe", "KR": "South Korea", "XX": "XX", "": ""} {
		if got := countryName(code); got != want {
			t.Errorf("country %q is %q, want %q", code, got, want)
		}
	}
}
