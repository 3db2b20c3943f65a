// Package roundtheclock finds a principal whose day loses its shape.
package roundtheclock

import (
	"fmt"
	"math/bits"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is round-the-clock.
var Detector = detectors.New(detectors.Description{
	ID:    "round-the-clock",
	Title: "Used around the clock",
	Text: "A principal with hours of its own, an office's say, is used in many more hours of a day than ever, at those when it usually rests: so looks a key that is resold across the world, at any rate. " +
		"It is the flattening of the day that counts, not the hour: who works late, or in another time zone, rests at other hours. A reseller of a key that never rests is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Behaviour,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0034"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A program that begins to serve other time zones.",
		"A long job that runs through the night.",
		"A deadline.",
	},
	Triage: []string{
		"Look at the networks of the calls at night: the usual ones, or others.",
		"Ask the owner of the key for a job that runs through the night.",
		"Compare what is asked for at night with what is asked for by day.",
	},
	Version: 1,
}, observe)

const (
	slack = 1   // hours added to both sides of the ratio
	rest  = 0.5 // an hour that usually brings fewer calls is one of rest
	wider = 3   // by how many hours the day must be wider than ever, at least
	least = detectors.Day * 3
)

// state looks at the last 24 clock hours.
type state struct {
	Said    stat.Latch
	Hour    int64     // the latest, since 1970
	Active  uint32    // a bit for each of the 24 hours before and with it: there were calls
	Resting uint32    // the same: and it is usually one of rest
	Wide    uint32    // most active hours so far today
	Quiet   uint32    // most active hours of rest so far today
	Widest  stat.Peak // Wide of the days before
	Most    stat.Peak // Quiet of the days before
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok {
		return detectors.Finding{}, false
	}
	hour := int64(call.Time / detectors.Hour)
	if hour <= own.Hour {
		return detectors.Finding{}, false
	}
	if hour/24 > own.Hour/24 {
		if !before.Guarded && own.Hour != 0 {
			own.Widest.Learn(own.Hour, float64(own.Wide))
			own.Most.Learn(own.Hour, float64(own.Quiet))
		}
		own.Wide, own.Quiet = 0, 0
	}
	resting := before.UsualHour(call.Time) < rest
	own.turn(hour, resting)
	if before.Age(call.Time) < least {
		return detectors.Finding{}, false
	}
	active, atRest := float64(bits.OnesCount32(own.Active)), float64(bits.OnesCount32(own.Resting))
	if active < own.Widest.Max+wider {
		return detectors.Finding{}, false
	}
	found := before.Bits("round-the-clock", call.Time, stat.Above(atRest, own.Most.Max, slack))
	if !own.Said.Raise(int64(call.Time/detectors.Day), found, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time: call.Time,
		Bits: found,
		Summary: fmt.Sprintf("used in %.0f of the last 24 hours, %.0f of which are usually quiet; its widest day had %.0f and %.0f",
			active, atRest, own.Widest.Max, own.Most.Max),
		Observed: detectors.Facts{"activeHoursPerDay": active, "restingHoursPerDay": atRest},
		Usual:    detectors.Facts{"maxActiveHoursPerDay": own.Widest.Max, "maxRestingHoursPerDay": own.Most.Max},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}

// turn moves on to an hour with a call in it.
func (own *state) turn(hour int64, resting bool) {
	if passed := hour - own.Hour; passed < 24 {
		own.Active, own.Resting = own.Active<<passed, own.Resting<<passed
	} else {
		own.Active, own.Resting = 0, 0
	}
	own.Hour = hour
	own.Active |= 1
	if resting {
		own.Resting |= 1
	}
	const day = 1<<24 - 1
	own.Active &= day
	own.Resting &= day
	own.Wide = max(own.Wide, uint32(bits.OnesCount32(own.Active)))
	own.Quiet = max(own.Quiet, uint32(bits.OnesCount32(own.Resting)))
}
