// Package operationshift finds a principal that is used for something else than ever.
package operationshift

import (
	"fmt"
	"math"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is operation-shift.
var Detector = detectors.New(detectors.Description{
	ID:    "operation-shift",
	Title: "Used for something else",
	Text: "A principal calls an operation, a sort of work or a model that it never used: images where there was only chat, files, fine-tuning, a dearer model. A probe on a model never used came a day before the largest known drain. " +
		"From a network that the principal does not use it counts in full, from its own networks as the trial or migration that it mostly is, by half where peers or others of the tenant work, less for images by day, whose number image-burst judges. How surprising it is follows from how often this principal tries something new, and it counts less the more of its peers do the same. " +
		"A thief who asks for what the owner asks for is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Behaviour,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0040"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A migration to a new model.",
		"A developer who tries a model.",
		"A new feature of the program.",
	},
	Triage: []string{
		"Ask the owner of the key whether a new model or feature was rolled out.",
		"Look whether the new work comes from the usual networks and clients.",
		"Look what it costs: thieves choose the dearest model that a key opens.",
	},
	Version: 1,
}, observe)

// prior is how many new sorts of work a day a principal begins of which nothing is known yet.
const prior = 0.05

// What a new sort of work is worth, as a part of its surprise.
const (
	newClass      = 1.25
	newOperation  = 1.0
	newModel      = 0.9
	newDeployment = 0.6
	newListing    = 0.3 // names of models are read: a tool that starts does that
	atRest        = 1.4 // from its own networks, at an hour when it usually rests
	imagesByDay   = 0.5 // images, from its own networks, at an hour of work: how many, image-burst judges
	peersDo       = 0.4 // taken off where peers have done it on an earlier day, by how many of them
	near          = 0.7 // from a new network of a usual organisation
	colleague     = 0.5 // what is left of the bits where others are known: whoever works from there as a guest has work of their own
)

// most is the most bits: trials, evaluations and new tasks are rarer in the data
// than in life.
const most = 7.5

// enough is how many calls tell what is usual.
const enough = 20

const notFound = 404

type state struct {
	Said stat.Latch
	News stat.Rate
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || before.Calls < enough || call.Status == notFound {
		return detectors.Finding{}, false
	}
	what, weight := novelty(before, call)
	if weight == 0 {
		return detectors.Finding{}, false
	}
	day := int64(call.Time / detectors.Day)
	days := float64(before.Age(call.Time)) / float64(detectors.Day)
	surprise := own.News.Surprise(day, days, prior)
	surprise = math.Min(surprise, before.Habit(1+before.Models.Len())) * weight
	own.News.Add(day)
	test := "operation-shift/usual"
	standing := before.Standing(&call.From, call.Time)
	switch standing {
	case detectors.Foreign:
		test = "operation-shift/foreign"
	case detectors.Near:
		test = "operation-shift/foreign"
		surprise *= near
	default:
		if before.UsualHour(call.Time) == 0 && before.Total(detectors.Requests).Mean >= 1 {
			surprise *= atRest
		} else if call.Class == detectors.ClassImage {
			surprise *= imagesByDay
		}
	}
	bits := math.Min(before.Bits(test, call.Time, surprise), most)
	if standing == detectors.Near && before.Frequented(&call.From, call.Time) {
		bits *= colleague
	}
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := finding(before, call, what, bits)
	f.Observed["newSortsToday"], f.Usual["newSortsPerDay"] = own.News.Today, own.News.Past/(days+1)
	return f, true
}

// novelty is what is new about the work of a call, and how much that is worth.
func novelty(before *detectors.Profile, call *detectors.Call) (what string, weight float64) {
	peers := before.Resource
	switch {
	case before.Operations.Lacks(call.Operation):
		what, weight = "the operation "+call.Operation, newOperation
		if call.Class == detectors.ClassImage || call.Class == detectors.ClassManagement {
			weight = newClass
		}
		if call.Class == detectors.ClassListing {
			weight = newListing
		}
		if peers != nil {
			weight *= 1 - peersDo*peers.Operations.Shared(call.Operation, call.Time, before.Caller)
		}
	case before.Models.Lacks(call.Model):
		what, weight = "the model "+call.Model, newModel
		if peers != nil {
			weight *= 1 - peersDo*peers.Models.Shared(call.Model, call.Time, before.Caller)
		}
	case before.Deployments.Lacks(call.Deployment):
		what, weight = "the deployment "+call.Deployment, newDeployment
		if peers != nil {
			weight *= 1 - peersDo*peers.Deployments.Shared(call.Deployment, call.Time, before.Caller)
		}
	}
	return what, weight
}

func finding(before *detectors.Profile, call *detectors.Call, what string, bits float64) detectors.Finding {
	models, operations := before.Models.Top(5), before.Operations.Top(5)
	f := detectors.Finding{
		Time:     call.Time,
		Bits:     bits,
		Summary:  fmt.Sprintf("used %s for the first time, from %s; usual are %s", what, &call.From, strings.Join(append(models, operations...), ", ")),
		Observed: detectors.Facts{"operation": call.Operation, "model": call.Model, "deployment": call.Deployment, "network": call.From.String()},
		Usual:    detectors.Facts{"models": models, "operations": operations, "callsKnown": before.Calls},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f
}
