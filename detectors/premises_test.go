package detectors

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fourth is the n-th of 65,536 networks.
func fourth(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 0}), 24)
}

func TestPremises_Known(t *testing.T) {
	var none *Premises
	if none.Known(fourth(1), 20_000*Day) || none.Stays() != nil || none.With() != nil {
		t.Error("nil premises know something")
	}
	p := none.With(Stay{fourth(1), 100*Hour + 1, 200*Hour + 1}, Stay{fourth(1), 300 * Hour, 400 * Hour}, Stay{fourth(3), 0, 1000 * Hour},
		Stay{netip.Prefix{}, 0, Hour}, Stay{fourth(4), Hour, Hour + Minute}, Stay{fourth(5), -Hour, Hour}, Stay{fourth(6), 0, lastTime + Hour})
	if len(p.Stays()) != 3 {
		t.Errorf("%d stays, want the three that can be", len(p.Stays()))
	}
	for at, want := range map[Time]bool{100*Hour - 1: false, 100 * Hour: true, 200*Hour - 1: true, 200 * Hour: false, 300*Hour - 1: false, 300 * Hour: true, 400*Hour - 1: true, 400 * Hour: false} {
		if p.Known(fourth(1), at) != want {
			t.Errorf("at %v it is known: %v, want %v", at, !want, want)
		}
	}
	for _, n := range []int{0, 2, 4} {
		if p.Known(fourth(n), 150*Hour) {
			t.Errorf("network %d is known", n)
		}
	}
	if p.With(Stay{fourth(1), 150 * Hour, 200 * Hour}) != p {
		t.Error("what adds nothing makes other premises")
	}
	if later := p.With(Stay{fourth(2), 0, Hour}); !later.Known(fourth(2), 0) || p.Known(fourth(2), 0) {
		t.Error("premises are changed, and not replaced")
	}
}

// What is premises does not depend on the order of the stays, nor on how often each comes, nor on being stored in between.
func TestPremises_With_is_a_set(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var stays []Stay
		for range rapid.IntRange(0, 30).Draw(r, "stays") {
			since := Time(rapid.IntRange(0, 50).Draw(r, "since")) * Hour
			stays = append(stays, Stay{fourth(rapid.IntRange(0, 3).Draw(r, "network")), since, since + Time(rapid.IntRange(0, 9).Draw(r, "hours"))*Hour})
		}
		want := (*Premises)(nil).With(stays...)
		var got *Premises
		for _, s := range rapid.Permutation(slices.Concat(stays, stays)).Draw(r, "order") {
			got = got.With(s)
			if got == nil || !rapid.Bool().Draw(r, "stored") {
				continue
			}
			data, err := json.Marshal(got)
			if err != nil {
				r.Fatal(err)
			}
			got = new(Premises)
			if err := json.Unmarshal(data, got); err != nil {
				r.Fatal(err)
			}
		}
		if !slices.Equal(want.Stays(), got.Stays()) {
			r.Fatalf("%v, want %v", got.Stays(), want.Stays())
		}
		for n := range 4 {
			for hour := range Time(61) {
				known := slices.ContainsFunc(stays, func(s Stay) bool { return s.Network == fourth(n) && s.Since <= hour*Hour && hour*Hour < s.Until })
				if want.Known(fourth(n), hour*Hour) != known {
					r.Fatalf("network %d is known in hour %d: %v, and should not be told from the stays", n, hour, !known)
				}
			}
		}
	})
}

func TestPremises_With_is_bounded(t *testing.T) {
	var stays []Stay
	for n := range maxPremises + 100 {
		stays = append(stays, Stay{fourth(n), 0, Time(10+n%2) * Day})
	}
	p := (*Premises)(nil).With(stays...)
	if n := len(p.Stays()); n != maxPremises {
		t.Fatalf("%d stays, want %d", n, maxPremises)
	}
	for n := range stays {
		want := n%2 == 1 || n < maxPremises-100 // of those that end first, the last are dropped
		if p.Known(fourth(n), Day) != want {
			t.Fatalf("network %d is known: %v", n, !want)
		}
	}
	if data, err := json.Marshal(p); err != nil || len(data) > 40*maxPremises {
		t.Errorf("%d bytes, want 40 a network at most; %v", len(data), err)
	}
	if p.With(Stay{fourth(60_000), 0, Day}) != p {
		t.Error("a stay that ends before all others pushes one out")
	}
}

func TestPremises_UnmarshalJSON_refuses(t *testing.T) {
	for _, text := range []string{`[]`, `{"10.0.0.0":[1,2]}`, `{"10.0.0.0/24":[1]}`, `{"10.0.0.0/24":[2,1]}`, `{"10.0.0.0/24":[-1,1]}`, `{"10.0.0.0/24":[1,9223372036854775807]}`} {
		if err := json.Unmarshal([]byte(text), new(Premises)); err == nil || !strings.Contains(err.Error(), "premises") {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// homeIn is a profile of twelve calls a day from a network, for so many days, and of so many from elsewhere beside each.
func homeIn(network, days, elsewhere int) *Profile {
	p := &Profile{}
	for n := range 12 * days {
		t := 20_000*Day + Time(n)*Day/12 + Hour
		p.Learn(&Call{Time: t, From: Network{Prefix: fourth(network)}}, false)
		for i := range elsewhere {
			p.Learn(&Call{Time: t, From: Network{Prefix: fourth(100 + i)}}, false)
		}
	}
	return p
}

// calledOn is a profile of one call from a network on each of the days.
func calledOn(network int, days ...Time) *Profile {
	p := &Profile{}
	for _, day := range days {
		p.Learn(&Call{Time: 20_000*Day + day*Day, From: Network{Prefix: fourth(network)}}, false)
	}
	return p
}

// watched is the profile where the watch began on a day, counted from its first.
func watched(p *Profile, day Time) *Profile {
	p.Since = 20_000*Day + day*Day
	return p
}

func TestProfile_AtHome(t *testing.T) {
	at := func(days Time) *Call {
		return &Call{Time: 20_000*Day + days*Day + 2*Hour, Status: 200, Model: "gpt-4o", From: Network{Prefix: fourth(1)}}
	}
	with := func(p *Profile, change func(*Profile)) *Profile { change(p); return p }
	changed := func(c *Call, change func(*Call)) *Call { change(c); return c }
	for name, c := range map[string]struct {
		p    *Profile
		call *Call
		want string
	}{
		"after_days":                     {homeIn(1, 3, 0), at(3), AtHome},
		"after_two_days":                 {homeIn(1, 2, 0), at(2), AtHome},
		"after_a_day":                    {homeIn(1, 1, 0), at(1), ""},
		"a_call_now_and_then":            {calledOn(1, 0, 1, 2), at(3), ""},
		"at_a_hoster":                    {homeIn(1, 3, 0), changed(at(3), func(c *Call) { c.From.Kind = Hosting }), ""},
		"in_a_cloud":                     {homeIn(1, 3, 0), changed(at(3), func(c *Call) { c.From.Kind = Azure }), ""},
		"through_a_vpn":                  {homeIn(1, 3, 0), changed(at(3), func(c *Call) { c.From.Kind = VPN }), ""},
		"again_on_the_day":               {homeIn(1, 3, 0), at(2), ""},
		"on_the_first_day":               {homeIn(1, 1, 0), at(0), ""},
		"never_there":                    {homeIn(2, 3, 0), at(3), ""},
		"one_in_twenty":                  {homeIn(1, 3, 19), at(3), AtHome},
		"one_in_twenty-one":              {homeIn(1, 3, 20), at(3), ""},
		"while_guarded":                  {with(homeIn(1, 3, 0), func(p *Profile) { p.Guarded = true }), at(3), ""},
		"accused":                        {with(homeIn(1, 3, 0), func(p *Profile) { p.Accuse([]netip.Prefix{fourth(1)}, 20_002*Day) }), at(3), ""},
		"another_is_accused":             {with(homeIn(1, 3, 1), func(p *Profile) { p.Accuse([]netip.Prefix{fourth(100)}, 20_002*Day) }), at(3), AtHome},
		"with_a_wrong_key":               {homeIn(1, 3, 0), changed(at(3), func(c *Call) { c.Status = 401 }), ""},
		"by_nobody_knows_whom":           {homeIn(1, 3, 0), changed(at(3), func(c *Call) { c.Unproven = true }), ""},
		"since_the_watch_began":          {watched(homeIn(1, 3, 0), 0), at(3), Resident},
		"on_the_second_day_of_the_watch": {watched(homeIn(1, 1, 0), 0), at(1), ""},
		"a_little_later":                 {watched(homeIn(1, 2, 0), 0), at(2), Resident},
		"a_quarter_of_all":               {watched(homeIn(1, 3, 3), 0), at(3), Resident},
		"a_fifth_of_all":                 {watched(homeIn(1, 3, 4), 0), at(3), AtHome},
		"who_came_on_the_second_day":     {watched(homeIn(1, 3, 0), -1), at(3), AtHome},
		"a_guarded_resident":             {with(watched(homeIn(1, 3, 0), 0), func(p *Profile) { p.Guarded = true }), at(3), ""},
		"a_resident_at_home":             {watched(homeIn(1, 3, 0), 0), changed(at(3), func(c *Call) { c.From.Kind = Residential }), AtHome},
		"a_subscriber":                   {with(watched(homeIn(1, 3, 0), 0), func(p *Profile) { p.Principal.Kind = APIMSubscription }), at(3), AtHome},
		"there_long_before_the_watch":    {watched(homeIn(1, 3, 0), 2), at(3), AtHome},
		"a_resident_at_a_hoster":         {watched(homeIn(1, 3, 0), 0), changed(at(3), func(c *Call) { c.From.Kind = Hosting }), ""},
		"from_the_watchlist":             {homeIn(1, 3, 0), changed(at(3), func(c *Call) { c.From.Watched = "seen elsewhere" }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.p.AtHome(c.call); got != c.want {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

func TestProfile_Standing_on_premises(t *testing.T) {
	now := 20_005 * Day
	office := Network{Prefix: fourth(1)}
	premises := (*Premises)(nil).With(Stay{office.Prefix, 20_004 * Day, 20_009 * Day})
	of := func(p *Profile) *Profile { p.Premises, p.Clock = premises, now; return p }
	for name, c := range map[string]struct {
		p    *Profile
		at   Time
		want Standing
	}{
		"unknown":                       {homeIn(2, 3, 0), now, Foreign},
		"premises":                      {of(homeIn(2, 3, 0)), now, Near},
		"before":                        {of(homeIn(2, 3, 0)), 20_004*Day - 1, Foreign},
		"of_a_call_that_says_it_is_now": {func() *Profile { p := of(homeIn(2, 3, 0)); p.Clock = 20_004*Day - 1; return p }(), now, Foreign},
		"on_the_watchlist":              {of(homeIn(2, 3, 0)), now, Foreign},
		"accused_on_the_resource": {of(func() *Profile {
			p := homeIn(2, 3, 0)
			p.Resource = homeIn(1, 3, 0)
			p.Resource.Accuse([]netip.Prefix{office.Prefix}, now-Hour)
			return p
		}()), now, Foreign},
		"its_own": {of(homeIn(1, 3, 0)), now, Usual},
		"accused": {of(func() *Profile {
			p := homeIn(2, 3, 0)
			p.Learn(&Call{Time: now - Hour, From: office}, false)
			p.Accuse([]netip.Prefix{office.Prefix}, now-Hour)
			return p
		}()), now, Foreign},
	} {
		t.Run(name, func(t *testing.T) {
			office := office
			if name == "on_the_watchlist" {
				office.Watched = "seen elsewhere"
			}
			if got := c.p.Standing(&office, c.at); got != c.want {
				t.Errorf("standing %d, want %d", got, c.want)
			}
			if got := c.p.Stranger(&office, c.at); got != (c.want == Foreign) {
				t.Errorf("a stranger: %v", got)
			}
		})
	}
	t.Run("newcomer", func(t *testing.T) {
		resource, young := homeIn(2, 5, 0), &Profile{}
		young.Resource = resource
		for _, known := range []bool{false, true} {
			if known {
				of(young)
			}
			if got := young.Stranger(&office, now); got == known {
				t.Errorf("premises: %v; a stranger: %v", known, got)
			}
		}
	})
}

func ExamplePremises_MarshalJSON() {
	p := (*Premises)(nil).With(Stay{netip.MustParsePrefix("203.0.113.0/24"), 20_000 * Day, 20_014 * Day}, Stay{netip.MustParsePrefix("2001:db8::/48"), 20_000 * Day, 20_007 * Day})
	data, _ := json.Marshal(p)
	fmt.Println(string(data))
	// Output: {"2001:db8::/48":[480000,480168],"203.0.113.0/24":[480000,480336]}
}

func TestProfile_OnPremises_where_a_resource_moves(t *testing.T) {
	office := Network{Prefix: fourth(1), ASN: 1, Country: Country{'D', 'E'}}
	other := Network{Prefix: fourth(2), ASN: 2, Country: Country{'A', 'U'}, Kind: Business}
	const callers, today = 9, 20_014 * Day // of whom the last one is asked about
	for name, c := range map[string]struct {
		came    int // callers that come to the other network
		before  Time
		kind    NetworkKind
		accused bool
		want    bool
	}{
		"half_have_come":            {came: 4, kind: Business, want: true},
		"and_midnight_has_passed":   {came: 4, kind: Business, before: 20 * Hour, want: true},
		"not_half_have_come":        {came: 3, kind: Business},
		"they_have_been_there":      {came: 6, kind: Business, before: 2 * Day},
		"to_a_server_for_rent":      {came: 6, kind: Hosting},
		"to_a_cloud":                {came: 6, kind: Cloud},
		"most_came_and_are_accused": {came: 6, kind: Business, accused: true},
	} {
		t.Run(name, func(t *testing.T) {
			resource, other := &Profile{}, other
			other.Kind = c.kind
			learn := func(at Time, from Network, caller int) {
				resource.LearnPeer(&Call{Time: at, Status: 200, Model: "gpt-4o", From: from}, EntraObject, 1<<caller, false)
			}
			for day := range Time(14) {
				for caller := range callers {
					learn(20_000*Day+day*Day+Time(caller)*Minute, office, caller)
				}
			}
			for caller := range c.came {
				learn(today+3*Hour-c.before+Time(caller)*Minute, other, caller)
			}
			p := &Profile{Resource: resource, Caller: 1 << (callers - 1)}
			if c.accused {
				p.Learn(&Call{Time: today + Hour, From: other}, false)
				p.Accuse([]netip.Prefix{other.Prefix}, today+Hour)
			}
			if got := p.OnPremises(&other, today+4*Hour); got != c.want {
				t.Errorf("on premises: %v, want %v", got, c.want)
			}
		})
	}
}
