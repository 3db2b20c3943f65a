package detectors

import (
	"math"
	"slices"
)

// Standing says how long a principal has used the network that a call comes
// from. Volume is counted apart by it: an attacker's calls come from networks
// that the principal never used, whatever the total does.
type Standing uint8

// Standings.
const (
	Usual   Standing = iota // a /24 (or /48) known for a day or more; or no address logged
	Near                    // a new one of an organisation known for a day or more, of peers, or premises of the tenant
	Foreign                 // a new one of a new organisation, or one that an incident accuses
	Standings
)

// Quantity is what is counted by the minute.
type Quantity uint8

// Quantities.
const (
	Requests Quantity = iota
	TokensUsed
	Images
	Quantities
)

// Counts is quantities by the standing of the network.
type Counts [Quantities][Standings]float64

// Total is q over all networks.
func (c *Counts) Total(q Quantity) float64 { return c[q][Usual] + c[q][Near] + c[q][Foreign] }

func (c *Counts) add(d *Counts) {
	for q := range c {
		for s := range c[q] {
			c[q][s] += d[q][s]
		}
	}
}

func (c *Counts) sub(d *Counts) {
	for q := range c {
		for s := range c[q] {
			c[q][s] -= d[q][s]
		}
	}
}

// minutes counts by the minute of the event, over the last two hours or so:
// late data lands in its own minute. Minutes without a call take no room.
type minutes struct {
	list []minute // ascending; whole hours that were closed are dropped
	from int      // first of list in the rolling hour
	hour Counts   // sum of list[from:]
}

type minute struct {
	at     int64 // minutes since 1970
	counts Counts
}

// advance makes the rolling hour end with minute now. It never goes back.
func (m *minutes) advance(now int64) {
	for m.from < len(m.list) && m.list[m.from].at <= now-60 {
		m.hour.sub(&m.list[m.from].counts)
		m.from++
	}
	if m.from == len(m.list) {
		m.hour = Counts{}
	}
}

// add counts n of q in minute at, while the rolling hour ends with minute now.
func (m *minutes) add(at, now int64, s Standing, q Quantity, n float64) {
	i := len(m.list)
	for i > 0 && m.list[i-1].at > at {
		i--
	}
	if i > 0 && m.list[i-1].at == at {
		i--
	} else {
		m.list = slices.Insert(m.list, i, minute{at: at})
		if at <= now-60 {
			m.from++
		}
	}
	m.list[i].counts[q][s] += n
	if at > now-60 {
		m.hour[q][s] += n
	}
}

// close takes the minutes before end out of the list and returns their sum.
func (m *minutes) close(end int64) Counts {
	var sum Counts
	n := 0
	for n < len(m.list) && m.list[n].at < end {
		sum.add(&m.list[n].counts)
		n++
	}
	m.list = slices.Delete(m.list, 0, n)
	m.from -= n
	return sum
}

// Baseline is what an hour of a principal usually brings of one quantity.
type Baseline struct {
	Max  float64 // highest hour, forgotten with half-life countHalfLife
	Mean float64 // over all hours, exponentially weighted
}

// meanHours is how many hours Mean looks back on, about two weeks.
const meanHours = 336

// learn takes in an hour with x, after empty hours without anything.
// hours is how many hours were learned before.
func (b *Baseline) learn(x float64, empty, hours float64) {
	b.Max = math.Max(x, b.Max*math.Exp2(-(empty+1)/(countHalfLife*24)))
	if empty > 0 {
		b.Mean *= math.Max(0, 1-empty/math.Min(hours+empty, meanHours))
	}
	b.Mean += (x - b.Mean) / math.Min(hours+empty+1, meanHours)
}
