package peers

import (
	"math"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
)

// usual is where the rules come from that nobody publishes.
const usual = "what teams write in their own query language"

// handWritten are the rules that a team writes first.
var handWritten = []evaluate.Rule{
	{
		Name: "new-country-in-7-days", Group: HandWritten, Source: usual,
		Text: "a call from a country that the principal was not seen in for 7 days; not on its first day",
		New: func() func(detectors.Event) bool {
			countries, since := recent[detectors.Country]{}, detectors.Time(0)
			return calls(func(c *detectors.Call) bool {
				if since == 0 {
					since = c.Time
				}
				if !c.From.Country.Known() {
					return false
				}
				before, met := countries.meet(c.From.Country, c.Time)
				return (!met || c.Time-before > 7*detectors.Day) && c.Time-since >= detectors.Day
			})
		},
	},
	{
		Name: "hourly-calls-over-3-sigma", Group: HandWritten, Source: usual,
		Text: "10 calls of a principal within an hour, more than the mean of its last 168 hours and three deviations; not on its first day",
		New:  func() func(detectors.Event) bool { return calls(new(hours).judge) },
	},
	{
		Name: "more-than-10-networks-an-hour", Group: HandWritten, Source: usual,
		Text: "a principal called from more than 10 networks (/24) within an hour",
		New: func() func(detectors.Event) bool {
			networks := recent[netip.Prefix]{}
			return calls(func(c *detectors.Call) bool {
				if !c.From.Known() {
					return false
				}
				networks.meet(c.From.Prefix, c.Time)
				return len(networks) > 10 && networks.since(c.Time-detectors.Hour) > 10
			})
		},
	},
	{
		Name: "30-percent-status-400", Group: HandWritten, Source: usual,
		Text: "10 calls of a principal within an hour, 30 % of them refused with 400",
		New: func() func(detectors.Event) bool {
			hour := bucket{length: detectors.Hour}
			return calls(func(c *detectors.Call) bool {
				b := hour.at(c.Time)
				if b == nil {
					return false
				}
				b.calls++
				if c.Status == 400 {
					b.some++
				}
				return b.calls >= 10 && 10*b.some >= 3*b.calls
			})
		},
	},
}

// week is how many hours the mean is of.
const week = 168

// hours is a principal's calls of the hours past.
type hours struct {
	begun detectors.Time // number of the first hour
	now   detectors.Time // number of the current one
	calls int            // in it
	past  [week]int
	limit float64 // of the current hour; infinite as long as too little is known
}

// judge counts a call and reports whether its hour is beyond three deviations.
func (h *hours) judge(c *detectors.Call) bool {
	hour := c.Time / detectors.Hour
	if h.begun == 0 {
		h.begun, h.now, h.limit = hour, hour, math.Inf(1)
	}
	if hour < h.now {
		return false
	}
	if hour > h.now {
		h.turn(hour)
	}
	h.calls++
	return h.calls >= 10 && float64(h.calls) > h.limit
}

// turn begins an hour.
func (h *hours) turn(hour detectors.Time) {
	for ; h.now < hour; h.now++ {
		h.past[h.now%week] = h.calls
		h.calls = 0
	}
	n := min(int(h.now-h.begun), week)
	if n < 24 {
		return
	}
	var sum, squares float64
	for i := range n {
		x := float64(h.past[(h.now-1-detectors.Time(i))%week])
		sum, squares = sum+x, squares+x*x
	}
	mean := sum / float64(n)
	h.limit = mean + 3*math.Sqrt(max(0, squares/float64(n)-mean*mean))
}
