package detectors

import "net/netip"

// Profile is what is remembered of one principal, once, for all detectors. A
// detector is handed the profile as it was before the event that it judges.
// A resource has a profile too: of all calls on it, whoever made them.
type Profile struct {
	Principal Principal

	// Resource is the profile of the principal's resource: what its peers do.
	// Nil in the resource's own profile.
	Resource *Profile

	// Scale turns statistics into bits; nil stands for the embedded one.
	Scale *Scale

	First, Last Time             // event time of the first and the latest call; zero where there was none
	LastUsual   Time             // the latest call from a usual network
	Visits      [Standings]Visit // of strangers, the latest by their standing; none of Usual
	Daily       Daily
	Calls       float64 // calls learned

	Networks      Values[netip.Prefix]
	Organizations Values[uint64] // as Network.Site has them
	Countries     Values[Country]
	Kinds         Values[NetworkKind]
	Models        Values[string]
	Deployments   Values[string]
	Operations    Values[string]
	Clients       Values[Client]
	Callers       Values[PrincipalKind] // of a resource: how its callers authenticate
	Actors        Values[string]        // of a resource: who acted on it, by object id or name

	Stations Values[uint64] // of a resource: VPNs, servers for rent and Tor from which was acted on it, as Network.Site has them
	Listing  Listing        // of a resource's keys, the latest by a stranger
	FirstAct Time           // on a resource; zero where there was none

	Rhythm Rhythm // of a resource
	Cut    Cut    // of a resource's logging

	// Week is the calls in an hour of the week, from Thursday 00:00 UTC, where
	// 1970 began: half of it is the latest such hour, a quarter the one before.
	Week [7 * 24]float64

	// Decoy: the principal's key was laid out to be stolen. It is set by the
	// engine before each event, and not saved.
	Decoy bool

	// Caller is the principal's bit in Value.Users of its resource. It is set by
	// the engine, and not saved.
	Caller uint64

	// Since is when the log began to be watched; zero where that is not known.
	// It is set by the engine before each event, and not saved.
	Since Time

	// Premises are where the tenant's principals are at home, and Clock is what
	// the log's clock shows: no call is later, whatever it says of its time. They
	// are set by the engine before each event, and not saved.
	Premises *Premises
	Clock    Time

	// Guarded: an incident is open. Meanwhile no foreign volume is learned as
	// usual and, in the first days of it, of other volume no more than was usual before.
	Guarded bool
	Guard   Time // since when it is

	now     int64   // minute that the rolling hour ends with, since 1970
	closed  int64   // first clock hour that the baselines have not learned, since 1970
	hours   float64 // hours learned
	minutes minutes
	total   [Quantities]Baseline
	apart   [Quantities][Standings]Baseline
}

// How many values of each sort a profile remembers.
const (
	maxNetworks = 64
	maxValues   = 24
)

// settled is how long a network must have been used to be usual.
const settled = Day

// notFound is the status of a call of a deployment that does not exist: such a
// name was guessed, and is not one that the principal uses.
const notFound = 404

// lateness is how late a call may come and still be counted in its own minute.
const lateness = Hour

// Hour is what the principal did in the 60 minutes that end with the latest event.
func (p *Profile) Hour() *Counts { return &p.minutes.hour }

// Total is the baseline of q over all networks.
func (p *Profile) Total(q Quantity) Baseline { return p.total[q] }

// Apart is the baseline of q in networks of standing s.
func (p *Profile) Apart(q Quantity, s Standing) Baseline { return p.apart[q][s] }

// Alike reports whether a call comes with a client and a model that the
// principal has used for a day: then it may be the owner in another place. The
// deployment stands for a model that the log does not name, or names too late, as a gateway's does.
func (p *Profile) Alike(c *Call) bool {
	return p.Clients.Known(c.Client, c.Time, Day) && (p.Models.Known(c.Model, c.Time, Day) || p.Deployments.Known(c.Deployment, c.Time, Day))
}

// NewWork reports whether a call is of an operation, or asks a model, that the principal never used.
// The deployment stands for a model that the log does not name.
func (p *Profile) NewWork(c *Call) bool {
	switch {
	case c.Status == notFound:
		return false // a name that was guessed is no work
	case p.Operations.Lacks(c.Operation):
		return true
	case c.Model != "":
		return p.Models.Lacks(c.Model)
	}
	return p.Deployments.Lacks(c.Deployment)
}

// Standing is how long the principal has used network n at t. A network that
// was met on the principal's first day, that other principals of the resource
// have used for a day, or that is premises of the tenant, is not foreign.
func (p *Profile) Standing(n *Network, t Time) Standing {
	if !n.Known() {
		return Usual
	}
	if e := p.Networks.Find(n.Prefix); e != nil {
		if e.accused(t) {
			return Foreign
		}
		if p.settles(e.First, t) {
			return Usual
		}
	} else if p.First == 0 || t < p.First+settled {
		return Usual
	}
	if e := p.Organizations.Find(n.Site()); n.ASN != 0 && e != nil && !e.accused(t) && p.settles(e.First, t) {
		return Near
	}
	if p.Frequented(n, t) {
		return Near
	}
	return Foreign
}

// Elsewhere reports whether the principal has used another region of the cloud that n is of for a day.
func (p *Profile) Elsewhere(n *Network, t Time) bool {
	if n.Kind != Azure && n.Kind != Cloud {
		return false
	}
	for _, e := range p.Organizations.All() {
		if e.Key != n.Site() && uint32(e.Key) == n.ASN && p.Organizations.Known(e.Key, t, Day) {
			return true
		}
	}
	return false
}

func (p *Profile) settles(first, t Time) bool {
	return t-first >= settled || first < p.First+settled
}

// Advance lets time pass until t: the rolling hour moves, and the hours that
// no late call can reach any more are learned. Going back has no effect.
func (p *Profile) Advance(t Time) {
	now := int64(t / Minute)
	if now <= p.now {
		return
	}
	p.now = now
	if p.closed == 0 && len(p.minutes.list) == 0 {
		p.closed = max(0, int64((t-lateness)/Hour))
	}
	p.minutes.advance(now)
	if end := int64((t - lateness) / Hour); end > p.closed {
		p.closeHours(end)
	}
}

// closeHours learns the clock hours from p.closed until before end.
func (p *Profile) closeHours(end int64) {
	empty := 0.0
	for p.closed < end {
		if len(p.minutes.list) == 0 {
			empty += float64(end - p.closed)
			p.closed = end
			break
		}
		if first := p.minutes.list[0].at / 60; first > p.closed {
			first = min(first, end)
			empty += float64(first - p.closed)
			p.closed = first
			continue
		}
		sum := p.minutes.close((p.closed + 1) * 60)
		p.learnHour(&sum, empty)
		empty = 0
		p.closed++
	}
	if empty > 0 {
		p.closed--
		p.learnHour(&Counts{}, empty-1) // the last of the empty hours is a closed one with nothing in it
		p.closed++
	}
}

// learnHour takes in the closed hour before which as many hours were empty.
func (p *Profile) learnHour(sum *Counts, empty float64) {
	if p.Guarded {
		for q := range sum {
			sum[q][Foreign] = 0
			if Time(p.closed)*Hour-p.Guard < guardFor {
				p.hold(&sum[q], Quantity(q))
			}
		}
	}
	for h := range min(int64(empty), int64(len(p.Week))) {
		p.learnWeek(p.closed-1-h, 0)
	}
	p.learnWeek(p.closed, sum.Total(Requests))
	for q := range p.total {
		p.total[q].learn(sum.Total(Quantity(q)), empty, p.hours)
		for s := range p.apart[q] {
			p.apart[q][s].learn(sum[q][s], empty, p.hours)
		}
	}
	p.hours += empty + 1
}

// guardFor is for how long an open incident keeps a principal's own volume from
// being learned: a launch that raised one must not hold it open for ever.
const guardFor = 3 * Day

// hold cuts an hour's amounts of q to what was usual in total, in proportion.
func (p *Profile) hold(amounts *[Standings]float64, q Quantity) {
	total := amounts[Usual] + amounts[Near]
	if most := p.total[q].Max; total > most {
		for s := range amounts {
			amounts[s] *= most / total
		}
	}
}

func (p *Profile) learnWeek(hour int64, calls float64) {
	w := &p.Week[cycle(hour, int64(len(p.Week)))]
	*w += (calls - *w) / 2
}

// cycle is where x is in a cycle of n, also where it is before 1970.
func cycle(x, n int64) int64 { return (x%n + n) % n }

// UsualHour is how many calls the hour of day of t usually brings, on a
// working day or on a weekend as t is, by the last weeks: the (lower) median of
// those days, so that a burst now and then makes nothing usual.
func (p *Profile) UsualHour(t Time) float64 {
	hour := cycle(int64(t/Hour), 24)
	var cells [7]float64
	n := 0
	for day := range int64(7) {
		if weekend(day) != weekend(int64(t/Day)) {
			continue
		}
		i := n
		for ; i > 0 && cells[i-1] > p.Week[day*24+hour]; i-- {
			cells[i] = cells[i-1]
		}
		cells[i] = p.Week[day*24+hour]
		n++
	}
	return cells[(n-1)/2]
}

// Strangers are the networks, at most n, that the principal does not yet use
// or that an incident accuses, the most used first. Only their Prefix is known.
func (p *Profile) Strangers(t Time, n int) []Network {
	var found []Network
	for _, key := range p.Networks.Top(p.Networks.Len()) {
		stranger := Network{Prefix: key}
		if len(found) < n && p.Standing(&stranger, t) == Foreign {
			found = append(found, stranger)
		}
	}
	return found
}

// weekend reports whether a day since 1970-01-01, a Thursday, is a Saturday or a Sunday.
func weekend(day int64) bool { d := cycle(day, 7); return d == 2 || d == 3 }

// Learn remembers e. Detectors must have judged it before. late: the event
// came so late that it teaches novelty only.
func (p *Profile) Learn(e Event, late bool) {
	switch e := e.(type) {
	case *Call:
		p.learnCall(e, late, 0)
	case *Usage:
		if !late {
			p.count(e.Time, p.Standing(&e.From, e.Time), TokensUsed, float64(e.Tokens.Total()))
		}
	case *Act:
		p.learnAct(e)
	case Tick:
		if p.StaysCut(e) {
			p.Cut.Time = 0
		} else {
			p.Rhythm.Told = e.When() - p.Last
		}
	}
}

// LearnPeer has a resource's profile remember a call of one of its callers, as
// Learn does; caller is that one's Caller. How it was authenticated is not
// learned where the log does not show the caller, or the key was refused.
func (p *Profile) LearnPeer(c *Call, by PrincipalKind, caller uint64, late bool) {
	p.learnCall(c, late, caller)
	if c.Proven() && !c.WrongKey() {
		p.Callers.learn(by, c.Time, maxValues, 0)
	}
}

func (p *Profile) learnCall(c *Call, late bool, users uint64) {
	p.Advance(c.Time)
	standing := p.Standing(&c.From, c.Time)
	if p.First == 0 || c.Time < p.First {
		p.First = c.Time
	}
	p.Last = max(p.Last, c.Time)
	if standing == Usual {
		p.LastUsual = max(p.LastUsual, c.Time)
		p.Visits[Near].beside(c.Time)
		p.Visits[Foreign].beside(c.Time)
	} else {
		p.Visits[standing].come(c.Time, c.From.Kind.Anonymous() && !p.Kinds.Known(c.From.Kind, c.Time, settled))
	}
	p.Daily.learn(c.Time)
	p.Calls++

	if c.From.Known() {
		p.Networks.learn(c.From.Prefix, c.Time, maxNetworks, 0)
		if !c.WrongKey() {
			p.Kinds.learn(c.From.Kind, c.Time, maxValues, users)
		}
	}
	if c.From.ASN != 0 {
		p.Organizations.learn(c.From.Site(), c.Time, maxValues, users)
	}
	if c.From.Country.Known() && !c.From.Weak {
		p.Countries.learn(c.From.Country, c.Time, maxValues, users)
	}
	if c.Model != "" && c.Status != notFound {
		p.Models.learn(c.Model, c.Time, maxValues, users)
	}
	if c.Deployment != "" && c.Status != notFound {
		p.Deployments.learn(c.Deployment, c.Time, maxValues, users)
	}
	if c.Operation != "" {
		p.Operations.learn(c.Operation, c.Time, maxValues, users)
	}
	p.Clients.learn(c.Client, c.Time, maxValues, users)

	if late {
		return
	}
	p.count(c.Time, standing, Requests, 1)
	if n := c.Tokens.Total(); n > 0 {
		p.count(c.Time, standing, TokensUsed, float64(n))
	}
	if c.Images > 0 && !c.Failed() {
		p.count(c.Time, standing, Images, float64(c.Images))
	}
}

// count adds n of q to the minute of t, unless its hour is closed.
func (p *Profile) count(t Time, s Standing, q Quantity, n float64) {
	at := int64(t / Minute)
	if n <= 0 || at < p.closed*60 {
		return
	}
	p.Advance(t)
	p.minutes.add(at, p.now, s, q, n)
}
