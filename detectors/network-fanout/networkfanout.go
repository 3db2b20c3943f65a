// Package networkfanout finds a key that is used from many networks within an hour.
package networkfanout

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is network-fanout.
var Detector = detectors.New(detectors.Description{
	ID:    "network-fanout",
	Title: "Use from many networks",
	Text: "Within one clock hour a principal is called from many more networks (/24, /48 for IPv6) or organisations than in its own widest hour so far: so looks a key that was resold, or that hides behind rotating proxies. " +
		"An application that passes its users' addresses through, or a backend that hops over a cloud, has wide hours of its own and is measured against them; an hour or a day of many times the usual calls may have as many times the networks. " +
		"A burst that straddles two clock hours is seen in halves, and a reseller behind one egress is not seen here.",
	Severity: detectors.Medium,
	Family:   detectors.FanOut,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATT&CK 17.1", ID: "T1090"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0008.005"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"An application that passes its users' addresses through, on a busy day.",
		"A test job that runs on many hosted runners at once.",
		"A backend that scales out or moves to a pool with more addresses.",
	},
	Triage: []string{
		"Look at the kinds of network: hosting and VPN speak for proxies, homes of one country for users.",
		"Compare api-version and sizes across the networks: the same everywhere speaks for one program behind them.",
		"Ask the owner whether the key is built into an application that users run.",
	},
	Version: 1,
}, observe)

// Networks and organisations added to both sides of a ratio.
const (
	slackNetworks      = 2
	slackOrganizations = 1
)

// state counts by the clock hour.
type state struct {
	Said                stat.Latch
	Hour                int64     // since 1970
	WidestNetworks      stat.Peak // of the hours before
	WidestOrganizations stat.Peak
	Networks            stat.Distinct
	Organizations       stat.Distinct
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || !call.From.Known() {
		return detectors.Finding{}, false
	}
	hour := int64(call.Time / detectors.Hour)
	if hour < own.Hour {
		return detectors.Finding{}, false
	}
	if hour > own.Hour {
		own.turn(hour, before.Guarded)
	}
	wider := own.Networks.Add(stat.MixPrefix(call.From.Prefix))
	if call.From.ASN != 0 && own.Organizations.Add(stat.Mix(uint64(call.From.ASN))) {
		wider = true
	}
	if !wider {
		return detectors.Finding{}, false
	}
	return judge(before, call, own)
}

// turn begins an hour. What an open incident is about is not learned as usual.
func (own *state) turn(hour int64, guarded bool) {
	if own.Hour != 0 && !guarded {
		own.WidestNetworks.Learn(own.Hour, own.Networks.Count())
		own.WidestOrganizations.Learn(own.Hour, own.Organizations.Count())
	}
	own.Hour, own.Networks, own.Organizations = hour, stat.Distinct{}, stat.Distinct{}
}

func judge(before *detectors.Profile, call *detectors.Call, own *state) (detectors.Finding, bool) {
	networks, organizations := own.Networks.Count(), own.Organizations.Count()
	busier := before.Busier(call.Time)
	bits := max(
		before.Bits("network-fanout/networks", call.Time, stat.Above(networks, busier*own.WidestNetworks.Max, busier*slackNetworks)),
		before.Bits("network-fanout/organizations", call.Time, stat.Above(organizations, busier*own.WidestOrganizations.Max, busier*slackOrganizations)),
	)
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("called from %.0f networks of %.0f organisations within an hour; its widest hour had %.0f of %.0f",
			networks, organizations, own.WidestNetworks.Max, own.WidestOrganizations.Max),
		Observed: detectors.Facts{"networksPerHour": networks, "organizationsPerHour": organizations},
		Usual:    detectors.Facts{"maxNetworksPerHour": own.WidestNetworks.Max, "maxOrganizationsPerHour": own.WidestOrganizations.Max},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = append(f.Networks, call.From)
	}
	for _, stranger := range before.Strangers(call.Time, accused) {
		if stranger.Prefix != call.From.Prefix {
			f.Networks = append(f.Networks, stranger)
		}
	}
	if len(f.Networks) > 0 {
		f.Hand = detectors.StrangeHand
	}
	return f, true
}

// accused is how many networks of before a finding names.
const accused = 7
