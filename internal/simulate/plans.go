package simulate

import (
	"net/netip"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// minutes and hours as Time, of any number.
func minutes(n float64) detectors.Time { return detectors.Time(n * float64(detectors.Minute)) }

func hoursOf(n float64) detectors.Time { return minutes(60 * n) }

// chatTask is a chat that the victim's deployments answer.
func (a *attack) chatTask() work {
	for _, task := range a.victim.tasks {
		if task.class == detectors.ClassChat {
			return task
		}
	}
	return chat("gpt-4o", 0)
}

// shoot adds a single call.
func (a *attack) shoot(who *identity, at detectors.Time, from netip.Addr, api string, c call) {
	c.Time, c.who, c.addr, c.Client.APIVersion = at, who, from, api
	a.shots = append(a.shots, c)
}

// check tries a key as the checkers of known proxies do: an empty message with
// one token to answer (73 bytes) and, if both, at once one with too many (101 bytes).
func (a *attack) check(who *identity, task work, at detectors.Time, from netip.Addr, both bool) {
	tiny := task
	tiny.streaming, tiny.cached = 0, 0
	c := tiny.call(a.r)
	c.sized(8, 1)
	c.RequestBytes, c.DurationMs = 73, int64(between(a.r, 200, 700))
	a.shoot(who, at, from, "2023-09-01-preview", c)
	if both {
		c.RequestBytes = 101
		if chance(a.r, .5) {
			c.fail(a.r, 400)
		}
		a.shoot(who, at+detectors.Time(between(a.r, 400, 1500)), from, "2023-09-01-preview", c)
	}
}

// use adds a phase on the victim, with the attacker's tools.
func (a *attack) use(from detectors.Time, length detectors.Time, perWindow float64, hosts []netip.Addr, tasks ...work) *phase {
	a.phases = append(a.phases, phase{
		span: span{from, from + length}, who: a.victim.who, first: perWindow, last: perWindow, rough: .3,
		hosts: hosts, tasks: tasks, api: a.api,
	})
	return &a.phases[len(a.phases)-1]
}

// act does something on the control plane of the victim's resource.
func (a *attack) act(operation, child string, actor detectors.Actor, at detectors.Time) {
	a.actOn(a.victim.who.on, operation, child, actor, at)
}

func (a *attack) actOn(on *resource, operation, child string, actor detectors.Actor, at detectors.Time) {
	a.shots = append(a.shots, acts(on, operation, child, actor, a.crowd[0], at)...)
}

// intruder is somebody whom the tenant does not know.
func (a *attack) intruder() detectors.Actor {
	return detectors.Actor{ObjectID: guidText(guid(a.r)), Name: "svc-sync@contoso.example", AppID: appCLI}
}

// trespasser is an intruder or, with those who hide, a stolen session of an administrator.
func (a *attack) trespasser() detectors.Actor {
	if a.strength != Slow {
		return a.intruder()
	}
	on := a.victim.who.on
	return detectors.Actor{ObjectID: on.company.admins[0].object, Name: "admin@" + on.name + ".example", AppID: appCLI}
}

// disguise is two homes in the owner's country, and from then on the attacker uses the owner's program.
func (a *attack) disguise() []netip.Addr {
	a.api = a.victim.api
	return []netip.Addr{somewhere(a.r, fixed, a.victim.home()), somewhere(a.r, mobile, a.victim.home())}
}

// accuse adds the victim's resource to the truth.
func (a *attack) accuse() { a.accuseResource(a.victim.who.on) }

func (a *attack) accuseResource(on *resource) {
	id := on.id
	a.principals = append(a.principals, detectors.Principal{Kind: detectors.ResourcePrincipal, ID: id, Resource: id})
}

func planKeyCheck(a *attack) {
	for i := range int(a.strength.of(5, 1, 1)) {
		at := a.at + detectors.Time(i)*detectors.Time(between(a.r, 3000, 90000))
		a.check(a.victim.who, a.chatTask(), at, a.servers[0], a.strength != Slow)
	}
}

func planStorm(a *attack) {
	a.check(a.victim.who, a.chatTask(), a.at, a.crowd[0], true)
	begin := a.at + minutes(a.strength.of(25, 180, 600)*between(a.r, .7, 1.4))
	p := a.use(begin, hoursOf(a.strength.of(6, 12, 48)), a.strength.of(400, 60, 8), a.servers, image("dall-e-3"))
	p.filtered, p.saturated = .15, a.strength.of(.25, .08, .01)
}

func planResale(a *attack) {
	a.check(a.victim.who, a.chatTask(), a.at, a.crowd[0], true)
	guests := a.crowd[:int(a.strength.of(200, 80, 20))]
	p := a.use(a.at+hoursOf(between(a.r, 8, 20)), 4*detectors.Day, a.strength.of(250, 80, 15), guests,
		a.chatTask(), chat("gpt-4o", .9), responses("gpt-4.1"), coding("gpt-4.1"), report("gpt-4o"), image("dall-e-3"))
	p.filtered, p.saturated, p.rough = .09, a.strength.of(.2, .08, .01), .5
}

// planDrain asks as in the report: requests of 180 to 364 thousand tokens, 12.8 million an hour.
func planDrain(a *attack) {
	unused := chat("gpt-4.1-nano", 0)
	unused.answer = logNormal{mu: 5, sigma: 1, most: 4000}
	a.check(a.victim.who, unused, a.at, a.servers[0], false)
	const perWindow = 12.8e6 / 272e3 / 6
	p := a.use(a.at+detectors.Day, hoursOf(a.strength.of(4, 1, 8)), a.strength.of(3, 1, .2)*perWindow, a.servers, unused)
	p.prompt, p.rough = [2]float64{180e3, 364e3}, .1
}

// planSmash is the report of 810,000 calls in five hours, the evaluated one of 3,389 in ten minutes for three hours, and a tenth of that.
func planSmash(a *attack) {
	a.use(a.at, hoursOf(a.strength.of(5, 3, 3)), a.strength.of(27000, 3389, 339), a.servers, a.chatTask())
}

func planSustained(a *attack) {
	a.use(a.at, 48*detectors.Hour, a.strength.of(900, 300, 100), a.servers, a.chatTask())
}

func planRamp(a *attack) {
	p := a.use(a.at, 24*detectors.Hour, 10, a.servers, a.chatTask())
	p.last = a.strength.of(6000, 2000, 500)
}

func planLowAndSlow(a *attack) {
	a.use(a.at, 5*detectors.Day, a.strength.of(90, 30, 10), a.servers, a.chatTask())
}

func planTrickle(a *attack) {
	a.use(a.at, 5*detectors.Day, a.strength.of(9, 3, 1), a.servers[:1], a.chatTask())
}

// guesses are names of deployments that thieves try.
var guesses = []string{
	"gpt-4", "gpt4", "gpt-35-turbo", "gpt-4-32k", "gpt-4o", "gpt4o", "gpt-4-turbo", "gpt-4-vision", "dall-e-3", "dalle3", "dalle", "Dalle3", "gpt-4-1106-preview",
	"gpt-4-0613", "chat", "test", "prod", "default", "turbo", "gpt-35-turbo-16k", "text-embedding-ada-002", "o1", "o1-preview", "gpt-4o-mini", "gpt-5", "gpt-image-1", "sora", "gpt-4.1",
}

func planEnumeration(a *attack) {
	host, at := a.servers[0], a.at
	tries := int(a.strength.of(60, 26, 12))
	pause := a.strength.of(4, 20, 3600) // seconds
	for _, operation := range []string{"Models_List", "Deployments_List"} {
		task := listing(operation)
		a.shoot(a.victim.who, at, host, a.api, task.call(a.r))
		at += detectors.Second * 2
	}
	for i := range tries {
		guess := chat(guesses[i%len(guesses)], 0)
		c := guess.call(a.r)
		c.sized(8, 1)
		c.RequestBytes = 73
		if !slices.Contains(trialModels, guess.model) {
			c.fail(a.r, 404)
		}
		at += detectors.Time(between(a.r, .5, 1.5) * pause * float64(detectors.Second))
		a.shoot(a.victim.who, at, host, a.api, c)
	}
	a.use(at+minutes(15), 2*detectors.Hour, a.strength.of(60, 12, 2), a.servers, a.chatTask(), chat("gpt-4o", .5), chat("gpt-5", 0), chat("o1", 0), image("dall-e-3"), embedding("text-embedding-3-large"))
}

// eachKey does something to the keys of so many principals, which go into the truth.
func (a *attack) eachKey(most int, do func(l *life)) {
	a.principals = nil
	for _, l := range a.lives {
		if len(a.principals) == most || l.who.Kind != detectors.AccountKey || l.born > a.at {
			continue
		}
		do(l)
		a.principals = append(a.principals, l.who.Principal)
	}
}

func planSpray(a *attack) {
	a.eachKey(int(a.strength.of(20, 8, 4)), func(l *life) {
		at := a.at + minutes(between(a.r, 0, 55))
		task := chat("gpt-4o", 0)
		if l.tasks[0].class == detectors.ClassChat {
			task = l.tasks[0]
		}
		a.check(l.who, task, at, a.servers[a.r.IntN(2)], true)
	})
}

func planTheft(a *attack) {
	who := a.intruder()
	key := a.victim.who.on.key
	a.taken[key] = true
	a.act(actWriteAccount, "", who, a.at)
	a.act(actListKeys, "", who, a.at+minutes(between(a.r, 1, 6)))
	a.principals = []detectors.Principal{key.Principal}
	a.accuse()
	p := a.use(a.at+minutes(a.strength.of(8, 40, 900)), hoursOf(a.strength.of(12, 24, 72)), a.strength.of(200, 30, 3), a.servers, a.chatTask())
	p.who = key
}

func planFilterBypass(a *attack) {
	who := a.intruder()
	a.accuse()
	a.act(actWritePolicy, "/raipolicies/default-v2", who, a.at)
	begin := a.at + minutes(a.strength.of(10, 60, 600))
	press := a.use(begin, hoursOf(a.strength.of(1, 3, 24)), a.strength.of(120, 30, 4), a.servers, a.chatTask(), image("dall-e-3"))
	press.filtered = .55
	p := a.use(begin+hoursOf(a.strength.of(1, 3, 24)), hoursOf(a.strength.of(6, 8, 24)), a.strength.of(200, 40, 5), a.servers, image("dall-e-3"))
	p.filtered = .1
}

// setting is the diagnostic setting that is cut.
const setting = "/providers/microsoft.insights/diagnosticsettings/to-siem"

// planLoggingCut: what is called after the cut is in no log.
func planLoggingCut(a *attack) {
	on := a.victim.who.on
	a.accuse()
	a.check(a.victim.who, a.chatTask(), a.at, a.servers[0], true)
	cut := a.at + minutes(a.strength.of(20, 60, 240))
	a.act(actCutLogs, setting, a.intruder(), cut)
	on.silence(cut + 2*detectors.Minute)
	a.use(a.at+minutes(5), hoursOf(a.strength.of(12, 24, 72)), a.strength.of(300, 60, 6), a.servers, a.chatTask(), image("dall-e-3"))
}

// planInsider works from the office at night, with the program that everybody there uses.
func planInsider(a *attack) {
	company := a.victim.who.on.company
	a.api = a.victim.api
	for night := range int(a.strength.of(1, 2, 4)) {
		begin := a.at - a.at%detectors.Hour + detectors.Time(night)*detectors.Day
		for company.zone.local(begin).Hour() != 1 {
			begin += detectors.Hour
		}
		from := []netip.Addr{company.office.address(a.r, begin)}
		a.use(begin, 4*detectors.Hour, a.strength.of(40, 12, 3), from, image("gpt-image-1"))
	}
}

func planDormant(a *attack) {
	a.use(a.at, hoursOf(a.strength.of(2, 5, 30)), a.strength.of(120, 12, 1), a.servers, a.chatTask())
}

func planPressure(a *attack) {
	p := a.use(a.at, hoursOf(a.strength.of(6, 4, 12)), a.strength.of(60, 8, 1.5), a.servers, a.chatTask(), chat("gpt-4o", .3))
	p.filtered = a.strength.of(.6, .5, .35)
}

func planSaturation(a *attack) {
	p := a.use(a.at, hoursOf(a.strength.of(10, 6, 12)), a.strength.of(600, 90, 12), a.servers, a.chatTask())
	p.saturated = a.strength.of(.7, .6, .4)
}

func planFlattening(a *attack) {
	a.use(a.at, hoursOf(a.strength.of(48, 48, 96)), a.strength.of(12, 4, .7), a.servers[:1], a.chatTask())
}

func planShift(a *attack) {
	house := func(operation string) work {
		w := chat("gpt-4o", 0)
		w.operation, w.class, w.answer = operation, detectors.ClassManagement, noAnswer
		return w
	}
	a.use(a.at, hoursOf(a.strength.of(1, 3, 20)), a.strength.of(10, 1.5, .15), a.servers[:1], house("Create_Assistant"), house("Create_Thread"), house("FineTuning_Jobs_Create"), transcription())
}

// planElsewhere works while the person does.
func planElsewhere(a *attack) {
	company := a.victim.who.on.company
	begin := a.at - a.at%detectors.Hour
	for company.zone.local(begin).Hour() != 10 || company.zone.local(begin).Weekday()%6 == 0 {
		begin += detectors.Hour
	}
	far := pick(a.r, []string{"BR", "JP", "IN", "AU", "US"})
	for far == company.home {
		far = pick(a.r, []string{"BR", "JP", "IN", "AU", "US"})
	}
	host := somewhere(a.r, fixed, far)
	if chance(a.r, .5) {
		a.api = a.victim.api
	}
	a.use(begin, hoursOf(a.strength.of(4, 4, 5)), a.strength.of(30, 4, .8), []netip.Addr{host}, a.chatTask())
}

func planTor(a *attack) {
	var exits []netip.Addr
	for range 4 {
		exits = append(exits, somewhere(a.r, tor, pick(a.r, []string{"AT", "DE", "US"})))
	}
	a.use(a.at, hoursOf(2), a.strength.of(20, 3, .8), exits, a.chatTask())
}

// planCopycat hides as well as a thief can who cannot be in the owner's own network.
func planCopycat(a *attack) {
	a.use(a.at, hoursOf(a.strength.of(12, 24, 72)), a.strength.of(60, 10, 1), a.disguise(), a.victim.tasks[0])
}

func planKeyRead(a *attack) {
	a.act(actListKeys, "", a.intruder(), a.at)
	a.accuse()
	hosts := append([]netip.Addr{a.crowd[0]}, a.servers...)
	a.use(a.at+minutes(a.strength.of(4, 25, 600)), hoursOf(a.strength.of(3, 5, 30)), a.strength.of(60, 6, .5), hosts, a.chatTask())
}
