// Package listedthenused finds a key that is used elsewhere after a stranger read it.
package listedthenused

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is listed-then-used.
var Detector = detectors.New(detectors.Description{
	ID:    "listed-then-used",
	Title: "Key used after it was listed",
	Text: "Within a week after somebody unknown, or from an unknown place, read the keys of a resource, its key is called from a network that it never used, and that is no office of the tenant: the second half of a theft. It counts the more the stranger the listing was, the sooner the use follows, and most where both come from the same network. " +
		"A listing without an address in the log, and a use from the owner's own networks, are missed here.",
	Severity: detectors.High,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1552"},
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0055"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A new colleague who reads the key and builds it into a program somewhere.",
		"A pipeline that was moved, and the program with it.",
	},
	Triage: []string{
		"Ask the actor of the listing whether it was they, by another channel than mail.",
		"Compare the network of the listing with that of the calls.",
		"Rotate the key that is not in use first, then the other.",
	},
	Version: 1,
}, observe)

// week is for how long a listing is remembered.
const week = 7 * detectors.Day

// What makes the use more remarkable, in points beside those of the listing.
const (
	samePrefix       = 4.0
	sameOrganization = 3.0
	sooner           = 2.0 // at once; it halves with each day
)

// wanders is how many new networks a day make one more no sign of another's use.
const wanders = 0.3

// most is the most bits: a new administrator and a colleague who is given the key look the same.
const most = 9.5

// base is taken off: a strange listing alone says nothing of a use.
const base = 4

type state struct{ Said stat.Latch }

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || before.Resource == nil || before.Principal.Kind == detectors.EntraObject || !call.From.Known() || call.WrongKey() {
		return detectors.Finding{}, false
	}
	listing := &before.Resource.Listing
	since := call.Time - listing.Time
	if listing.Time == 0 || since < 0 || since > week || !strange(before, call, listing) {
		return detectors.Finding{}, false
	}
	points := listing.Strangeness - base + sooner*math.Exp2(-float64(since)/float64(detectors.Day))
	switch {
	case listing.Prefix == call.From.Prefix:
		points += samePrefix
	case listing.ASN != 0 && listing.ASN == call.From.ASN && call.From.Kind.Anonymous(): // a carrier has too many customers
		points += sameOrganization
	case before.Networks.News > wanders*(before.Networks.Days+1):
		return detectors.Finding{}, false
	}
	bits := math.Min(before.BitsAt("listed-then-used", before.Resource.ActAge(call.Time), points), most)
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("called from %s, %.1f hours after %s read the keys from %s",
			&call.From, float64(since)/float64(detectors.Hour), listing.Actor, listing.Prefix),
		Observed: detectors.Facts{"hoursSinceListing": float64(since) / float64(detectors.Hour), "actor": listing.Actor, "network": call.From.String()},
		Usual:    detectors.Facts{"actors": before.Resource.Actors.Usual(4, listing.Time), "networksKnown": float64(before.Networks.Len())},
		Networks: []detectors.Network{call.From},
	}, true
}

// strange reports whether neither the principal nor its resource used the network of a call before the listing, and it is not the tenant's.
func strange(before *detectors.Profile, call *detectors.Call, listing *detectors.Listing) bool {
	if before.OnPremises(&call.From, call.Time) {
		return false
	}
	if e := before.Networks.Find(call.From.Prefix); e != nil && e.First < listing.Time {
		return false
	}
	e := before.Resource.Networks.Find(call.From.Prefix)
	return e == nil || e.First >= listing.Time
}
