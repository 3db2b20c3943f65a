// Package watchlist finds networks that analysts look for.
package watchlist

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is watchlist.
var Detector = detectors.New(detectors.Description{
	ID:    "watchlist",
	Title: "Watched network appears",
	Text: "A principal is called from a network that an analyst put on the watchlist: that of an incident elsewhere, of a feed, of a colleague's hint. One call is enough, and the analyst's reason is quoted. " +
		"It knows nothing of its own: a list that is out of date alarms for whoever has the network today, and one that is too wide alarms for the neighbours.",
	Severity: detectors.High,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1090"},
	},
	Benign: []string{
		"The network has changed hands since it was listed.",
		"A shared egress: the exit of a VPN, or a carrier's.",
	},
	Triage: []string{
		"Read why the network is watched, and since when.",
		"Look what else came from it, on all principals.",
		"Take it off the list when it has changed hands.",
	},
	Version: 1,
	Ageless: true,
	Sights:  true,
}, observe)

// listed is the bits of a call from a watched network: an analyst has vouched for them.
const listed = 22

type state struct{ Said stat.Latch }

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || call.From.Watched == "" || !own.Said.Raise(int64(call.Time/detectors.Day), listed, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	calls := 0.0
	if known := before.Networks.Find(call.From.Prefix); known != nil {
		calls = known.Count
	}
	return detectors.Finding{
		Time:     call.Time,
		Bits:     listed,
		Summary:  fmt.Sprintf("called from %s, which is watched: %s", &call.From, call.From.Watched),
		Observed: detectors.Facts{"network": call.From.String(), "reason": call.From.Watched, "status": float64(call.Status)},
		Usual:    detectors.Facts{"callsFromThere": calls},
		Networks: []detectors.Network{call.From},
	}, true
}
