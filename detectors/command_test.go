package detectors

import (
	"net/netip"
	"strings"
	"testing"
)

func TestCommand_Check(t *testing.T) {
	const now = 20_000 * Day
	good := func() Command {
		return Command{Time: now, By: "analyst", Exception: &Exception{ID: "x", Resource: "/subscriptions/s", Owner: "o", Reason: "r", Expires: now + Day}}
	}
	if c := good(); c.Check() != nil {
		t.Fatal(c.Check())
	}
	for name, test := range map[string]struct {
		change func(*Command)
		want   string
	}{
		"no_time":            {func(c *Command) { c.Time = 0 }, "no time"},
		"nobody":             {func(c *Command) { c.By = " " }, "author"},
		"two_things":         {func(c *Command) { c.Revoke = "y" }, "2 things"},
		"no_id":              {func(c *Command) { c.Exception.ID = "" }, "no id"},
		"no_owner":           {func(c *Command) { c.Exception.Owner = "" }, "owner"},
		"no_scope":           {func(c *Command) { c.Exception.Resource = "" }, "scope"},
		"no_expiry":          {func(c *Command) { c.Exception.Expires = 0 }, "within a year"},
		"expiry_too_far":     {func(c *Command) { c.Exception.Expires = now + 400*Day }, "within a year"},
		"odd_verdict":        {func(c *Command) { c.Exception, c.Verdict = nil, &Verdict{Incident: "i", Value: "test"} }, "changes no judgement"},
		"verdict_of_nothing": {func(c *Command) { c.Exception, c.Verdict = nil, &Verdict{Value: VerdictBenign} }, "incident's id"},
		"decoy":              {func(c *Command) { c.Exception, c.Decoy = nil, &Decoy{ID: "d"} }, "decoy needs"},
		"watch":              {func(c *Command) { c.Exception, c.Watch = nil, &Watch{ID: "w"} }, "watch needs"},
		"watch_for_ever": {func(c *Command) {
			c.Exception, c.Watch = nil, &Watch{ID: "w", Networks: []netip.Prefix{{}}, Reason: "r"}
		}, "within a year"},
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			test.change(&c)
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

func TestException_Covers(t *testing.T) {
	const now = 20_000 * Day
	p := Principal{Kind: EntraObject, ID: "o", Resource: "/subscriptions/s/resourcegroups/g/a"}
	other := p
	other.ID = "p"
	n := Network{Prefix: netip.MustParsePrefix("203.0.113.0/24")}
	in := []netip.Prefix{netip.MustParsePrefix("203.0.0.0/16")}
	for name, test := range map[string]struct {
		x    Exception
		from Network
		want bool
	}{
		"of_the_principal":     {Exception{Principal: &p}, n, true},
		"of_another_principal": {Exception{Principal: &other}, n, false},
		"of_the_resource":      {Exception{Resource: p.Resource}, n, true},
		"of_its_group":         {Exception{Resource: "/subscriptions/s/resourcegroups/g"}, n, true},
		"of_a_longer_name":     {Exception{Resource: "/subscriptions/s/resourcegroups/g/"}, n, true},
		"of_half_a_name":       {Exception{Resource: "/subscriptions/s/resource"}, n, false},
		"of_the_network":       {Exception{Networks: in}, n, true},
		"of_a_part_of_it":      {Exception{Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}}, n, false},
		"from_nowhere_known":   {Exception{Networks: in}, Network{}, false},
		"all_must_match":       {Exception{Principal: &other, Networks: in}, n, false},
	} {
		t.Run(name, func(t *testing.T) {
			test.x.Expires = now + 1
			if got := test.x.Covers(p, &test.from, now); got != test.want {
				t.Errorf("covers: %v, want %v", got, test.want)
			}
			if test.x.Covers(p, &test.from, now+1) {
				t.Error("covers when it has expired")
			}
		})
	}
}

func TestProfile_Settle_and_Forget(t *testing.T) {
	const start = 20_000 * Day
	p := new(Profile)
	home := Network{Prefix: netip.MustParsePrefix("203.0.113.0/24"), ASN: 1, Country: Country{'N', 'L'}}
	away := Network{Prefix: netip.MustParsePrefix("198.51.100.0/24"), ASN: 2, Country: Country{'D', 'E'}}
	for d := range Time(5) {
		p.Learn(&Call{Time: start + d*Day, From: home, Model: "a"}, false)
	}
	now := start + 5*Day
	p.Learn(&Call{Time: now, From: away, Model: "b"}, false)
	if p.Standing(&away, now) != Foreign {
		t.Fatal("a new network is not foreign: this test shows nothing")
	}
	settled := *p
	b, _ := p.AppendBinary(nil)
	if err := settled.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	settled.Settle([]netip.Prefix{away.Prefix})
	if s := settled.Standing(&away, now); s != Usual {
		t.Errorf("standing %d of a network that somebody vouched for, want usual", s)
	}
	p.Forget([]netip.Prefix{away.Prefix}, now)
	if p.Networks.Find(away.Prefix) != nil || p.Organizations.Find(2) != nil || p.Countries.Find(away.Country) != nil || p.Models.Find("b") != nil {
		t.Error("something of the attacker is remembered")
	}
	if p.Networks.Find(home.Prefix) == nil || p.Models.Find("a") == nil {
		t.Error("something of the principal is forgotten")
	}
}
