package simulate

import (
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// guest is somebody of the company, or who works for it, who uses the key of a
// program for some days: a developer with a notebook, a new colleague, a
// contractor. An Entra identity is not lent.
type guest struct {
	until detectors.Time
	from  []netip.Addr
	api   string
	task  work
	calls float64 // of a session, in the mean
	fresh bool    // has not called yet
}

// host lets a guest come, and plans what the guest does today.
func (l *life) host(now detectors.Time) {
	if _, human := l.place.(*ofPerson); human || l.who.Kind == detectors.EntraObject {
		return
	}
	if l.guest == nil && chance(l.r, churnGuest*l.churn) {
		l.guest = l.newGuest(now)
		l.note("guest", now, l.guest.until)
	}
	g := l.guest
	if g == nil {
		return
	}
	if now >= g.until {
		l.guest = nil
		return
	}
	sessions := 1 + l.r.IntN(3)
	for i := range sessions {
		s := l.open(now, 1)
		s.left = pareto(l.r, g.calls)
		s.gap = between(l.r, 5, 90) * 1000
		s.from, s.api, s.task = g.from, g.api, g.task
		if chance(l.r, .2) {
			s.task = listing(pick(l.r, []string{"Models_List", "Deployments_List"}))
			s.left = 1
		}
		hour := 9 + l.r.IntN(13)
		if i == 0 && g.fresh && chance(l.r, shareHello) {
			first := s
			first.task, first.left = hello(g.task.model), 1+l.r.IntN(2)
			l.plans = append(l.plans, plan{hour: hour - 1, session: first})
		}
		l.plans = append(l.plans, plan{hour: hour, session: s})
	}
	g.fresh = false
}

func (l *life) newGuest(now detectors.Time) *guest {
	g := &guest{until: now + detectors.Day*detectors.Time(1+l.r.IntN(4)), api: l.api, task: l.tasks[0], calls: between(l.r, 2, 15), fresh: true}
	if chance(l.r, .7) {
		g.api = pick(l.r, apiVersions)
	}
	switch {
	case chance(l.r, .3):
		g.task = chat(pick(l.r, trialModels), .3)
	case g.task.class == detectors.ClassImage || g.task.class == detectors.ClassEmbedding:
		g.task = chat("gpt-4o-mini", 0)
	}
	country := l.home()
	if chance(l.r, .15) {
		country = pick(l.r, networks().countries)
	}
	switch u := l.r.Float64(); {
	case u < .6:
		g.from = []netip.Addr{somewhere(l.r, fixed, country)}
	case u < .75:
		g.from = []netip.Addr{somewhere(l.r, mobile, l.home()), somewhere(l.r, fixed, country)}
	case u < .85:
		g.from = []netip.Addr{l.who.on.company.office.address(l.r, now)}
	case u < .9:
		g.from = []netip.Addr{somewhere(l.r, vpn, pick(l.r, exitCountries))}
	case u < .94 && networks().has(hosting, l.home()):
		g.from = []netip.Addr{somewhere(l.r, hosting, l.home())}
	default:
		g.from = []netip.Addr{somewhere(l.r, pick(l.r, []string{aws, azure}), l.home())}
	}
	return g
}

// strain has a load test or a backlog run into the quota, as most do.
func (l *life) strain(s *session) {
	if chance(l.r, shareAtQuota) {
		s.throttled = between(l.r, .03, .4)
	}
}

// elsewhere has a load test or a backlog run, now and then, on a machine of its own in a cloud.
func (l *life) elsewhere(s *session) {
	if !chance(l.r, shareElsewhere*min(l.churn, 1)) {
		return
	}
	s.from = []netip.Addr{somewhere(l.r, pick(l.r, []string{aws, azure}), l.home())}
	if chance(l.r, .5) {
		s.api = pick(l.r, apiVersions)
	}
}
