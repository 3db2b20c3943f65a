// Package newcountry finds calls from a country that a principal was never
// seen in.
package newcountry

import (
	"fmt"
	"math"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/atlas"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is new-country.
var Detector = detectors.New(detectors.Description{
	ID:    "new-country",
	Title: "Use from a new country",
	Text: "A principal is called from a country that it was never seen in, or, on its first day, that its resource was never called from. How surprising that is follows from how often this principal meets new countries: " +
		"the first one in a month is, one more for an application that passes its users' addresses through is not, and a principal that people use from homes and telephones meets one sooner than a program that stays where it runs. Usual networks that fell silent, and the usual client and model, take away from it: then somebody travels; so do peers of the resource who are there, by how many of them are, an office of the tenant, and that the country is next to one that is usual: the cloud of one country serves its neighbours, where people are. Homes and offices of a second and a third new country on one day add to it: those are many strangers, or one behind many. " +
		"Where no country is usual, as with programs that were only called from clouds whose country is not known, it says nothing. A country on which the address sources differ is never counted, so an attacker behind such an address is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Place,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1550.001"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A business trip, or a user who moved.",
		"A change of the office's egress, or a VPN gateway abroad.",
		"A first customer in that country, where the application passes addresses through.",
	},
	Triage: []string{
		"Ask the owner of the key whether anybody works from that country.",
		"Compare the api-version and the models of those calls with the usual ones.",
		"Look whether the usual networks went quiet at the same time: then it moved; if they go on, somebody else has the key.",
	},
	Version: 2,
}, observe)

// How many new countries a day a principal meets of which nothing is known
// yet: one that is called from where people are, and one that is not.
const (
	people   = 0.1
	machines = 0.02
)

// abroad is the share of new organisations that are in a new country: who is
// called from another home or telephone every week goes abroad sooner than a
// program that stays where it runs.
const abroad = 0.1

// peersDo is taken off where peers are there, by how many of them.
const peersDo = 0.5

// nextDoor is what is left of the surprise in a country next to a usual one.
const nextDoor = 0.7

// A journey takes its time, and a VPN shows in one country or another: homes and offices of
// several countries that are all new within a day are many strangers, or one behind many. Each
// is so many bits more than its own surprise, where that is as much as unusual; assumed.
const (
	unusual     = 6
	further     = 2
	mostFurther = 4
)

// homely reports whether people's own lines are of that kind, and not what is rented.
func homely(kind detectors.NetworkKind) bool {
	return kind == detectors.Residential || kind == detectors.Business || kind == detectors.NetworkUnknown
}

type state struct {
	Said   stat.Latch
	Day    int64   // since 1970, of Homely
	Homely float64 // countries, new and unusual, of homes and offices on that day
}

// further is the bits that the other countries of a day add to one more.
func (own *state) further(day int64) float64 {
	if day > own.Day {
		own.Day, own.Homely = day, 0
	}
	own.Homely++
	return math.Min(further*(own.Homely-1), mostFurther)
}

// doubt is the factor by which other explanations weaken the surprise: usual
// networks that fell silent, as those of who travels do, and the usual client
// and model.
func doubt(past *detectors.Profile, call *detectors.Call) float64 {
	doubt := 1 - past.Quiet(call.Time)/3
	if past.Alike(call) {
		doubt *= 0.75
	}
	if past.OnPremises(&call.From, call.Time) {
		doubt *= detectors.Colleague
	}
	return doubt
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || !call.From.Country.Known() || call.From.Weak {
		return detectors.Finding{}, false
	}
	past, test := before, "new-country/known"
	if before.Newcomer(call.Time) {
		past, test = before.Resource, "new-country/newcomer"
	}
	prior := machines
	if past.Kinds.Known(detectors.Residential, call.Time, detectors.Day) {
		prior = people
	}
	surprise := past.Countries.Surprise(call.From.Country, call.Time, prior+abroad*past.Organizations.NewsBefore(call.Time), past.Busier)
	if surprise == 0 {
		return detectors.Finding{}, false
	}
	usual := past.Countries.Usual(5, call.Time)
	if len(usual) == 0 {
		return detectors.Finding{}, false // where nothing is at home, as with clouds whose country is not known, nothing is abroad
	}
	if peers := past.Resource; peers != nil {
		surprise *= 1 - peersDo*peers.Countries.Shared(call.From.Country, call.Time, past.Caller)
	}
	surprise *= doubt(past, call)
	if atlas.Neighbour(past, call.From.Country, call.Time) {
		surprise *= nextDoor
	}
	bits := math.Min(before.BitsAt(test, past.Age(call.Time), surprise), detectors.MostOfPlace)
	if bits >= unusual && homely(call.From.Kind) {
		bits += own.further(int64(call.Time / detectors.Day))
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	texts := make([]string, len(usual))
	for i, c := range usual {
		texts[i] = c.String()
	}
	return detectors.Finding{
		Time:     call.Time,
		Bits:     bits,
		Summary:  fmt.Sprintf("called from %s for the first time; until now from %s", call.From.Country, strings.Join(texts, ", ")),
		Observed: detectors.Facts{"country": call.From.Country.String(), "newCountriesToday": float64(past.Countries.NewOn(call.Time) + 1)},
		Usual:    detectors.Facts{"countries": texts, "newCountriesPerDay": past.Countries.News / (past.Countries.Days + 1)},
		Networks: []detectors.Network{call.From},
	}, true
}
