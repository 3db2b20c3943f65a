// Package keylisted finds somebody who reads the keys of a resource.
package keylisted

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/deed"
)

// Detector is key-listed.
var Detector = detectors.New(detectors.Description{
	ID:    "key-listed",
	Title: "Keys are listed or regenerated",
	Text: "The keys of an account, or the secrets of a gateway's subscription, are read or made anew. It counts the more the less the act resembles those of the resource's people: an actor, a network, a country, a tool that was never seen there; and the less the more often keys are listed there. " +
		"The first listing of a new colleague from the office counts little. Whoever reads keys with a stolen session of an administrator, at the office, is missed here, a stranger on a machine in Azure, where pipelines run, counts as one at the office; what is done with the key is for listed-then-used.",
	Severity: detectors.Medium,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1552"},
		{Framework: "ATT&CK 17.1", ID: "T1098"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0055"},
	},
	Benign: []string{
		"A new administrator, or one at home.",
		"A pipeline that was moved to another runner or identity.",
		"A rotation of keys.",
	},
	Triage: []string{
		"Ask the actor whether it was they, by another channel than mail.",
		"Look at the sign-ins of that identity, and for a new session or application.",
		"Watch the calls of the resource for networks that were never seen there.",
		"When nobody owns up, rotate both keys: the unused one first.",
	},
	Version: 1,
	Sights:  true,
}, observe)

// weight of such an act, assumed.
var weight = deed.Weight{Base: 0.5, PerPoint: 1.3, Routine: 0.2}

func observe(before *detectors.Profile, e detectors.Event, own *deed.State) (detectors.Finding, bool) {
	return deed.Observe(before, e, own, detectors.KeyListed, weight)
}
