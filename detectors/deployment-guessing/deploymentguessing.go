// Package deploymentguessing finds somebody who guesses the names of deployments.
package deploymentguessing

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is deployment-guessing.
var Detector = detectors.New(detectors.Description{
	ID:    "deployment-guessing",
	Title: "Names of deployments are guessed",
	Text: "Within one clock hour several deployments that do not exist (404) are called from one network that the principal does not use. A key opens nothing without a deployment's name, so whoever found only the key tries the names that everybody gives. " +
		"The third different name is where it begins; one wrong name in a loop is a mistake in a configuration. The log of an account does not say which name was tried: there each such call counts, but no more than a handful. Guesses from the principal's own networks count for model-enumeration only, and a thief who found the name beside the key makes none.",
	Severity: detectors.High,
	Family:   detectors.Errors,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1526"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0075"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A developer at a new place who does not remember the names.",
		"A test of a program that goes through all deployments after some were deleted.",
	},
	Triage: []string{
		"Look at the names: those of the owner's own plans, or the ones that everybody gives.",
		"Look whether any of them was answered, and what came after.",
		"Search the other principals for the same network.",
	},
	Version: 2,
	Sights:  true,
}, observe)

const (
	free     = 2   // different wrong names that anybody may try
	perName  = 2.5 // bits of each further one, assumed: benign life has none
	handful  = 6   // calls without a name that may be different ones
	near     = 0.5 // from a new network of a usual organisation
	notFound = 404
)

// state counts by the clock hour, of one network: the latest that guessed.
type state struct {
	Said     stat.Latch
	Hour     int64 // since 1970
	From     uint64
	Names    stat.Distinct
	Nameless float64   // calls of which the log does not say the name
	Most     stat.Peak // names of an hour before
}

// names is how many different ones were tried, as far as can be told.
func (own *state) names() float64 { return own.Names.Count() + own.Nameless }

func summary(names float64, call *detectors.Call) string {
	latest := ""
	if call.Deployment != "" {
		latest = fmt.Sprintf(", %q the latest", call.Deployment)
	}
	return fmt.Sprintf("%.0f tries of deployments that do not exist from %s within an hour%s", names, &call.From, latest)
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || call.Status != notFound || call.Class == detectors.ClassListing || !call.From.Known() {
		return detectors.Finding{}, false
	}
	standing := before.Standing(&call.From, call.Time)
	hour, from := int64(call.Time/detectors.Hour), stat.MixPrefix(call.From.Prefix)
	if standing == detectors.Usual || hour < own.Hour {
		return detectors.Finding{}, false
	}
	if hour > own.Hour || from != own.From {
		if !before.Guarded && own.Hour != 0 {
			own.Most.Learn(own.Hour, own.names())
		}
		own.Hour, own.From, own.Names, own.Nameless = hour, from, stat.Distinct{}, 0
	}
	switch {
	case call.Deployment == "" && own.Nameless < handful:
		own.Nameless++
	case call.Deployment == "" || !own.Names.Add(stat.MixString(call.Deployment)):
		return detectors.Finding{}, false
	}
	names := own.names()
	bits := perName * math.Max(0, names-math.Max(free, own.Most.Max))
	if standing == detectors.Near {
		bits *= near
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return detectors.Finding{
		Time:     call.Time,
		Bits:     bits,
		Summary:  summary(names, call),
		Observed: detectors.Facts{"missingNamesPerHour": names, "deployment": call.Deployment, "network": call.From.String()},
		Usual:    detectors.Facts{"maxMissingNamesPerHour": own.Most.Max, "deployments": before.Deployments.Top(5)},
		Networks: []detectors.Network{call.From},
	}, true
}
