package detectors

import (
	"math"
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
			if points := p.Strangeness(test.act); math.Abs(points-test.points) > .01 {
				t.Errorf("%v points, want %v", points, test.points)
			}
		})
	}
}

// What nobody knows on a resource says little in the days in which next to nobody is known.
func TestProfile_Strangeness_of_the_first_days(t *testing.T) {
	var p Profile
	p.Learn(&Act{Time: 20_000 * Day, Succeeded: true, Actor: Actor{Name: "admin"}}, false)
	act := func(day Time, kind NetworkKind) *Act {
		return &Act{Time: (20_000 + day) * Day, Actor: Actor{Name: "else", AppID: "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"},
			From: Network{Prefix: netip.MustParsePrefix("192.0.2.0/24"), ASN: 9, Country: Country{'U', 'S'}, Kind: kind}}
	}
	before := 0.0
	for _, day := range []Time{0, 1, 2, 3, 14} {
		points := p.Strangeness(act(day, Residential))
		if day > 0 && points <= before || day == 1 && points > 2.1 || points > 3 || day == 14 && points < 2.99 {
			t.Errorf("day %d: %.2f points, %.2f before", day, points, before)
		}
		before = points
	}
	if points := p.Strangeness(act(0, Tor)); points < strangeTor {
		t.Errorf("through Tor on the first day: %.2f points, want %d", points, strangeTor)
	}
}
