// Package resale finds a key behind which many tenants are.
package resale

import (
	"github.com/keywarden/keywarden/detectors"
)

// Detector is resale.
var Detector = detectors.New(detectors.Description{
	ID:    "resale",
	Title: "Many tenants behind one key",
	Text: "Within one clock hour the calls of a principal are of many more sorts, or come from many more networks (/24, /48 for IPv6) or organisations, than in its widest such hour so far. Sorts are models, api-versions, operations, streamed or not, and sizes that differ by a factor of four: one program asks for a few sorts of things; the guests of a reseller ask for anything, even where all come from the one address of its proxy. " +
		"Where they come by themselves, or rotating proxies hide them, they are in many networks. An application that passes its users' addresses through, or a backend that hops over a cloud, has wide hours of its own and is measured against them; an hour or a day of many times the usual calls may have as many times the sorts and networks. " +
		"A reseller with few guests is missed here, and a burst that straddles two clock hours is seen in halves.",
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
		"A gateway that the owner put before several programs, or an application that passes its users' addresses through, on a busy day.",
		"An evaluation that runs one task over many models, or a test job on many hosted runners at once.",
		"A release with several new features.",
		"A backend that scales out or moves to a pool with more addresses.",
	},
	Triage: []string{
		"Look at the networks of those calls: one proxy, hosting and VPNs, homes of one country or of many, or the owner's.",
		"Compare api-version and sizes across the networks: the same everywhere speaks for one program behind them.",
		"Compare the hours of the day: guests of a reseller come around the clock.",
		"Ask the owner whether a gateway or an evaluation shares the key, or users run an application that has it built in.",
	},
	Version: 2,
}, observe)

type state struct {
	Sorts    sorts
	Networks networks
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok {
		return detectors.Finding{}, false
	}
	most := own.Sorts.observe(before, call)
	if wide := own.Networks.observe(before, call); wide.Bits > most.Bits {
		most = wide
	}
	most.Time = call.Time
	return most, most.Bits > 0
}
