package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// life is the benign life of one principal.
type life struct {
	*archetype
	who   *identity
	index int
	r     *rand.Rand
	churn float64
	town  *town

	rhythm Rhythm // nil: as the archetype has it

	place habitat
	tasks []work
	api   string
	note  func(kind string, from, to detectors.Time)

	level    float64 // calls on an ordinary working day
	hour     int     // local hour at which a batch begins
	born     detectors.Time
	retired  bool
	today    int     // local day of the year; a change of it is a dawn
	factor   float64 // of today's calls
	runs     int     // batches still to begin today
	plans    []plan  // for today
	next     []work  // after a migration
	nextAPI  string
	shifted  float64 // share of sessions that have migrated
	guest    *guest  // nil: nobody
	sessions []session
}

// plan is a session out of the ordinary, at a local hour of today.
type plan struct {
	hour    int
	session session
}

// session is calls in a row.
type session struct {
	next      detectors.Time
	left      int
	retries   int     // of the call before
	gap       float64 // mean milliseconds between calls
	from      []netip.Addr
	task      work
	api       string
	who       *identity
	refused   int     // status of all its calls; 0 where they are answered
	throttled float64 // share of its calls that the quota refuses
	offends   float64 // share of its calls that the content filter refuses, beside the usual
}

func newLife(t *town, who *identity, index, ordinal int, r *rand.Rand) *life {
	o := t.options
	l := &life{archetype: o.archetypeFor(who, ordinal), who: who, index: index, r: r, churn: o.Churn, town: t, born: o.start(), today: -1}
	who.archetype = l.name
	l.note = func(kind string, from, to detectors.Time) {
		t.note(Lookalike{Kind: kind, Principal: who.Principal, From: from, To: to})
	}
	l.level = l.calls * spread(r, .6)
	l.hour = r.IntN(6)
	l.tasks = l.works(r)
	for i := range l.tasks {
		l.tasks[i].deployment += pick(r, []string{"", "", "-prod", fmt.Sprintf("-%d", 1+r.IntN(9))})
	}
	l.api = pick(r, apiVersions)
	l.place = l.habitat(l)
	if n := len(o.Rhythms); n > 0 {
		l.rhythm = o.Rhythms[index%n]
		return l
	}
	if l.habits.bornLate {
		l.born += detectors.Time(between(r, .25, .75) * float64(o.Days) * float64(detectors.Day))
		l.note("newcomer", l.born, o.end())
	}
	return l
}

// home is the country of the principal's company.
func (l *life) home() string { return l.who.on.company.home }

// window makes the calls of the ten minutes from now.
func (l *life) window(now, end detectors.Time, emit func(*call)) {
	if l.retired {
		return
	}
	if now%detectors.Hour == 0 && now >= l.born {
		l.begin(now)
	}
	if l.rhythm != nil {
		l.follow(now, end)
	}
	kept := l.sessions[:0]
	for i := range l.sessions {
		s := &l.sessions[i]
		for s.left > 0 && s.next < end {
			l.step(s, emit)
		}
		if s.left > 0 {
			kept = append(kept, *s)
		}
	}
	l.sessions = kept
}

// begin starts the sessions of the hour from now.
func (l *life) begin(now detectors.Time) {
	local := l.who.on.company.zone.local(now)
	if day := local.YearDay(); day != l.today {
		l.today = day
		l.dawn(now, local)
	}
	for _, p := range l.plans {
		if p.hour == local.Hour() {
			p.session.next = now + detectors.Time(between(l.r, 0, float64(50*detectors.Minute)))
			l.sessions = append(l.sessions, p.session)
		}
	}
	if l.rhythm != nil {
		return
	}
	if l.session == 0 { // a batch
		if l.runs > 0 && local.Hour() >= l.hour {
			l.runs--
			size := int(l.level * l.factor)
			l.sessions = append(l.sessions, l.open(now+detectors.Time(between(l.r, 0, float64(12*detectors.Minute))), max(1, size)))
		}
		return
	}
	expected := l.level * l.factor * l.shape.at(l.home(), local) / l.session
	for range poisson(l.r, expected) {
		l.sessions = append(l.sessions, l.open(now+detectors.Time(l.r.Int64N(int64(detectors.Hour))), pareto(l.r, l.session)))
	}
}

// open makes an ordinary session of so many calls.
func (l *life) open(at detectors.Time, calls int) session {
	tasks, api := l.tasks, l.api
	if l.next != nil && chance(l.r, l.shifted) {
		tasks, api = l.next, l.nextAPI
	}
	task := tasks[0]
	if len(tasks) > 1 && chance(l.r, .25) {
		task = pick(l.r, tasks[1:])
	}
	offends := 0.0
	if _, page := l.place.(*ofUsers); page && chance(l.r, shareOffends) {
		offends = between(l.r, .1, .4)
	}
	return session{offends: offends, next: at, left: calls, gap: l.gap * 1000 * spread(l.r, .5), from: l.place.session(l, at), task: task, api: api, who: l.who}
}

// step makes the next call of a session: ordinary failures, and retries of them, are part of life.
func (l *life) step(s *session, emit func(*call)) {
	c := s.task.call(l.r)
	c.campaign, c.serial = -1, l.r.Uint64()
	c.Time, c.who, c.Client.APIVersion = s.next, s.who, s.api
	c.addr = s.from[0]
	if len(s.from) > 1 {
		c.addr = pick(l.r, s.from)
	}
	u := l.r.Float64()
	outage := l.town.outage(s.who.on.region, s.next)
	switch {
	case s.refused != 0:
		c.fail(l.r, s.refused)
	case outage && u < .7:
		c.fail(l.r, pick(l.r, []int{429, 429, 500, 503}))
	case u < s.throttled:
		c.fail(l.r, 429)
	case u < .004:
		c.fail(l.r, 429)
	case u < .0045:
		c.fail(l.r, 500)
	case u < .0045+l.filtered+s.offends:
		c.fail(l.r, 400)
	}
	emit(&c)
	s.left--
	if again := c.Status == 429 || c.Status >= 500; again && s.retries < 4 {
		s.retries++
		s.left++
		s.next += detectors.Time(between(l.r, 500, 1500)) << s.retries
		return
	}
	s.retries = 0
	s.next += 1 + detectors.Time(s.gap*l.r.ExpFloat64())
}
