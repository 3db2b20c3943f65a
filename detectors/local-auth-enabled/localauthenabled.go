// Package localauthenabled finds somebody who changes an account, as one does to let keys in again.
package localauthenabled

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/deed"
)

// Detector is local-auth-enabled.
var Detector = detectors.New(detectors.Description{
	ID:    "local-auth-enabled",
	Title: "Account reconfigured by a stranger",
	Text: "The configuration of an account is written. The known theft sequence begins with it: local authentication is switched on again, then keys are listed and used. What was changed is in no log, so every such write is judged by who did it and from where, and by how often it happens. " +
		"A deployment by a known pipeline counts little, and a machine in Azure is no place. Whoever changes it from the owner's own place is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1098"},
		{Framework: "ATT&CK 17.1", ID: "T1552"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0055"},
	},
	Benign: []string{
		"A deployment of infrastructure as code.",
		"A tag, a network rule or an identity that was changed.",
	},
	Triage: []string{
		"Read the account: disableLocalAuth, networkAcls and publicNetworkAccess, against what the code says.",
		"Ask the actor for the change.",
		"Look for a listing of keys in the hours after.",
	},
	Version: 1,
}, observe)

// weight of such an act, assumed.
var weight = deed.Weight{Base: 3, PerPoint: 2.2, Routine: 0.2}

func observe(before *detectors.Profile, e detectors.Event, own *deed.State) (detectors.Finding, bool) {
	return deed.Observe(before, e, own, detectors.AccountChanged, weight)
}
