package dormantawakening

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// What a first use from a network that hides who is there is worth, in units
// of the statistic.
var hidden = map[detectors.NetworkKind]float64{detectors.Hosting: 2, detectors.VPN: 2.5, detectors.Tor: 5}

// ordinary is how many calls an hour a new program makes while it is tried out.
const ordinary = 10

// mostCalls is the most that the number of calls adds.
const mostCalls = 4

// firstUse judges the first day of a principal that nobody had seen, days after
// the watch began: a key that was never used, or a new program's.
func firstUse(before *detectors.Profile, call *detectors.Call, own *state) (detectors.Finding, bool) {
	calls := before.Hour().Total(detectors.Requests) + 1
	statistic := 0.0
	if kind, strange := hidden[call.From.Kind]; strange && call.Status != 401 && slept(before, call.Time) && !peersUse(before, call) {
		statistic = kind + math.Min(mostCalls, stat.Above(calls, ordinary, 0))
	}
	day := int64(call.Time / detectors.Day)
	bits := before.BitsAt("dormant-awakening/first", call.Time-before.Since, statistic)
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	watched := float64(call.Time-before.Since) / float64(detectors.Day)
	return detectors.Finding{
		Time:     call.Time,
		Bits:     bits,
		Summary:  fmt.Sprintf("used for the first time in the %.0f days of the watch, from %s, with %.0f calls within an hour", watched, &call.From, calls),
		Observed: detectors.Facts{"network": call.From.String(), "requestsPerHour": calls},
		Usual:    detectors.Facts{"daysUnused": watched},
		Networks: []detectors.Network{call.From},
	}, true
}

// slept reports whether the principal may have been there all the time: an account has its keys from
// the beginning, identities and subscriptions mostly are as new as they look, and so is all
// of an account that is being set up.
func slept(before *detectors.Profile, t detectors.Time) bool {
	return before.Principal.Kind == detectors.AccountKey && !before.SettingUp(t)
}

// peersUse reports whether the resource has been called from the network of a call for a day.
func peersUse(before *detectors.Profile, call *detectors.Call) bool {
	return before.Resource != nil && before.Resource.Networks.Known(call.From.Prefix, call.Time, detectors.Day)
}
