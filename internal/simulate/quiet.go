package simulate

import (
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// Campaigns that call little or nothing, or nothing that is logged, or that
// look like the owner: what tells of them is an act, a silence, refusals, or
// that one hand did it all.

func planHarvest(a *attack) {
	who, at := a.trespasser(), a.at
	a.principals = nil
	left := int(a.strength.of(4, 3, 2))
	for _, on := range a.victim.who.on.company.resources {
		if on.sort == account && left > 0 {
			a.actOn(on, actListKeys, "", who, at)
			a.accuseResource(on)
			at += minutes(between(a.r, .1, 20))
			left--
		}
	}
}

// planBlackout: none of the calls are in a log.
func planBlackout(a *attack) {
	on := a.victim.who.on
	a.accuse()
	a.act(actCutLogs, setting, a.trespasser(), a.at)
	on.silence(a.at + 2*detectors.Minute)
	a.use(a.at+minutes(10), 12*detectors.Hour, a.strength.of(300, 60, 6), a.servers, a.chatTask())
}

// planMuted: neither the calls nor the act that hides them are in a log, as
// where the hub's key is revoked and nobody exports that namespace's activity.
func planMuted(a *attack) {
	on := a.victim.who.on
	a.accuse()
	hide := acts(on, actCutLogs, "", a.intruder(), a.crowd[0], a.at)
	hide[0].unheard = true
	a.shots = append(a.shots, hide...)
	on.silence(a.at)
	a.use(a.at+minutes(10), 7*detectors.Day, a.strength.of(300, 60, 6), a.servers, a.chatTask())
}

func planUnfiltered(a *attack) {
	who := a.trespasser()
	a.accuse()
	for i := range int(a.strength.of(3, 2, 1)) {
		a.act(actWritePolicy, "/raipolicies/default-v2", who, a.at+minutes(5*float64(i)))
	}
	a.use(a.at+minutes(a.strength.of(10, 60, 600)), hoursOf(a.strength.of(6, 12, 24)), a.strength.of(20, 3, .3), a.disguise(), a.victim.tasks[0])
}

func planFoothold(a *attack) {
	who := a.trespasser()
	a.principals = nil
	a.accuse()
	for i := range int(a.strength.of(3, 2, 1)) {
		a.act(actAssignRole, "/providers/microsoft.authorization/roleassignments/"+guidText(guid(a.r)), who, a.at+minutes(4*float64(i)))
	}
}

func planSquatting(a *attack) {
	who := a.trespasser()
	model := pick(a.r, []string{"gpt-5", "o1", "gpt-4.1"})
	a.accuse()
	a.act(actDeploy, "/deployments/"+model, who, a.at)
	a.use(a.at+minutes(a.strength.of(10, 60, 600)), hoursOf(a.strength.of(6, 12, 24)), a.strength.of(60, 6, .5), a.disguise(), chat(model, 0))
}

func planGuesswork(a *attack) {
	home, at := a.disguise()[0], a.at
	pause := a.strength.of(2, 20, 200) // seconds
	for i := range int(a.strength.of(28, 16, 8)) {
		guess := chat(guesses[i]+"-prod", 0)
		c := guess.call(a.r)
		c.fail(a.r, 404)
		at += detectors.Time(between(a.r, .5, 1.5) * pause * float64(detectors.Second))
		a.shoot(a.victim.who, at, home, a.api, c)
	}
}

func planLookRound(a *attack) {
	home, at := a.disguise()[0], a.at
	for range int(a.strength.of(4, 2, 1)) {
		for _, operation := range []string{"Models_List", "Deployments_List", "Models_Get", "Deployments_Get"} {
			task := listing(operation)
			at += detectors.Time(between(a.r, .5, 1.5) * a.strength.of(1, 10, 60) * float64(detectors.Second))
			a.shoot(a.victim.who, at, home, a.api, task.call(a.r))
		}
		at += minutes(between(a.r, 30, 90))
	}
}

// planSublet is an insider who lends the key out: to guests with programs of their own.
func planSublet(a *attack) {
	from := []netip.Addr{a.victim.who.on.company.office.address(a.r, a.at)}
	length, rate := hoursOf(a.strength.of(24, 48, 72)), a.strength.of(8, 3, 1)
	for _, api := range []string{a.victim.api, "2024-06-01", "2024-10-21", "2025-03-01-preview"} {
		p := a.use(a.at, length, rate, from, a.chatTask(), chat("gpt-4o", .9), responses("gpt-4.1"), coding("gpt-4.1"), report("gpt-4o"), image("dall-e-3"), chat("gpt-4o-mini", 0))
		p.api = api
	}
}

func planAtQuota(a *attack) {
	p := a.use(a.at, hoursOf(a.strength.of(6, 8, 12)), a.strength.of(120, 30, 8), a.disguise(), a.victim.tasks[0])
	p.saturated = a.strength.of(.8, .7, .6)
}

func planNeighbour(a *attack) {
	own := pick(a.r, networks().of(azure, "US"))
	if cloud, ok := a.victim.place.(*inCloud); ok {
		own = cloud.network
	}
	region, ok := own.region(a.r)
	if !ok {
		region = own
	}
	a.api = a.victim.api
	a.use(a.at, hoursOf(a.strength.of(8, 12, 24)), a.strength.of(120, 15, 2), region.pool(a.r, 3), chat(pick(a.r, []string{"gpt-4o", "gpt-4.1", "o1"}), 0))
}

// planRelay calls from where the victim itself calls.
func planRelay(a *attack) {
	a.api = pick(a.r, attackerVersions)
	model := pick(a.r, []string{"gpt-4o", "gpt-4.1", "o3", "gpt-5"})
	a.use(a.at, hoursOf(a.strength.of(48, 30, 24)), a.strength.of(100, 10, 1), a.victim.place.session(a.victim, a.at), chat(model, .5))
}

func planQuietSpray(a *attack) {
	a.eachKey(int(a.strength.of(16, 8, 4)), func(l *life) {
		for range 1 + a.r.IntN(3) {
			a.shoot(l.who, a.at+minutes(between(a.r, 0, 55)), a.servers[0], l.api, l.tasks[0].call(a.r))
		}
	})
}

// planBait tries a key that is there to be stolen, and that nobody has reason to use.
func planBait(a *attack) {
	on := a.victim.who.on
	on.bait, a.taken[on.key] = true, true
	a.decoy = &on.key.Principal
	a.principals = []detectors.Principal{on.key.Principal}
	from, at := a.disguise()[0], a.at
	for range int(a.strength.of(8, 2, 1)) {
		a.shoot(on.key, at, from, a.api, a.victim.tasks[0].call(a.r))
		at += minutes(between(a.r, .2, 3))
	}
}

func planComeback(a *attack) {
	from := a.disguise()[:1]
	a.watched, _ = from[0].Prefix(24)
	a.use(a.at, hoursOf(a.strength.of(2, 6, 20)), a.strength.of(20, 2, .15), from, a.victim.tasks[0])
}

// planJailbreak calls through the page as its other users do.
func planJailbreak(a *attack) {
	a.api = a.victim.api
	user := []netip.Addr{somewhere(a.r, fixed, a.victim.home())}
	p := a.use(a.at, hoursOf(a.strength.of(4, 10, 8)), a.strength.of(40, 4, .5), user, a.victim.tasks[0])
	p.filtered = .6
}
