// Package clientchange finds a principal that is called with another program than its own.
package clientchange

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/apiversion"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is client-change.
var Detector = detectors.New(detectors.Description{
	ID:    "client-change",
	Title: "Called with another program",
	Text: "A principal is called with an api-version or a user agent that neither it nor its peers used: the tools of thieves bring their own, often of long ago. " +
		"From a network that the principal does not use, a preview of long ago counts most, and any program from servers for rent or a VPN, and a version from half a year before the newest in use, each by how rare that is; a version of today counts little elsewhere, because a colleague who is new mostly brings a program of their own, and from its own networks it counts as the migration that it mostly is. How surprising it is follows from how often this principal meets new ones. " +
		"A thief with the owner's api-version, or any of today, is missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Behaviour,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0040"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A migration to a new api-version or library.",
		"A developer with a notebook beside the program.",
		"A second program of the owner that shares the key.",
	},
	Triage: []string{
		"Compare the network and the models of those calls with the usual ones.",
		"Ask the owner whether a release went out at that time.",
		"Look up which tools use that api-version: a stale preview speaks for a key checker or a reverse proxy.",
	},
	Version: 1,
	Sights:  true,
}, observe)

// prior is how many new clients a day a principal meets of which nothing is known yet.
const prior = 0.05

// What a new client is worth, as a part of its surprise.
const (
	agentOnly  = 0.6  // a new user agent with a usual api-version
	staleExtra = 0.3  // an api-version of long ago
	near       = 0.7  // from a new network of a usual organisation
	modern     = 0.25 // any but that from a strange network where colleagues are: whoever is new mostly brings a program of their own
)

// most is the most bits of a new client, but for one of long ago and one from a
// network that hides who calls: who is new in a place mostly brings one, and of
// the place others speak.
const most = 10

// enough is how many calls tell what is usual.
const enough = 20

type state struct {
	Said stat.Latch
	News stat.Rate // new clients
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || before.Calls < enough || call.Client.APIVersion == "" && call.Client.UserAgent == "" {
		return detectors.Finding{}, false
	}
	weight := novelty(before, call)
	if weight == 0 {
		return detectors.Finding{}, false
	}
	day := int64(call.Time / detectors.Day)
	surprise := own.News.Surprise(day, float64(before.Age(call.Time))/float64(detectors.Day), prior)
	surprise = math.Min(surprise, before.Habit(before.Clients.Len())) * weight
	own.News.Add(day)
	test, limit := "client-change/usual", float64(most)
	if standing := before.Standing(&call.From, call.Time); standing != detectors.Usual {
		test = "client-change/foreign"
		if standing == detectors.Near {
			surprise *= near
		}
		switch {
		case call.From.Kind.Anonymous():
			test, limit = "client-change/hidden", detectors.MostOfPlace
		case apiversion.Stale(call):
			limit = detectors.MostOfPlace
		case apiversion.Older(before, call):
			test = "client-change/older"
		default:
			surprise *= modern
		}
	}
	bits := math.Min(before.Bits(test, call.Time, surprise), limit)
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return finding(before, call, bits), true
}

// novelty is how new the client of a call is, 0 where the principal or its peers use it.
func novelty(before *detectors.Profile, call *detectors.Call) float64 {
	version, agent := true, call.Client.UserAgent != ""
	for _, c := range before.Clients.All() {
		version = version && c.Key.APIVersion != call.Client.APIVersion
		agent = agent && c.Key.UserAgent != call.Client.UserAgent
	}
	if before.Resource != nil && (version || agent) {
		for _, c := range before.Resource.Clients.All() {
			if call.Time-c.First < detectors.Day {
				continue
			}
			version = version && c.Key.APIVersion != call.Client.APIVersion
			agent = agent && c.Key.UserAgent != call.Client.UserAgent
		}
	}
	switch {
	case version && call.Client.APIVersion != "" && apiversion.Stale(call):
		return 1 + staleExtra
	case version && call.Client.APIVersion != "":
		return 1
	case agent:
		return agentOnly
	}
	return 0
}

func finding(before *detectors.Profile, call *detectors.Call, bits float64) detectors.Finding {
	var usual []string
	for _, client := range before.Clients.Top(6) {
		text := client.APIVersion
		if client.UserAgent != "" {
			text = strings.TrimSpace(text + " " + client.UserAgent)
		}
		if text != "" && !slices.Contains(usual, text) {
			usual = append(usual, text)
		}
	}
	f := detectors.Finding{
		Time:    call.Time,
		Bits:    bits,
		Summary: fmt.Sprintf("called with api-version %q from %s; until now with %s", call.Client.APIVersion, &call.From, strings.Join(usual, ", ")),
		Observed: detectors.Facts{
			"apiVersion": call.Client.APIVersion, "userAgent": call.Client.UserAgent, "network": call.From.String(),
		},
		Usual: detectors.Facts{"clients": usual, "clientsKnown": float64(before.Clients.Len())},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f
}
