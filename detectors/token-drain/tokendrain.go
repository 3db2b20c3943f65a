// Package tokendrain finds single requests that are far larger than a principal's own.
package tokendrain

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is token-drain.
var Detector = detectors.New(detectors.Description{
	ID:    "token-drain",
	Title: "Requests of unheard-of size",
	Text: "A principal sends single requests far larger than its largest so far, by tokens of the prompt or, where the log has none, by bytes. Victims report requests of 180,000 to 364,000 tokens that cost thousands within an hour, too few of them for a count to stand out. " +
		"From networks that the principal does not use the size is judged apart. The largest request fades over weeks. A drain by many requests of ordinary size is for volume-surge.",
	Severity: detectors.High,
	Family:   detectors.Volume,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0034"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0029"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A user who pastes a whole book.",
		"A new task over long documents.",
		"A conversation that is never cut.",
	},
	Triage: []string{
		"Look at the networks and the model of the large requests.",
		"Ask the owner of the key whether a task over long documents began.",
		"Compare the cost of that hour with the budget of the principal.",
	},
	Version: 1,
}, observe)

const (
	least    = 6_000 // tokens: smaller requests drain nothing
	slack    = 2_000 // tokens added to both sides of the ratio
	perToken = 4.2   // bytes
)

// strangerBonus is added to the ratio of requests from networks that the principal does not use.
const strangerBonus = 0.5

type state struct {
	Said   stat.Latch
	Tokens stat.Peak // largest prompt, in tokens
	Bytes  stat.Peak // largest request, in tokens by its bytes
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	var size float64
	var peak *stat.Peak
	var from *detectors.Network
	switch e := e.(type) {
	case *detectors.Call:
		if e.Class == detectors.ClassAudio || e.Class == detectors.ClassManagement || e.Failed() {
			return detectors.Finding{}, false
		}
		from = &e.From
		if e.RequestBytes > 0 {
			size, peak = float64(e.RequestBytes)/perToken, &own.Bytes
		} else {
			size, peak = float64(e.Tokens.Prompt), &own.Tokens
		}
	case *detectors.Usage:
		size, peak, from = float64(e.Tokens.Prompt), &own.Tokens, &e.From
	default:
		return detectors.Finding{}, false
	}
	t := e.When()
	usual := peak.Max
	if !before.Guarded {
		peak.Learn(int64(t/detectors.Hour), size)
	}
	if size < least || size <= usual || usual == 0 {
		return detectors.Finding{}, false
	}
	above := stat.Above(size, usual, slack)
	test := "token-drain/usual"
	standing := before.Standing(from, t)
	if standing != detectors.Usual {
		above += strangerBonus
		test = "token-drain/foreign"
	}
	bits := before.Bits(test, t, above)
	if !own.Said.Raise(int64(t/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time:     t,
		Bits:     bits,
		Summary:  fmt.Sprintf("a request of about %.0f tokens from %s; its largest until now had %.0f", size, from, usual),
		Observed: detectors.Facts{"promptTokens": size},
		Usual:    detectors.Facts{"maxPromptTokens": usual},
	}
	if standing != detectors.Usual {
		f.Networks = []detectors.Network{*from}
	}
	return f, true
}
