// Package decoykey finds the use of a key that was laid out to be stolen.
package decoykey

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is decoy-key.
var Detector = detectors.New(detectors.Description{
	ID:    "decoy-key",
	Title: "Decoy key is used",
	Text: "A principal that analysts registered as a decoy is called. Nobody has reason to use it, so one call is enough, refused or not. It says where else to look: whoever found this key was where the other secrets are. " +
		"Rows that do not show who called count too, where the resource itself is the decoy. A thief who recognises a decoy is missed here.",
	Severity: detectors.High,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1552"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
	},
	Benign: []string{
		"A scanner of one's own that checks found keys.",
		"The owner of the decoy tests it.",
	},
	Triage: []string{
		"Look where the decoy was laid out, and who was there lately.",
		"Search all other principals for the network of the call.",
		"Leave the decoy in place: what is done with it next is worth knowing.",
	},
	Version: 1,
	Ageless: true,
	Sights:  true,
}, observe)

// certain is the bits of a use: nothing about it needs to be measured.
const certain = 24

// again is how many bits each doubling of the calls of a day adds, so that a use that goes on is said again.
const again = 1

type state struct {
	Said  stat.Latch
	Calls stat.Rate
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || !before.Decoy {
		return detectors.Finding{}, false
	}
	day := int64(call.Time / detectors.Day)
	own.Calls.Add(day)
	if !own.Said.Raise(day, certain+again*stat.Above(own.Calls.Today, 1, 0), detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return detectors.Finding{
		Time:     call.Time,
		Bits:     certain,
		Summary:  fmt.Sprintf("a decoy was called from %s, %.0f times today; answered %d", &call.From, own.Calls.Today, call.Status),
		Observed: detectors.Facts{"network": call.From.String(), "apiVersion": call.Client.APIVersion, "callsToday": own.Calls.Today, "status": float64(call.Status)},
		Usual:    detectors.Facts{"calls": 0.0},
		Networks: []detectors.Network{call.From},
	}, true
}
