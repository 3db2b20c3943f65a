// Package contentfilterpressure finds somebody who pushes against the content filter.
package contentfilterpressure

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is content-filter-pressure.
var Detector = detectors.New(detectors.Description{
	ID:    "content-filter-pressure",
	Title: "Content filter is pushed against",
	Text: "Within one clock hour far more calls of a principal are refused with status 400 than in its worst hour so far, and than its usual share of as many calls would be. Most of those are the content filter: who resells access for role play or forbidden images runs into it all the time. " +
		"Refusals of calls from networks that the principal does not use are judged apart. Where a program runs on its users' machines, one network that is refused again and again while the others are not is judged by itself, by how many requests of different sizes were refused: one that is sent again and again is a program that is stuck. " +
		"The log seldom says why a call was refused, so malformed calls and prompts that are too long count too. A reseller whose guests stay polite is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Errors,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATLAS 5.6.0", ID: "AML.T0054"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0051.000"},
		{Framework: "OWASP LLM 2025", ID: "LLM01"},
	},
	Benign: []string{
		"A release that builds malformed requests.",
		"Prompts that outgrow the context of the model.",
		"A red team, or a test of the filter.",
	},
	Triage: []string{
		"Look in the service for the reason of the refusals: filtered, too long, or malformed.",
		"Look whether one network, or one user of the owner, has all of them.",
		"Ask the owner for a release or a test at that time.",
	},
	Version: 3,
	Sights:  true,
}, observe)

// Refusals added to both sides of a ratio.
const (
	slack        = 3
	slackForeign = 2
)

// badRequest is the status of a call that the filter refused, or that was malformed.
const badRequest = 400

// So many calls, and refusals, are taken for known of whom nothing is: a share of 0.6 %.
const (
	priorRefused = 3
	priorCalls   = 500
)

type state struct {
	Said    stat.Latch
	Refused stat.Hourly
	Ever    float64 // refusals so far, but for those while an incident was open
	Lines   lines
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok {
		return detectors.Finding{}, false
	}
	bad := call.Status == badRequest || call.Filtered
	of := own.Lines.add(call, bad)
	if !bad {
		return detectors.Finding{}, false
	}
	standing := before.Standing(&call.From, call.Time)
	if !own.Refused.Add(int64(call.Time/detectors.Hour), 1, standing == detectors.Foreign, before.Guarded) {
		return detectors.Finding{}, false
	}
	refused, foreign := own.Refused.All, own.Refused.Strange
	share := (own.Ever + priorRefused) / (before.Calls + priorCalls)
	if !before.Guarded {
		own.Ever++
	}
	// What the usual share of as many calls would be refused is explained by them.
	explained := func(calls float64) float64 { return share * (calls + 1) }
	hour := before.Hour()
	bits := before.Bits("content-filter-pressure/hour", call.Time,
		stat.Above(refused, max(own.Refused.Most.Max, explained(hour.Total(detectors.Requests))), slack))
	if standing == detectors.Foreign {
		bits = max(bits, before.Bits("content-filter-pressure/foreign", call.Time,
			stat.Above(foreign, max(own.Refused.MostStrange.Max, explained(hour[detectors.Requests][detectors.Foreign])), slackForeign)))
	}
	alone := false
	if of != nil && page(before, call) {
		if b := before.Bits("content-filter-pressure/line", call.Time, of.surprise(&own.Lines, share)); b > bits {
			bits, alone = b, true
		}
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("%.0f calls refused as bad or filtered within an hour, %.0f of them from networks that it does not use; its worst hour had %.0f",
			refused, foreign, own.Refused.Most.Max),
		Observed: detectors.Facts{"refusedPerHour": refused, "foreignRefusedPerHour": foreign},
		Usual:    detectors.Facts{"maxRefusedPerHour": own.Refused.Most.Max, "maxForeignRefusedPerHour": own.Refused.MostStrange.Max},
	}
	if alone {
		f.Summary = fmt.Sprintf("%.0f of %.0f calls from %s refused as bad or filtered, of %.0f sizes; usual are %.1f %%", of.Refused, of.Calls, &call.From, of.sizes(), 100*share)
		f.Observed = detectors.Facts{"network": call.From.String(), "refused": of.Refused, "calls": of.Calls, "sizes": of.sizes()}
		f.Usual = detectors.Facts{"shareRefused": share}
	}
	if standing != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}
