package simulate

import (
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// dawn decides what is out of the ordinary on the local day that begins.
func (l *life) dawn(now detectors.Time, local time.Time) {
	l.plans = l.plans[:0]
	l.factor = spread(l.r, .3)
	l.runs = 1
	h := &l.habits
	working := local.Weekday() != time.Saturday && local.Weekday() != time.Sunday && !holiday(l.home(), local)
	l.place.dawn(l, now)
	if l.rhythm == nil {
		l.vary(now, local, working)
	}
	if h.testsKey && working && chance(l.r, churnKeyTest*l.churn) && !l.who.on.bait {
		s := l.open(now, 2+l.r.IntN(8))
		s.who = l.who.on.key
		l.plans = append(l.plans, plan{hour: 9 + l.r.IntN(8), session: s})
		l.note("key-test", now, now+detectors.Day)
	}
	if working && l.tasks[0].class == detectors.ClassChat && chance(l.r, churnHello*l.churn) {
		s := l.open(now, 1+l.r.IntN(2))
		s.task = hello(s.task.model)
		l.plans = append(l.plans, plan{hour: 9 + l.r.IntN(8), session: s})
		l.note("hello", now, now+detectors.Day)
	}
	if h.lists && working && chance(l.r, .25) {
		for _, operation := range []string{"Models_List", "Deployments_List"} {
			s := l.open(now, 1+l.r.IntN(2))
			s.task = listing(operation)
			l.plans = append(l.plans, plan{hour: 10 + l.r.IntN(6), session: s})
		}
		l.note("listing", now, now+detectors.Day)
	}
	if working && chance(l.r, churnTrial*max(1, h.tries)*l.churn) {
		l.try(now)
	}
	l.migrate(now)
	l.host(now)
	if chance(l.r, churnRetire*l.churn) {
		l.retired = true
		l.note("retired", now, l.town.options.end())
	}
}

// vary decides how much is called on the day: more, twice, or not at all.
func (l *life) vary(now detectors.Time, local time.Time, working bool) {
	h := &l.habits
	if h.weekly && local.Weekday() != time.Monday {
		l.runs = 0
	}
	if h.grows {
		l.level = min(l.level*1.05, 30*l.calls)
	}
	if h.marketing && working && chance(l.r, churnCampaign*l.churn) {
		l.factor *= 5
		l.note("marketing-day", now, now+detectors.Day)
	}
	if h.twice && chance(l.r, churnDouble*l.churn) {
		l.runs = 2
		l.note("batch-doubled", now, now+detectors.Day)
	}
	if h.testsLoad && working && chance(l.r, churnLoadTest*l.churn) {
		s := l.open(now, 1500+l.r.IntN(2500))
		s.gap = between(l.r, 300, 900)
		l.strain(&s)
		l.elsewhere(&s)
		l.plans = append(l.plans, plan{hour: 10 + l.r.IntN(6), session: s})
		l.note("load-test", now, now+detectors.Day)
	}
	if _, human := l.place.(*ofPerson); !human && l.level > 20 && chance(l.r, churnBulk*l.churn) {
		s := l.open(now, int(min(5000, 3*l.level*spread(l.r, .7))))
		s.gap = between(l.r, 500, 4000)
		l.strain(&s)
		l.elsewhere(&s)
		l.plans = append(l.plans, plan{hour: 6 + l.r.IntN(14), session: s})
		l.note("bulk-job", now, now+detectors.Day)
	}
}

// try plans some calls of models that may be new to the program; one try in four names a deployment that does not exist.
func (l *life) try(now detectors.Time) {
	for range 1 + l.r.IntN(3) {
		s := l.open(now, 1+l.r.IntN(6))
		s.task = chat(pick(l.r, trialModels), .3)
		if chance(l.r, shareTriesImages) {
			s.task = image(pick(l.r, []string{"dall-e-3", "gpt-image-1"}))
		}
		if chance(l.r, .25) {
			s.refused, s.left = 404, 1+l.r.IntN(2)
			l.note("deployment-missing", now, now+detectors.Day)
		}
		l.plans = append(l.plans, plan{hour: 9 + l.r.IntN(8), session: s})
	}
	l.note("model-trial", now, now+detectors.Day)
}

// migrate moves the program to a new model and api-version, or goes on with it: some sessions first, all after two days.
func (l *life) migrate(now detectors.Time) {
	switch {
	case l.shifted >= 1:
		l.tasks, l.api, l.next, l.shifted = l.next, l.nextAPI, nil, 0
	case l.next != nil:
		l.shifted += .4
	case chance(l.r, churnMigrate*max(1, l.habits.migrates)*l.churn):
		l.next = append(l.next, l.tasks...)
		for models := successors[l.tasks[0].class]; l.next[0].model == l.tasks[0].model; {
			l.next[0].model = pick(l.r, models)
			l.next[0].deployment = l.next[0].model
		}
		l.nextAPI = pick(l.r, apiVersions)
		if !chance(l.r, sharePutBack) {
			l.nextAPI = max(l.api, l.nextAPI) // the later day is the newer version
		}
		l.shifted = .3
		l.note("migration", now, now+2*detectors.Day)
	}
}
