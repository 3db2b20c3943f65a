package detectors

import (
	"net/netip"
	"testing"
)

func TestProfile_Strangeness(t *testing.T) {
	from := func(kind NetworkKind, asn uint32) Network {
		return Network{Prefix: netip.MustParsePrefix("192.0.2.0/24"), ASN: asn, Country: Country{'U', 'S'}, Kind: kind}
	}
	office := Network{Prefix: netip.MustParsePrefix("198.51.100.0/24"), ASN: 1, Country: Country{'D', 'E'}, Kind: Business}
	const list = "microsoft.cognitiveservices/accounts/listkeys/action"
	var p Profile
	for day := range Time(14) {
		p.LearnPeer(&Call{Time: (20000 + day) * Day, Status: 200, From: office}, AccountKey, 0, false)
		p.Learn(&Act{Time: (20000 + day) * Day, Succeeded: true, Operation: list, Actor: Actor{Name: "admin"}, From: office}, false)
		p.Learn(&Act{Time: (20000+day)*Day + Hour, Succeeded: true, Operation: list, Actor: Actor{Name: "admin"}, From: from(Hosting, 77)}, false)
	}
	act := func(who string, from Network) *Act {
		return &Act{Time: 20014 * Day, Succeeded: true, Operation: list, Actor: Actor{Name: who}, From: from}
	}
	for name, test := range map[string]struct {
		act    *Act
		points float64
	}{
		"the_administrator_at_work":      {act("admin", office), 0.5},
		"a_stranger_at_work":             {act("else", office), 2.5},
		"a_stranger_from_rented_servers": {act("else", from(Hosting, 9)), 15.5},
		"a_stranger_through_tor":         {act("else", from(Tor, 9)), 15.5},
		"a_pipeline_in_azure":            {act("else", from(Azure, 9)), 2.5},
		"a_pipeline_in_another_cloud":    {act("else", from(Cloud, 9)), 3.5},
		"the_administrator_abroad":       {act("admin", from(Residential, 9)), 3.5},
		"a_runner_on_rented_servers":     {act("admin", from(Hosting, 77)), 3.5},
	} {
		t.Run(name, func(t *testing.T) {
			if points := p.Strangeness(test.act); points != test.points {
				t.Errorf("%v points, want %v", points, test.points)
			}
		})
	}
}
