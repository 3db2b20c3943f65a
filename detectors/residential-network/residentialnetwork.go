// Package residentialnetwork finds a program's key that is used from a home.
package residentialnetwork

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/atlas"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is residential-network.
var Detector = detectors.New(detectors.Description{
	ID:    "residential-network",
	Title: "Program's key used at a home",
	Text: "A principal that was never called from the line of a home or a telephone is called from one. Programs live in clouds and data centres: it is a colleague who borrows the key, or a thief. " +
		"It is the more surprising the longer the principal met no new kind of network, and in a country where it never was, nor next to it; and less so the more of its resource's callers are at home, where several principals of the tenant are at home on that line, where the usual client and model come along, and while its usual networks are silent. " +
		"Offices with a carrier's line look like homes, and who is called from one of them is never judged here; a thief on a rented server is seen by anonymous-network.",
	Severity: detectors.Medium,
	Family:   detectors.Place,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A developer who tries something at home with a program's key.",
		"A small office, or a shop, on an ordinary carrier's line.",
		"A program that is moved to a machine under somebody's desk.",
	},
	Triage: []string{
		"Ask the owner of the key who works from there: keys of programs should stay in a vault.",
		"Compare the client, the models and the hours of those calls with the program's.",
		"Look whether the program goes on at its usual networks at the same time.",
	},
	Version: 1,
}, observe)

// prior is how many days with such a network a day brings, before any was seen.
const prior = 0.02

// What weakens the surprise, as the part that is taken off, and what is added to it, in bits before the scale.
const (
	peersDo = 0.25 // where all the resource's callers are at home, and less by how few of them are
	alike   = 0.25 // where the usual client and model come from there
	quiet   = 0.5  // where the usual networks have fallen silent

	abroad = 2.7 // in a country where the principal was not, nor next door: minus log2 of the share of colleagues who work there, assumed
)

type state struct{ Said stat.Latch }

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || call.From.Kind != detectors.Residential || !call.From.Known() || call.WrongKey() {
		return detectors.Finding{}, false
	}
	surprise := before.Kinds.Surprise(call.From.Kind, call.Time, prior, before.Busier)
	if surprise == 0 {
		return detectors.Finding{}, false
	}
	if peers := before.Resource; peers != nil {
		surprise *= 1 - peersDo*peers.Kinds.Shared(call.From.Kind, call.Time, before.Caller)
	}
	if before.Alike(call) {
		surprise *= 1 - alike
	}
	if country := call.From.Country; country.Known() && !call.From.Weak && before.Countries.Len() > 0 && !before.Countries.Known(country, call.Time, detectors.Day) && !atlas.Neighbour(before, country, call.Time) {
		surprise += abroad
	}
	surprise *= 1 - quiet*before.Quiet(call.Time)
	if before.OnPremises(&call.From, call.Time) {
		surprise *= detectors.Colleague
	}
	bits := math.Min(before.Bits("residential-network", call.Time, surprise), detectors.MostOfPlace)
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	var usual []string
	for _, kind := range before.Kinds.Usual(5, call.Time) {
		usual = append(usual, kind.String())
	}
	return detectors.Finding{
		Time:    call.Time,
		Bits:    bits,
		Summary: fmt.Sprintf("called from %s, where it never was", &call.From),
		Observed: detectors.Facts{
			"network": call.From.Prefix.String(), "organization": call.From.Organization,
			"newNetworkKindsToday": float64(before.Kinds.NewOn(call.Time) + 1),
		},
		Usual: detectors.Facts{
			"networkKinds": usual, "newNetworkKindsPerDay": before.Kinds.News / (before.Kinds.Days + 1),
			"daysKnown": float64(before.Age(call.Time)) / float64(detectors.Day), "callsKnown": before.Calls,
		},
		Networks: []detectors.Network{call.From},
	}, true
}
