// Package resale finds a key behind which many tenants are.
package resale

import (
	"fmt"
	"math/bits"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is resale.
var Detector = detectors.New(detectors.Description{
	ID:    "resale",
	Title: "Many tenants behind one key",
	Text: "Within one clock hour the calls of a principal are of many more sorts than in its most varied hour so far: models, api-versions, operations, streamed or not, and sizes that differ by a factor of four. One program asks for a few sorts of things; the guests of a reseller ask for anything, even where all come from the one address of its proxy. An hour or a day of many times the usual calls may have as many times the sorts. " +
		"A reseller with few guests is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.FanOut,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATT&CK 17.1", ID: "T1090"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0008.005"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A gateway that the owner put before several programs.",
		"An evaluation that runs one task over many models.",
		"A release with several new features.",
	},
	Triage: []string{
		"Look at the networks of those calls: one proxy, many homes, or the owner's.",
		"Compare the hours of the day: guests of a reseller come around the clock.",
		"Ask the owner whether a gateway or an evaluation shares the key.",
	},
	Version: 1,
}, observe)

// slack is sorts added to both sides of a ratio.
const slack = 6

// state counts by the clock hour.
type state struct {
	Said stat.Latch
	Hour int64
	Most stat.Peak // sorts of the hours before
	All  small
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	hour := int64(0)
	if ok {
		hour = int64(call.Time / detectors.Hour)
	}
	if !ok || hour < own.Hour || call.Failed() {
		return detectors.Finding{}, false
	}
	if hour > own.Hour {
		own.turn(hour, before.Guarded)
	}
	if !own.All.add(sortOf(call)) {
		return detectors.Finding{}, false
	}
	sorts := own.All.count()
	found := before.Bits("resale", call.Time, stat.Above(sorts, before.Busier(call.Time)*own.Most.Max, slack))
	if !own.Said.Raise(int64(call.Time/detectors.Day), found, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time:     call.Time,
		Bits:     found,
		Summary:  fmt.Sprintf("%.0f sorts of calls within an hour; its most varied hour had %.0f", sorts, own.Most.Max),
		Observed: detectors.Facts{"sortsPerHour": sorts},
		Usual:    detectors.Facts{"maxSortsPerHour": own.Most.Max},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}

// turn begins an hour. What an open incident is about is not learned as usual.
func (own *state) turn(hour int64, guarded bool) {
	if own.Hour != 0 && !guarded {
		own.Most.Learn(own.Hour, own.All.count())
	}
	own.Most.Learn(hour, 0)
	own.Hour, own.All = hour, small{}
}

// sortOf is a hash of what sort of call it is: sizes that differ by a factor of four are different ones.
func sortOf(c *detectors.Call) uint64 {
	h := stat.MixString(c.Model) ^ stat.Mix(stat.MixString(c.Client.APIVersion)) ^ stat.MixString(c.Operation)<<1 ^ stat.Mix(uint64(c.Client.Stream))
	if c.RequestBytes > 0 {
		h ^= stat.Mix(uint64(bits.Len64(uint64(c.RequestBytes))/2) + 1<<32)
	}
	return stat.Mix(h)
}

// small counts distinct hashes by linear counting over 256 bits: it is right
// within a few up to 200 or so, and stands at about 1,400 beyond.
type small [4]uint64

// add counts a hash and reports whether that changes the count.
func (s *small) add(hash uint64) bool {
	bit := hash % 256
	if s[bit/64]&(1<<(bit%64)) != 0 {
		return false
	}
	s[bit/64] |= 1 << (bit % 64)
	return true
}

func (s *small) count() float64 {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return linear[n]
}
