// Package anonymousnetwork finds calls from networks that hide who is behind them.
package anonymousnetwork

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is anonymous-network.
//
// A principal without a past is judged by the kind alone, in bits that are
// assumed: so a brand-new key that is first used from Tor is not passed over.
var Detector = detectors.New(detectors.Description{
	ID:    "anonymous-network",
	Title: "Use from an anonymous network",
	Text: "A principal is called from a Tor exit, a commercial VPN or proxy, or servers for rent, where it never was. Of a key without a past that is all there is to judge by, and it counts a little, the less the more networks called at once; of one that is known for days a Tor exit is enough by itself, unless its resource is called through Tor, and the others are more surprising the fewer of its resource's callers use such networks, a VPN less so of one that people use from ever new networks, and both where the usual client and model come through them. Servers for rent in a country that nobody called the resource from may need no other evidence. " +
		"Which networks are anonymous is as old as the embedded table: an exit that is newer is missed, and a block that has changed hands is wrong.",
	Severity: detectors.Medium,
	Family:   detectors.Place,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1090"},
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0008.005"},
	},
	Benign: []string{
		"A user with a private VPN.",
		"A backend that moved to a cheap hoster.",
		"A monitoring service that calls from rented servers.",
	},
	Triage: []string{
		"Look up the network in the sources that name exits today.",
		"Ask the owner of the key whether anybody uses a VPN, or rents servers there.",
		"Look whether the usual networks go on at the same time.",
		"Search the other principals for the same network.",
	},
	Version: 1,
	Sights:  true,
}, observe)

// priors are how many days with such a kind of network a day brings of which nothing is known yet.
var priors = map[detectors.NetworkKind]float64{detectors.Hosting: 0.03, detectors.VPN: 0.02, detectors.Tor: 0.002}

// hides is the share of new organisations that are a VPN: who is called from
// another home or telephone every week uses one sooner than a program that
// stays where it runs.
const hides = 0.05

// prior is how many days with a kind of network a day brings, before any was seen.
func prior(past *detectors.Profile, kind detectors.NetworkKind, t detectors.Time) float64 {
	if kind == detectors.VPN {
		return priors[kind] + hides*past.Organizations.NewsBefore(t)
	}
	return priors[kind]
}

// first is the bits of a kind of network for a principal without a past: what share of new keys is first used from it, assumed.
var first = map[detectors.NetworkKind]float64{detectors.Hosting: 4, detectors.VPN: 5, detectors.Tor: 9}

// amongFirst is the bits of such a network for a principal without a past that was called from
// others: the more there were, the sooner one is of the kind (Bonferroni's inequality).
func amongFirst(before *detectors.Profile, kind detectors.NetworkKind) float64 {
	if kind == detectors.Tor {
		return first[kind]
	}
	return max(0, first[kind]-math.Log2(float64(1+before.Networks.Len())))
}

// late is what is added where the principal appears days after the watch began: that is rare by itself.
const late = 3

// peersUse is taken off the surprise where peers are called from such networks, by how many of them.
const peersUse = 0.5

// onion is the bits of a Tor exit for a principal that has a past without one,
// on a resource without one: hardly any program or person of a company ever
// calls a model through it, so nothing else need speak for an abuse.
const onion = 18

// Servers for rent in a country that the principal was never called from: the
// most bits that they say, which is enough without other evidence, and those that the country adds.
const (
	abroad    = 17
	abroadToo = 3.5
)

type state struct{ Said stat.Latch }

// alike is the factor by which the usual client and model weaken the surprise:
// colleagues have VPNs, and contractors rent servers.
var alike = map[detectors.NetworkKind]float64{detectors.VPN: 0.6, detectors.Hosting: 0.75}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || !call.From.Kind.Anonymous() || !call.From.Known() || call.WrongKey() {
		return detectors.Finding{}, false
	}
	kind := call.From.Kind
	bits, doubt := 0.0, 1.0
	if weaker, ok := alike[kind]; ok && before.Alike(call) {
		doubt = weaker
	}
	peers := before.Resource
	switch known := peers != nil && peers.Kinds.Known(kind, call.Time, detectors.Day); {
	case before.Age(call.Time) < detectors.Day && known:
	case before.Latecomer(call.Time):
		bits = amongFirst(before, kind) + late
	case before.Age(call.Time) < detectors.Day:
		bits = amongFirst(before, kind)
	case known:
		bits = usually(before, &call.From, call.Time, doubt*(1-peersUse*peers.Kinds.Shared(kind, call.Time, before.Caller)))
	case kind == detectors.Tor && before.Kinds.Find(kind) == nil:
		bits = onion
	default:
		bits = usually(before, &call.From, call.Time, doubt)
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	var usual []string
	for _, kind := range before.Kinds.Usual(5, call.Time) {
		usual = append(usual, kind.String())
	}
	today := before.Kinds.NewOn(call.Time)
	if before.Kinds.Find(kind) == nil {
		today++
	}
	return detectors.Finding{
		Time:    call.Time,
		Bits:    bits,
		Summary: fmt.Sprintf("called from %s, a kind of network that it never used", &call.From),
		Observed: detectors.Facts{
			"network": call.From.Prefix.String(), "networkKind": kind.String(), "organization": call.From.Organization,
			"newNetworkKindsToday": float64(today),
		},
		Usual: detectors.Facts{
			"networkKinds": usual, "newNetworkKindsPerDay": before.Kinds.News / (before.Kinds.Days + 1),
			"daysKnown": float64(before.Age(call.Time)) / float64(detectors.Day), "callsKnown": before.Calls,
		},
		Networks: []detectors.Network{call.From},
	}, true
}

// unvisited reports whether the country of a network is certain, and neither the principal nor its resource was called from there.
func unvisited(before *detectors.Profile, from *detectors.Network, t detectors.Time) bool {
	if !from.Country.Known() || from.Weak || before.Countries.Len() == 0 || before.Countries.Find(from.Country) != nil {
		return false
	}
	return before.Resource == nil || !before.Resource.Countries.Known(from.Country, t, detectors.Day)
}

// usually is the bits by how often the principal meets new kinds of networks, of which doubt is left.
func usually(before *detectors.Profile, from *detectors.Network, t detectors.Time, doubt float64) float64 {
	kind, limit, extra := from.Kind, float64(detectors.MostOfPlace), 0.0
	if kind == detectors.Hosting && unvisited(before, from, t) {
		limit, extra = abroad, abroadToo
	}
	test := "anonymous-network/servers"
	if kind == detectors.VPN {
		test = "anonymous-network/vpn"
	}
	surprise := before.Kinds.Surprise(kind, t, prior(before, kind, t), before.Busier)
	bits := before.Bits(test, t, surprise*doubt)
	if bits >= detectors.MinBits {
		bits += extra
	}
	return min(bits, limit)
}
