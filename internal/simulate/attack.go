package simulate

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// attack is one campaign under way.
type attack struct {
	index    int
	strength Strength
	town     *town
	lives    []*life
	taken    map[*identity]bool
	r        *rand.Rand
	at       detectors.Time // of the first act or call

	victim     *life
	principals []detectors.Principal // for the truth
	servers    []netip.Addr          // few: rented
	crowd      []netip.Addr          // many: homes behind a proxy, exits of VPNs
	api        string

	decoy   *detectors.Principal // named by an analyst, as is
	watched netip.Prefix         // this network; zero where none is

	shots  []call // single calls and acts, by time
	phases []phase
}

// phase is a time during which an attacker calls at some rate.
type phase struct {
	span
	who         *identity
	first, last float64 // calls in ten minutes, at the beginning and at the end; between them it grows by equal factors
	rough       float64 // sigma of the logarithm of each window's rate
	hosts       []netip.Addr
	tasks       []work
	api         string
	filtered    float64    // share refused by the content filter
	saturated   float64    // share refused because the quota is used up
	prompt      [2]float64 // tokens, uniform; zero: as the task has it
}

// choose finds the victim.
func (a *attack) choose(kind *campaignKind, c Campaign) error {
	if c.Target != 0 {
		if c.Target < 0 || c.Target > len(a.lives) {
			return fmt.Errorf("campaign %s: no principal has the number %d: there are 1 to %d", c.Kind, c.Target, len(a.lives))
		}
		a.victim = a.lives[c.Target-1]
		if kind.acts && a.victim.who.on.sort != account {
			return fmt.Errorf("campaign %s: principal %d is a gateway's, and this happens to an account: name another target", c.Kind, c.Target)
		}
		return nil
	}
	fresh := a.suitable(kind.suits, c.Day)
	if other := otherwise[kind.name]; len(fresh) == 0 && other != nil {
		fresh = a.suitable(other, c.Day)
	}
	if len(fresh) == 0 {
		return fmt.Errorf("campaign %s: none of the %d principals suits: take more principals, or name a target", c.Kind, len(a.lives))
	}
	// A draw by rank of hash, not by index: a further principal seldom changes who is chosen.
	salt := a.r.Uint64()
	a.victim = slices.MinFunc(fresh, func(x, y *life) int {
		return cmp.Compare(mix(salt^uint64(x.index)), mix(salt^uint64(y.index)))
	})
	return nil
}

// suitable are the principals that suit, at whom, and at whose account's key, no campaign is aimed
// yet, and that stay in the log or, where there are none, all that suit.
func (a *attack) suitable(suits func(*life) bool, day int) []*life {
	var fresh, any []*life
	for _, l := range a.lives {
		if suits(l) && l.known(day) {
			any = append(any, l)
			if !a.taken[l.who] && !a.taken[l.who.on.key] && l.who.on.silent == 0 {
				fresh = append(fresh, l)
			}
		}
	}
	if len(fresh) == 0 {
		return any
	}
	return fresh
}

// Api-versions of attackers' tools: stale, as those of the known checkers and image clients.
var attackerVersions = []string{"2023-09-01-preview", "2023-12-01-preview", "2024-02-15-preview", "2023-05-15"}

// exitCountries have exits of VPNs.
var exitCountries = []string{"GB", "US", "RO", "SE", "NL", "CH"}

// equip rents the attacker's networks: mostly servers, else a VPN's exits or a few homes behind a proxy.
func (a *attack) equip() {
	all := networks()
	seats := []string{"NL", "US", "DE", "FR", "GB", "PL", "SG", "RU"}
	kind, country := hosting, pick(a.r, seats)
	switch u := a.r.Float64(); {
	case u < .15:
		kind, country = fixed, pick(a.r, all.countries)
	case u < .35:
		kind, country = vpn, pick(a.r, exitCountries)
	}
	for range 2 + a.r.IntN(3) {
		a.servers = append(a.servers, somewhere(a.r, kind, country))
	}
	for range 200 {
		switch u := a.r.Float64(); {
		case u < .15:
			a.crowd = append(a.crowd, somewhere(a.r, vpn, pick(a.r, exitCountries)))
		case u < .25:
			a.crowd = append(a.crowd, somewhere(a.r, hosting, pick(a.r, seats)))
		case u < .27:
			a.crowd = append(a.crowd, somewhere(a.r, tor, pick(a.r, []string{"AT", "DE", "US"})))
		default: // homes whose owners do not know
			a.crowd = append(a.crowd, somewhere(a.r, fixed, pick(a.r, all.countries)))
		}
	}
	a.api = pick(a.r, attackerVersions)
	if a.strength == Slow && chance(a.r, .5) {
		a.api = a.victim.api // who hides copies the client, too
	}
}

// window makes the campaign's calls and acts of the ten minutes from now.
func (a *attack) window(now, end detectors.Time, emit func(*call)) {
	for len(a.shots) > 0 && a.shots[0].at() < end {
		c := a.shots[0]
		a.shots = a.shots[1:]
		if c.at() >= now {
			a.send(&c, emit)
		}
	}
	for i := range a.phases {
		p := &a.phases[i]
		from, to := max(now, p.from), min(end, p.to)
		if from >= to {
			continue
		}
		done := float64(from-p.from) / float64(p.to-p.from)
		rate := p.first * math.Pow(p.last/p.first, done) * spread(a.r, p.rough)
		for range poisson(a.r, rate*float64(to-from)/float64(window)) {
			c := a.call(p)
			c.Time = from + detectors.Time(a.r.Int64N(int64(to-from)))
			a.send(&c, emit)
		}
	}
}

func (a *attack) send(c *call, emit func(*call)) {
	c.campaign, c.serial = a.index, a.r.Uint64()
	emit(c)
}

// call draws a call of a phase.
func (a *attack) call(p *phase) call {
	task := &p.tasks[0]
	if len(p.tasks) > 1 {
		task = &p.tasks[a.r.IntN(len(p.tasks))]
	}
	c := task.call(a.r)
	if p.prompt[1] > 0 {
		c.sized(int64(between(a.r, p.prompt[0], p.prompt[1])), c.Tokens.Completion)
	}
	c.who, c.addr, c.Client.APIVersion = p.who, pick(a.r, p.hosts), p.api
	switch u := a.r.Float64(); {
	case u < p.filtered:
		c.fail(a.r, 400)
	case u < p.filtered+p.saturated:
		c.fail(a.r, 429)
	}
	return c
}

// at is when a call or an act happens.
func (c *call) at() detectors.Time {
	if c.act != nil {
		return c.act.Time
	}
	return c.Time
}

func (a *attack) sortShots() {
	slices.SortStableFunc(a.shots, func(x, y call) int { return cmp.Compare(x.at(), y.at()) })
}
