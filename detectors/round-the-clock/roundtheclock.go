// Package roundtheclock finds a principal whose day loses its shape, and strangers at hours at which it rests.
package roundtheclock

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is round-the-clock.
var Detector = detectors.New(detectors.Description{
	ID:    "round-the-clock",
	Title: "Used when it usually rests",
	Text: "A principal with hours of its own, an office's say, is used in many more hours of a day than ever, at those when it usually rests: so looks a key that is resold across the world, at any rate. " +
		"So does one whose key strangers use at a time of day at which, on few days of the week or none, anybody else does. " +
		"Of the usual networks it is the flattening of the day that counts, not the hour: who works late rests at other hours. But who sends more to the models in one night than ever in a day, as an Entra identity does whose owner takes documents along or works for somebody else, does not just work late. The log does not tell people from service principals, whose rare jobs at night look the same. Strangers in a country that the principal is not used from have another day, and are left to the detectors of places. A reseller of a key that never rests is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Hours,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0034"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A program that begins to serve other time zones.",
		"A long job that runs through the night.",
		"A deadline, or documents that somebody, or a service principal's job, feeds to a model over night.",
	},
	Triage: []string{
		"Look at the networks of the calls at night: the usual ones, or others.",
		"Ask the owner of the key for a job that runs through the night.",
		"Compare what is asked for at night with what is asked for by day.",
	},
	Version: 2,
}, observe)

const (
	slack = 1   // hours added to both sides of the ratio
	rest  = 0.5 // an hour that usually brings fewer calls is one of rest
	wider = 3   // by how many hours the day must be wider than ever, at least
	least = detectors.Day * 3

	few = 2 // calls of strangers that may as well be an accident
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
	Toil    toil
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok {
		return detectors.Finding{}, false
	}
	wide := own.flattening(before, call)
	usual := before.Standing(&call.From, call.Time) == detectors.Usual
	night, work := 0.0, 0.0
	switch {
	case !usual:
		night = strangersAtRest(before, call)
	case before.Principal.Kind == detectors.EntraObject && !call.Failed():
		work = own.Toil.add(before, call)
	}
	f := detectors.Finding{Time: call.Time, Bits: max(wide, night, work)}
	if !own.Said.Raise(int64(call.Time/detectors.Day), f.Bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	switch {
	case work > max(wide, night):
		f.Summary = fmt.Sprintf("requests of %.0f tokens from %s since %s UTC, when it usually rests; its busiest day had %.0f",
			own.Toil.AtRest, &call.From, (detectors.Time(own.Toil.Since) * detectors.Hour).UTC().Format("15:04"), own.Toil.Most)
		f.Observed = detectors.Facts{"promptTokensAtRest": math.Round(own.Toil.AtRest), "network": call.From.Prefix.String()}
		f.Usual = detectors.Facts{"maxPromptTokensPerDay": math.Round(own.Toil.Most)}
	case night > wide:
		f.Summary = fmt.Sprintf("called from %s about %s UTC, when it usually rests; %.0f such calls within an hour",
			&call.From, call.Time.UTC().Format("15:04"), strangers(before))
		f.Observed = detectors.Facts{"strangersCallsPerHour": strangers(before), "network": call.From.Prefix.String()}
		f.Usual = detectors.Facts{"callsPerHour": before.UsualHour(call.Time)}
	default:
		active, atRest := float64(bits.OnesCount32(own.Active)), float64(bits.OnesCount32(own.Resting))
		f.Summary = fmt.Sprintf("used in %.0f of the last 24 hours, %.0f of which are usually quiet; its widest day had %.0f and %.0f",
			active, atRest, own.Widest.Max, own.Most.Max)
		f.Observed = detectors.Facts{"activeHoursPerDay": active, "restingHoursPerDay": atRest}
		f.Usual = detectors.Facts{"maxActiveHoursPerDay": own.Widest.Max, "maxRestingHoursPerDay": own.Most.Max}
	}
	if !usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}

// flattening is the bits of a day in more hours than ever.
func (own *state) flattening(before *detectors.Profile, call *detectors.Call) float64 {
	hour := int64(call.Time / detectors.Hour)
	if hour <= own.Hour {
		return 0
	}
	if hour/24 > own.Hour/24 {
		if !before.Guarded && own.Hour != 0 {
			own.Widest.Learn(own.Hour, float64(own.Wide))
			own.Most.Learn(own.Hour, float64(own.Quiet))
		}
		own.Wide, own.Quiet = 0, 0
	}
	own.turn(hour, before.UsualHour(call.Time) < rest)
	if before.Age(call.Time) < least || float64(bits.OnesCount32(own.Active)) < own.Widest.Max+wider {
		return 0
	}
	return before.Bits("round-the-clock/day", call.Time, stat.Above(float64(bits.OnesCount32(own.Resting)), own.Most.Max, slack))
}

// strangersAtRest is the bits of calls from other networks at a time of day at which the
// principal rests. In a country that it is not used from the day is another.
func strangersAtRest(before *detectors.Profile, call *detectors.Call) float64 {
	if before.Age(call.Time) < least || !call.From.Known() {
		return 0
	}
	abroad := !call.From.Kind.Anonymous() && !before.Countries.Known(call.From.Country, call.Time, detectors.Day)
	if abroad || before.UsualHour(call.Time) >= rest {
		return 0
	}
	calls := strangers(before)
	return before.Bits("round-the-clock/strangers", call.Time, before.Rest(call.Time)*calls/(calls+few))
}

// strangers is the calls within the hour from networks that the principal does not use, with the one that is judged.
func strangers(before *detectors.Profile) float64 {
	hour := before.Hour()[detectors.Requests]
	return 1 + hour[detectors.Near] + hour[detectors.Foreign]
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
