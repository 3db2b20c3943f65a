// Package modelenumeration finds somebody who tries out what a key opens.
package modelenumeration

import (
	"fmt"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is model-enumeration.
var Detector = detectors.New(detectors.Description{
	ID:    "model-enumeration",
	Title: "Models or deployments are enumerated",
	Text: "Within one clock hour a principal lists models or deployments, calls names that do not exist (404), or calls models that it never used, three such tries at least and more than in its busiest such hour so far. A thief must find out which deployments a key opens. " +
		"What comes from networks that the principal does not use counts double; the log of an account does not say which wrong name was tried, and there the first calls from such a network count one by one. A developer who lists models now and then is measured against that. " +
		"A thief who knows the deployment's name needs no such calls and is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Errors,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1526"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0075"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A developer who tries new models.",
		"A migration to a new model, with a deployment's name misspelt at first.",
		"A tool that lists models when it starts.",
	},
	Triage: []string{
		"Look at the names that were tried: those of the owner's own plans, or a list of every model there is.",
		"Look at the networks of those calls: the usual ones, or others.",
		"Look for tiny calls before and a burst after them.",
		"Ask the owner of the key for a migration or a test.",
	},
	Version: 2,
	Sights:  true,
}, observe)

// slack is added to both sides of the ratio of probes.
const slack = 1

// weights of a probe by the standing of its network.
var weights = [detectors.Standings]float64{detectors.Usual: 1, detectors.Near: 1.5, detectors.Foreign: 2}

// worth of a probe: a model used for the first time is for operation-shift in the first place.
var worth = [probes]float64{listing: 1, missing: 1, novel: 0.5}

// several is how many tries within a clock hour are a search: whoever is new looks around once.
const several = 3

// held is how late a listing or a wrong name may be judged: rows that name
// nobody wait a quarter of an hour for their twin, while others pass. They count
// for the hour that is.
const held = 20 * detectors.Minute

// handful is how many calls of wrong names that the log does not say may be of
// different ones: one wrong name in a loop looks the same.
const handful = 4

// probe is one way of trying what there is.
type probe uint8

const (
	none    probe = iota
	listing       // of models or deployments
	missing       // a name that does not exist
	novel         // a model or deployment that the principal never used
	probes
)

// state counts by the clock hour, each name once.
type state struct {
	Said    stat.Latch
	Hour    int64     // since 1970
	Weight  float64   // of the probes in this hour
	Busiest stat.Peak // Weight of the hours before
	Counts  [probes]float64
	Names   stat.Distinct

	Nameless float64 // wrong names in this hour that the log does not say
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok {
		return detectors.Finding{}, false
	}
	kind, name := tries(before, call)
	hour := int64(call.Time / detectors.Hour)
	if hour < own.Hour && detectors.Time(own.Hour)*detectors.Hour-call.Time <= held {
		hour = own.Hour
	}
	if kind == none || hour < own.Hour {
		return detectors.Finding{}, false
	}
	if hour > own.Hour {
		own.turn(hour, before.Guarded)
	}
	switch {
	case kind == missing && call.Deployment == "" && own.Nameless < handful && before.Standing(&call.From, call.Time) == detectors.Foreign:
		own.Nameless++ // the log does not say which: one by one
	case !own.Names.Add(name):
		return detectors.Finding{}, false
	}
	own.Counts[kind]++
	own.Weight += worth[kind] * weights[before.Standing(&call.From, call.Time)]
	if own.Counts[listing]+own.Counts[missing]+own.Counts[novel] < several {
		return detectors.Finding{}, false
	}
	bits := before.Bits("model-enumeration", call.Time, stat.Above(own.Weight, own.Busiest.Max, slack))
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return finding(before, call, bits, own), true
}

// turn begins an hour. What an open incident is about is not learned as usual.
func (own *state) turn(hour int64, guarded bool) {
	if own.Weight > 0 && !guarded {
		own.Busiest.Learn(own.Hour, own.Weight)
	}
	own.Busiest.Learn(hour, 0)
	own.Hour, own.Weight, own.Counts, own.Names, own.Nameless = hour, 0, [probes]float64{}, stat.Distinct{}, 0
}

// tries is how a call tries what there is, and a hash of what it tries.
func tries(before *detectors.Profile, call *detectors.Call) (probe, uint64) {
	switch {
	case call.Class == detectors.ClassListing:
		return listing, stat.MixString(call.Operation) ^ stat.MixPrefix(call.From.Prefix)
	case call.Status == 404:
		return missing, stat.MixString(call.Deployment) ^ stat.MixString(call.Operation)
	case call.Model != "" && before.Models.Len() > 0 && before.Models.Find(call.Model) == nil:
		return novel, stat.MixString(call.Model)
	case call.Deployment != "" && before.Deployments.Len() > 0 && before.Deployments.Find(call.Deployment) == nil:
		return novel, stat.MixString(call.Deployment)
	}
	return none, 0
}

func finding(before *detectors.Profile, call *detectors.Call, bits float64, own *state) detectors.Finding {
	usual := before.Models.Top(5)
	f := detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("within an hour %.0f lists of models read, %.0f tries of names that do not exist, %.0f models or deployments used for the first time; usual are %s",
			own.Counts[listing], own.Counts[missing], own.Counts[novel], strings.Join(usual, ", ")),
		Observed: detectors.Facts{
			"listingsPerHour": own.Counts[listing], "missingNamesPerHour": own.Counts[missing], "newModelsPerHour": own.Counts[novel],
			"deployment": call.Deployment, "model": call.Model,
		},
		Usual: detectors.Facts{"models": usual, "maxProbesPerHour": own.Busiest.Max},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f
}
