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
	Text: "A principal is called with an api-version or a user agent that it never had, or has answers streamed for the first time: the tools of thieves bring their own, often of long ago. A version or an agent counts the less the more of its peers have it. " +
		"From a network that the principal does not use, a preview of long ago counts most, and any program from servers for rent or a VPN, and a version from half a year before the newest in use, each by how rare that is; a version of today counts little elsewhere, because a colleague who is new mostly brings a program of their own, and from its own networks, from new ones of its organisations or its peers', and where strangers come every day, it counts about as the migration that it mostly is. But an older program that asks for work that was never done, from the principal's own machines, is nobody's migration: a hijacked server or pipeline that relays for a thief calls so, and where new programs are rare it needs no other evidence, unless the principal has had that version for a day or more. How surprising it is follows from how often this principal meets new ones. " +
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
		"A second program of the owner that shares the key, or the machine.",
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
	streamOnly = 0.6  // streamed answers, of which there were none
	staleExtra = 0.3  // an api-version of long ago
	near       = 0.7  // from a new network of a usual organisation
	modern     = 0.25 // any but that from a strange network where colleagues are: whoever is new mostly brings a program of their own
)

// beside is what an older program for new work adds, in bits and beyond most, on the principal's own machines.
// Assumed: on eight workloads of others one benign principal in 40,000 days had one, and eight victims of campaigns.
const beside = 10

// crowd is how many new networks a day make strangers the usual callers: they bring the usual program.
const crowd = 1

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
	// The usual program is nothing new, and that of no intruder.
	if known := before.Clients.Find(call.Client); known != nil && call.Time-known.First >= detectors.Day {
		return detectors.Finding{}, false
	}
	standing := before.Standing(&call.From, call.Time)
	intruding := intruder(before, call, standing)
	what, weight := novelty(before, call)
	anew, clients := weight > 0, before.Clients.Len()
	if intruding && met(before, versioned(call)) {
		what, weight = version(call)
		weight *= unshared(before, call.Time, versioned(call))
		clients-- // the intruder's own is no habit
	}
	if weight == 0 {
		return detectors.Finding{}, false
	}
	day := int64(call.Time / detectors.Day)
	days := float64(before.Age(call.Time)) / float64(detectors.Day)
	surprise := own.News.Surprise(day, days, prior)
	surprise = math.Min(surprise, before.Habit(clients)) * weight
	if anew {
		own.News.Add(day)
	}
	test, limit := "client-change/usual", float64(most)
	if standing != detectors.Usual {
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
		case standing == detectors.Near, before.Networks.NewsBefore(call.Time) >= crowd*(before.Networks.Days+1):
			test = "client-change/usual"
		default:
			surprise *= modern
		}
	}
	bits := math.Min(before.Bits(test, call.Time, surprise), limit)
	if bits >= detectors.MinBits && intruding {
		bits += beside
		what += " for work that it never did"
	}
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := finding(before, call, what, bits)
	f.Observed["newClientsToday"], f.Usual["newClientsPerDay"] = own.News.Today, own.News.Past/(days+1)
	return f, true
}

// intruder reports whether a call comes from the principal's own machines, or others of
// its clouds, but with an older program and for work that it never did: nobody puts a
// program back to begin something new, so somebody else runs one there. An older version
// that came within the last day is no less new for its first call of the usual work.
func intruder(before *detectors.Profile, call *detectors.Call, standing detectors.Standing) bool {
	own := standing == detectors.Usual || standing == detectors.Near && (call.From.Kind == detectors.Azure || call.From.Kind == detectors.Cloud)
	return own && before.NewWork(call) && (apiversion.Stale(call) || apiversion.Older(before, call)) &&
		!slices.ContainsFunc(before.Clients.All(), func(o detectors.Value[detectors.Client]) bool {
			return o.Key.APIVersion == call.Client.APIVersion && call.Time-o.First >= detectors.Day
		})
}

// novelty is what is new of the client of a call, and how much that is worth; 0 where nothing is.
func novelty(before *detectors.Profile, call *detectors.Call) (what string, weight float64) {
	c := &call.Client
	if before.Clients.Find(*c) != nil {
		return "", 0
	}
	if c.APIVersion != "" {
		_, weight = version(call)
		weight *= unmet(before, call.Time, versioned(call))
	}
	agent := 0.0
	if c.UserAgent != "" {
		agent = agentOnly * unmet(before, call.Time, func(o detectors.Client) bool { return o.UserAgent == c.UserAgent })
	}
	switch {
	case max(weight, agent) < streamOnly && c.Stream == detectors.Streaming && !met(before, streams(detectors.Streaming)) && met(before, streams(detectors.NonStreaming)):
		return "for streamed answers", streamOnly
	case agent > weight:
		return fmt.Sprintf("by the user agent %q", c.UserAgent), agent
	case weight > 0:
		what, _ = version(call)
		return what, weight
	}
	return "", 0
}

// version is what is new where the api-version of a call is, and how much that is worth.
func version(call *detectors.Call) (what string, weight float64) {
	weight = 1
	if apiversion.Stale(call) {
		weight += staleExtra
	}
	return fmt.Sprintf("with api-version %q", call.Client.APIVersion), weight
}

// unmet is how far the principal has met no client that is such, between 0 and 1: the more of its peers have, the less.
func unmet(before *detectors.Profile, t detectors.Time, is func(detectors.Client) bool) float64 {
	if met(before, is) {
		return 0
	}
	return unshared(before, t, is)
}

// unshared is how far its peers have no client that is such, between 0 and 1.
func unshared(before *detectors.Profile, t detectors.Time, is func(detectors.Client) bool) float64 {
	if before.Resource == nil {
		return 1
	}
	return 1 - before.Resource.Clients.SharedWhere(t, before.Caller, is)
}

// met reports whether the principal has met a client that is such.
func met(before *detectors.Profile, is func(detectors.Client) bool) bool {
	return slices.ContainsFunc(before.Clients.All(), func(c detectors.Value[detectors.Client]) bool { return is(c.Key) })
}

// versioned reports of clients whether they have the api-version of a call.
func versioned(call *detectors.Call) func(detectors.Client) bool {
	return func(c detectors.Client) bool { return c.APIVersion == call.Client.APIVersion }
}

// streams reports of clients whether they have their answers so.
func streams(how detectors.Stream) func(detectors.Client) bool {
	return func(c detectors.Client) bool { return c.Stream == how }
}

func finding(before *detectors.Profile, call *detectors.Call, what string, bits float64) detectors.Finding {
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
		Summary: fmt.Sprintf("called %s from %s; until now with %s", what, &call.From, strings.Join(usual, ", ")),
		Observed: detectors.Facts{
			"apiVersion": call.Client.APIVersion, "userAgent": call.Client.UserAgent, "new": what, "network": call.From.String(),
		},
		Usual: detectors.Facts{"clients": usual, "clientsKnown": float64(before.Clients.Len()), "callsKnown": before.Calls},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f
}
