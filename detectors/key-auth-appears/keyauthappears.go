// Package keyauthappears finds calls with an account's key where only Entra
// identities called before.
package keyauthappears

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is key-auth-appears.
//
// The profile of the account-key principal is empty when it fires: it judges
// by the profile of the resource, that is, by what its other callers do.
var Detector = detectors.New(detectors.Description{
	ID:    "key-auth-appears",
	Title: "Key used where nobody uses keys",
	Text: "An account that only Entra identities called for days is called with one of its keys. Keys of such accounts lie about unused, and their owners do not miss them: this is the plainest sign of a stolen key. " +
		"It grows with the days without a key, with networks that nobody on the account, and no office of the tenant, uses, and with each further one. An account whose keys are used now and then is measured against that. " +
		"An account that appeared in the two weeks before, days after the watch began, and was called on a day or two only, is being set up: there it says nothing. Rows that do not show who called, and calls refused as 401, never count, so a key that was rotated in time is not reported.",
	Severity: detectors.High,
	Family:   detectors.Place,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1552"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0055"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"Somebody of the team tries a key, often from an office or from the portal.",
		"A new program of the owner that cannot use Entra yet.",
		"An identity's failure that was bridged with a key.",
	},
	Triage: []string{
		"Look in the activity log who listed the account's keys in the days before.",
		"Ask the owner who uses a key, and from which network.",
		"Look at the networks: one that the account's other callers use speaks for a colleague.",
		"When nobody owns up, rotate both keys and disable local authentication: nobody else needs them here.",
	},
	Version: 1,
}, observe)

// prior is on how many days a key is used of which nothing is known yet.
const prior = 0.25

// unusual is the least surprise: keys are used on less than one day in eight.
const unusual = 3

// What makes the use of a key more surprising, as a part of its surprise.
const (
	foreign = 0.3  // the network is new to the resource
	another = 0.15 // for each doubling of the networks that the key is used from
)

// most is the most bits, by whether a network was foreign: a colleague at the
// office who tries the key is rare, but an ordinary explanation, and a thief
// alone brings more than the key.
var most = map[bool]float64{false: 8, true: 12}

// state is of one day.
type state struct {
	Said     stat.Latch
	Day      int64 // since 1970
	Foreign  bool  // a network of the day was new to the resource
	Networks stat.Distinct
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || before.Principal.Kind != detectors.AccountKey || before.Resource == nil || !call.Proven() || call.WrongKey() {
		return detectors.Finding{}, false
	}
	if !before.Resource.Callers.Known(detectors.EntraObject, call.Time, detectors.Day) || before.SettingUp(call.Time) {
		return detectors.Finding{}, false
	}
	day := int64(call.Time / detectors.Day)
	if day > own.Day {
		*own = state{Said: own.Said, Day: day}
	}
	if !own.Networks.Add(stat.MixPrefix(call.From.Prefix)) {
		return detectors.Finding{}, false
	}
	own.Foreign = own.Foreign || call.From.Known() && !before.Frequented(&call.From, call.Time)

	keyDays := before.Models.DaysBefore(call.Time)
	days := before.Resource.Callers.DaysBefore(call.Time)
	surprise := -math.Log2((keyDays + prior) / (days + 1))
	if surprise < unusual {
		return detectors.Finding{}, false
	}
	networks := own.Networks.Count()
	likeness := 1 + another*math.Log2(networks)
	if own.Foreign {
		likeness += foreign
	}
	bits := math.Min(before.BitsAt("key-auth-appears", before.Resource.Age(call.Time), surprise*likeness), most[own.Foreign])
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("called with a key of the account from %s, where only Entra identities called on %.0f of %.0f days",
			&call.From, math.Max(0, days-keyDays), days),
		Observed: detectors.Facts{"network": call.From.String(), "networksToday": networks, "model": call.Model, "status": float64(call.Status)},
		Usual:    detectors.Facts{"daysWithKey": keyDays, "days": days, "networks": others(before.Resource, call.From.Prefix)},
		Networks: []detectors.Network{call.From},
	}, true
}

// others is the networks, but for one, that the resource is called from most.
func others(resource *detectors.Profile, but netip.Prefix) []string {
	var texts []string
	for _, prefix := range resource.Networks.Top(5) {
		if prefix != but {
			texts = append(texts, prefix.String())
		}
	}
	return texts
}
