// Package saturation finds a principal whose quota somebody uses up.
package saturation

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is saturation.
var Detector = detectors.New(detectors.Description{
	ID:    "saturation",
	Title: "Quota is used up",
	Text: "Within one clock hour far more calls of a principal are refused with status 429 than in its worst hour so far: a proxy that resells a key runs at its quota. " +
		"Refusals of calls from networks that the principal does not use are judged apart. Half of the surprise is left where the service itself fails at the same time (5xx), because programs retry, and where the usual client and model come from another machine of a cloud, because load tests and backlogs do. A drain that stays below the quota is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Volume,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0029"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A storm of retries while the service fails.",
		"A batch or a load test that finds the limit.",
		"A quota that was lowered, or is shared with a new program.",
	},
	Triage: []string{
		"Look whether the service had an outage in that region: 5xx beside the 429.",
		"Look whose calls use up the quota: the usual networks, or others.",
		"Ask the owner of the key for a batch or a load test.",
	},
	Version: 1,
}, observe)

// Refusals added to both sides of a ratio.
const (
	slack        = 10
	slackForeign = 4
)

// aside is what is left of the surprise where the usual client and model come from another machine of a cloud:
// load tests and backlogs run on machines of their own, and into the quota.
const aside = 0.5

// outage is the share of failures of the service, of those and refusals, from which on retries explain the refusals.
const outage = 0.15

const tooMany = 429

type state struct {
	Said    stat.Latch
	Refused stat.Hourly
	Failed  float64 // 5xx in the same hour
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || call.Status != tooMany && call.Status < 500 {
		return detectors.Finding{}, false
	}
	hour := int64(call.Time / detectors.Hour)
	if hour > own.Refused.Hour {
		own.Refused.Turn(hour, before.Guarded)
		own.Failed = 0
	}
	if call.Status >= 500 {
		own.Failed++
		return detectors.Finding{}, false
	}
	standing := before.Standing(&call.From, call.Time)
	if !own.Refused.Add(hour, 1, standing == detectors.Foreign, before.Guarded) {
		return detectors.Finding{}, false
	}
	refused, foreign := own.Refused.All, own.Refused.Strange
	doubt := 1.0
	if own.Failed > outage*(own.Failed+refused) {
		doubt = 0.5
	}
	if standing != detectors.Usual && before.Alike(call) && (call.From.Kind == detectors.Azure || call.From.Kind == detectors.Cloud) {
		doubt = math.Min(doubt, aside)
	}
	bits := before.Bits("saturation/hour", call.Time, doubt*stat.Above(refused, own.Refused.Most.Max, slack))
	if standing == detectors.Foreign {
		bits = max(bits, before.Bits("saturation/foreign", call.Time, doubt*stat.Above(foreign, own.Refused.MostStrange.Max, slackForeign)))
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("%.0f calls refused for the quota within an hour, %.0f of them from networks that it does not use; its worst hour had %.0f",
			refused, foreign, own.Refused.Most.Max),
		Observed: detectors.Facts{"throttledPerHour": refused, "foreignThrottledPerHour": foreign, "failedPerHour": own.Failed},
		Usual:    detectors.Facts{"maxThrottledPerHour": own.Refused.Most.Max, "maxForeignThrottledPerHour": own.Refused.MostStrange.Max},
	}
	if standing != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}
