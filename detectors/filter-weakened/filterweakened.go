// Package filterweakened finds somebody who changes what the content filter lets pass.
package filterweakened

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/deed"
)

// Detector is filter-weakened.
var Detector = detectors.New(detectors.Description{
	ID:    "filter-weakened",
	Title: "Content filter is changed",
	Text: "A content filter's policy or blocklist is written or deleted. Resellers of images need a weaker filter, and whoever can write the account can have it. It is rare, so it counts by itself, and the more the less the act resembles those of the resource's people; a machine in Azure, where pipelines run, is no place. " +
		"The log does not say whether the filter became weaker or stronger, so both are reported.",
	Severity: detectors.High,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1562.008"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0054"},
		{Framework: "OWASP LLM 2025", ID: "LLM01"},
	},
	Benign: []string{
		"A team that tunes its filter.",
		"A deployment of infrastructure as code.",
	},
	Triage: []string{
		"Read the policy now, and compare it with what was agreed.",
		"Ask the actor for the change.",
		"Look for calls refused with 400 before, and for images after.",
	},
	Version: 1,
}, observe)

// weight of such an act, assumed.
var weight = deed.Weight{Base: 2.5, PerPoint: 2.7, Routine: 0.2}

func observe(before *detectors.Profile, e detectors.Event, own *deed.State) (detectors.Finding, bool) {
	return deed.Observe(before, e, own, detectors.FilterChanged, weight)
}
