// Package newnetwork finds calls from a network that a principal never used.
package newnetwork

import (
	"fmt"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is new-network.
var Detector = detectors.New(detectors.Description{
	ID:    "new-network",
	Title: "Use from a new network",
	Text: "A principal is called from an organisation's network, or from a /24 (/48 for IPv6), that it never used. How surprising that is follows from how often this principal meets new ones: " +
		"for a key with one fixed egress the first in a month is, for a backend that hops over a cloud's addresses one more is not. Another region of a cloud counts as another organisation. A kind of network that it never used (hosting, VPN, Tor) adds to it; " +
		"peers of the resource that are at home there, by how many of them are, several principals of the tenant who are, usual networks that fell silent, and a client and model that the principal always uses take away from it: then an egress has moved. " +
		"It errs on the side of silence: an attacker in the principal's own provider, or at an address whose organisation no table knows, is seen by the /24 alone, and not at all where no table has the address.",
	Severity: detectors.Medium,
	Family:   detectors.Place,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1550.001"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0040"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0091.000"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"An office that changes its provider or its egress address.",
		"A backend that is deployed anew, or a pool that got a further address.",
		"A user at home, on a telephone or on a trip.",
	},
	Triage: []string{
		"Ask the owner of the key whether anything of theirs runs in that network.",
		"Look whether the usual networks went quiet at the same time: then it moved; if they go on, somebody else has the key.",
		"Compare the api-version, the models and the sizes of those calls with the usual ones.",
		"Search the other principals for the same network.",
	},
	Version: 1,
}, observe)

// How many new ones a day a principal meets of which nothing is known yet.
const (
	organizations = 0.1
	prefixes      = 0.5
	kinds         = 0.05
)

// inItsCountry is the bits that are taken off an ordinary network in a country
// that the principal is used from: a colleague's home, or a place that it moves to.
const inItsCountry = 1.5

// peersDo is taken off where peers use the organisation, by how many of them.
const peersDo = 0.5

// names are of the tests of a principal.
type names struct{ organization, prefix string }

// A newcomer is judged by what its resource knows: that is rarer, and measured apart.
var (
	known    = names{"new-network/organization", "new-network/prefix"}
	newcomer = names{"new-network/newcomer-organization", "new-network/newcomer-prefix"}
)

type state struct{ Said stat.Latch }

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || !call.From.Known() || call.From.ASN == 0 && !call.From.Country.Known() {
		return detectors.Finding{}, false
	}
	past, tests := before, known
	if before.Newcomer(call.Time) {
		past, tests = before.Resource, newcomer
	}
	prefix := past.Networks.Surprise(call.From.Prefix, call.Time, prefixes, past.Busier)
	if prefix == 0 {
		return detectors.Finding{}, false
	}
	organization := organization(past, call)
	doubt := doubt(past, call)
	age := past.Age(call.Time)
	bits := min(detectors.MostOfPlace, max(
		before.BitsAt(tests.organization, age, organization*doubt),
		before.BitsAt(tests.prefix, age, prefix*doubt),
	))
	if !call.From.Kind.Anonymous() && call.From.Country.Known() && past.Countries.Known(call.From.Country, call.Time, detectors.Day) {
		bits -= inItsCountry
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return finding(past, call, bits, organization > 0), true
}

// organization is the surprise of the call's organisation and of its kind of network.
func organization(before *detectors.Profile, call *detectors.Call) float64 {
	if call.From.ASN == 0 {
		return 0
	}
	surprise := before.Organizations.Surprise(call.From.Site(), call.Time, organizations, before.Busier)
	if surprise == 0 {
		return 0
	}
	if call.From.Kind != detectors.NetworkUnknown {
		kind := before.Kinds.Surprise(call.From.Kind, call.Time, kinds, before.Busier)
		if call.From.Kind.Anonymous() {
			return surprise + kind/2
		}
		return surprise + kind/4
	}
	return surprise
}

// doubt is the factor by which other explanations weaken the surprise.
func doubt(before *detectors.Profile, call *detectors.Call) float64 {
	doubt := 1 - before.Quiet(call.Time)/2
	switch alike := before.Alike(call); {
	case before.Elsewhere(&call.From, call.Time) && alike: // part of the load, in another region
		doubt *= 0.4
	case before.Elsewhere(&call.From, call.Time), alike:
		doubt *= 0.75
	}
	if before.Frequented(&call.From, call.Time) {
		return doubt * detectors.Colleague
	}
	if peers := before.Resource; peers != nil {
		doubt *= 1 - peersDo*peers.Organizations.Shared(call.From.Site(), call.Time, before.Caller)
	}
	return doubt
}

func finding(before *detectors.Profile, call *detectors.Call, bits float64, organization bool) detectors.Finding {
	var usual []string
	for _, prefix := range before.Networks.Usual(5, call.Time) {
		usual = append(usual, prefix.String())
	}
	name := call.From.Organization
	switch {
	case call.From.ASN == 0:
		name = "an organisation that no table knows"
	case name == "":
		name = fmt.Sprintf("AS%d", call.From.ASN)
	}
	what := "a new network of"
	switch {
	case organization && before.Elsewhere(&call.From, call.Time):
		what = "a region never seen before of"
	case organization:
		what = "an organisation never seen before,"
	}
	return detectors.Finding{
		Time:    call.Time,
		Bits:    bits,
		Summary: fmt.Sprintf("called from %s, %s %s (%s); until now from %s", call.From.Prefix, what, name, call.From.Kind, strings.Join(usual, ", ")),
		Observed: detectors.Facts{
			"network": call.From.Prefix.String(), "organization": name, "networkKind": call.From.Kind.String(),
			"newNetworksToday": float64(before.Networks.NewOn(call.Time) + 1),
		},
		Usual: detectors.Facts{
			"networks":               usual,
			"newNetworksPerDay":      before.Networks.News / (before.Networks.Days + 1),
			"organizations":          float64(before.Organizations.Len()),
			"newOrganizationsPerDay": before.Organizations.News / (before.Organizations.Days + 1),
		},
		Networks: []detectors.Network{call.From},
	}
}
