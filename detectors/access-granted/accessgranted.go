// Package accessgranted finds somebody who gives access to a resource, as one does who wants to come back.
package accessgranted

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/deed"
)

// Detector is access-granted.
var Detector = detectors.New(detectors.Description{
	ID:    "access-granted",
	Title: "Access is granted by a stranger",
	Text: "A role on an account or a gateway is assigned. With a stolen session a thief gives an identity of their own a role, and keeps access when the session ends and the keys are rotated. " +
		"Which role it is, and whose, is not read from the log: every assignment is judged by who made it and from where; a machine in Azure, where pipelines run, is no place. " +
		"A role on the resource group or the subscription is not seen here, because it is logged there.",
	Severity: detectors.Medium,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1098.003"},
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
	},
	Benign: []string{
		"A new colleague, or a new program, that is given its role.",
		"A deployment of infrastructure as code.",
	},
	Triage: []string{
		"List the role assignments of the resource, and compare them with what was agreed.",
		"Ask the actor whether it was they, by another channel than mail.",
		"Look for calls and acts of the identity that was given the role.",
		"When nobody owns up, remove the assignment, and end the sessions of the actor.",
	},
	Version: 1,
}, observe)

// weight of such an act, assumed.
var weight = deed.Weight{Base: -5, PerPoint: 4.1}

func observe(before *detectors.Profile, e detectors.Event, own *deed.State) (detectors.Finding, bool) {
	return deed.Observe(before, e, own, detectors.AccessGranted, weight)
}
