// Package somename finds …
package somename

import "github.com/keywarden/keywarden/detectors"

// Detector is some-name.
var Detector = detectors.New(detectors.Description{
	ID:       "some-name",
	Title:    "what was seen, in at most six words",
	Text:     "What it recognises, how, and on which side it errs.",
	Severity: detectors.Medium,
	Family:   detectors.Volume,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
	},
	Benign:  []string{"An ordinary cause."},
	Triage:  []string{"What an analyst checks first."},
	Version: 1,
}, observe)

// state is what this detector alone has to remember of a principal. Its size
// is fixed: no slice, map, string or pointer; no int or uint.
type state struct{}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	return detectors.Finding{}, false
}
