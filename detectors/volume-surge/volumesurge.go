// Package volumesurge finds a key that is drained: far more requests or tokens
// than usual at once, or a little too many for a long time.
package volumesurge

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is volume-surge.
//
// Instant tests compare the rolling hour with the principal's busiest hour:
// in total, from near and from foreign networks. Persistent ones gather small
// evidence over windows of ten minutes. They miss opposite attacks: a smash is
// over before evidence has gathered, and a trickle never makes a busy hour.
var Detector = detectors.New(detectors.Description{
	ID:    "volume-surge",
	Title: "Surge of requests or tokens",
	Text: "A principal uses far more requests or tokens in an hour than in its busiest hour so far, or more than usual for many hours. Volume from networks that it never used is judged apart, against what such networks brought before: " +
		"there a few calls in ten minutes stand out beside any benign traffic. Where the usual networks fell silent at the same time, or were not heard since, an egress has moved, and that volume is forgiven up to what is usual in total, unless it comes from a network that hides its users; where they rest and the new ones bring the usual client and model, somebody may travel, and it counts less. " +
		"A thief inside the principal's own networks who stays below its busiest hours is missed here.",
	Severity: detectors.High,
	Family:   detectors.Volume,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0034"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0029"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0048.000"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A load test, a launch or a marketing day.",
		"A nightly batch that is run twice, or on more data than ever.",
		"A storm of retries while the service fails.",
		"An egress that moves while a burst is on.",
	},
	Triage: []string{
		"Look at the networks that the surge comes from: the usual ones, or others beside them.",
		"Ask the owner of the key for a launch, a load test or a batch at that time.",
		"Look at the share of answers 429 and 5xx: retries of an outage, or a key driven to its quota.",
		"Compare models and sizes of prompts with the usual ones.",
		"Compare the cost so far with the budget of the principal.",
	},
	Version: 2,
	Sights:  true,
}, observe)

// slack is what is added to both sides of a ratio, so that small numbers do not jump.
var slack = [detectors.Quantities]struct{ total, apart float64 }{
	detectors.Requests:   {total: 20, apart: 2},
	detectors.TokensUsed: {total: 20000, apart: 2000},
}

type state struct {
	Said    [detectors.Hands]stat.Latch // of each hand
	Window  int64                       // of ten minutes since 1970, the open one
	All     series
	Foreign series
}

// surge is what one test saw.
type surge struct {
	bits       float64
	quantity   detectors.Quantity
	hours      float64 // that it lasts
	observed   float64 // in those hours
	usual      float64 // at most, in as many hours
	persistent bool
	apart      bool // it is about networks that the principal does not use
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	var most surge
	var from *detectors.Network
	switch e := e.(type) {
	case *detectors.Call:
		from = &e.From
		standing := before.Standing(from, e.Time)
		now := *before.Hour()
		now[detectors.Requests][standing]++
		now[detectors.TokensUsed][standing] += float64(e.Tokens.Total())
		most = instant(before, e.Time, &now, travels(before, e))
		if s := own.persistent(before, e.Time, standing); s.bits > most.bits {
			most = s
		}
	case *detectors.Usage:
		from = &e.From
		now := *before.Hour()
		now[detectors.TokensUsed][before.Standing(from, e.Time)] += float64(e.Tokens.Total())
		most = instant(before, e.Time, &now, 1)
	default:
		return detectors.Finding{}, false
	}
	hand := detectors.AnyHand
	if most.apart {
		hand = detectors.StrangeHand // also where the call that closed the window is the owner's
	}
	if !own.Said[hand].Raise(int64(e.When()/detectors.Day), most.bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := finding(before, e.When(), from, most)
	f.Hand = hand
	return f, true
}

// onTheRoad is what is left of the surprise of volume from foreign networks where somebody may travel.
const onTheRoad = 0.75

// travels is the factor by which a journey weakens the surprise of volume from
// foreign networks: the usual networks rest, and the call has their client and model.
func travels(before *detectors.Profile, call *detectors.Call) float64 {
	if call.Time-before.LastUsual >= detectors.Hour && before.Alike(call) {
		return onTheRoad
	}
	return 1
}

// instant compares the rolling hour, now, with the busiest hours. doubt weakens what foreign networks bring.
func instant(before *detectors.Profile, t detectors.Time, now *detectors.Counts, doubt float64) surge {
	var most surge
	for _, q := range [...]detectors.Quantity{detectors.Requests, detectors.TokensUsed} {
		// The tests of both quantities share their names: a day counts with the higher one.
		if now.Total(q) > before.Total(q).Max {
			most.take(before, t, "volume-surge/hour", q, now.Total(q), before.Total(q).Max, slack[q].total, 1, false)
		}
		if now[q][detectors.Near] > before.Apart(q, detectors.Near).Max {
			most.take(before, t, "volume-surge/near", q, now[q][detectors.Near], benchmark(before, t, q, detectors.Near), slack[q].apart, doubt, true)
		}
		if now[q][detectors.Foreign] > before.Apart(q, detectors.Foreign).Max {
			most.take(before, t, "volume-surge/foreign", q, now[q][detectors.Foreign], benchmark(before, t, q, detectors.Foreign), slack[q].apart, doubt, true)
		}
	}
	return most
}

// benchmark is what an hour of q from networks of a standing may bring: as much
// as ever before, and where the usual networks fell silent, all that was theirs.
func benchmark(before *detectors.Profile, t detectors.Time, q detectors.Quantity, s detectors.Standing) float64 {
	return before.Apart(q, s).Max + before.Moved(s, t)*before.Total(q).Max
}

// take makes most what the instant test saw, where that is more surprising.
func (most *surge) take(before *detectors.Profile, t detectors.Time, test string, q detectors.Quantity, observed, usual, slack, doubt float64, apart bool) {
	bits := before.Bits(test, t, doubt*stat.Above(observed, usual, slack))
	if bits > most.bits {
		*most = surge{bits: bits, quantity: q, hours: 1, observed: observed, usual: usual, apart: apart}
	}
}
