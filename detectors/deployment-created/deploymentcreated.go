// Package deploymentcreated finds somebody who deploys models on an account, as one does who has use for others than its owner.
package deploymentcreated

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/deed"
)

// Detector is deployment-created.
var Detector = detectors.New(detectors.Description{
	ID:    "deployment-created",
	Title: "Deployment is created or changed",
	Text: "A model is deployed on an account, or a deployment is changed: its version, quota or content filter. Whoever has more than a key can deploy the models that sell, beside those of the owner. " +
		"Developers do it every week, so the act itself says next to nothing: it counts by how little it resembles those of the resource's people, an actor, a network, a country, a tool that was never seen there; a machine in Azure, where pipelines run, is no place. " +
		"Whoever deploys with a stolen session of a developer, at the office, is missed here; a model of theirs is for operation-shift.",
	Severity: detectors.Medium,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
	},
	Benign: []string{
		"A new developer, or one on a trip.",
		"A pipeline that was moved to another runner or identity.",
	},
	Triage: []string{
		"Ask the actor whether it was they, by another channel than mail.",
		"Read the deployment: the model, its quota, its content filter; and who calls it.",
		"Look at the sign-ins of that identity, and at what else it did.",
		"When nobody owns up, delete the deployment, and rotate the account's keys.",
	},
	Version: 1,
}, observe)

// weight of such an act, assumed.
var weight = deed.Weight{Base: -5, PerPoint: 4.1}

func observe(before *detectors.Profile, e detectors.Event, own *deed.State) (detectors.Finding, bool) {
	return deed.Observe(before, e, own, detectors.Deployed, weight)
}
