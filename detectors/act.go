package detectors

import (
	"net/netip"
	"strings"
)

// Deed is what an Act amounts to, among those that an attacker needs.
type Deed uint8

// Deeds. What an AccountChanged changed is in no log: local authentication,
// the network rules or a tag.
const (
	OtherDeed      Deed = iota
	KeyListed           // keys were read, or made anew
	AccountChanged      // the account's configuration was written
	FilterChanged       // a content filter or a blocklist was written or deleted
	LoggingCut          // a diagnostic setting, or the hub behind it, was deleted
	Deployed            // a model was deployed, or a deployment changed
	AccessGranted       // somebody was given a role on the resource
)

// deeds are the operations by how they end, after their provider.
var deeds = []struct {
	operation string
	deed      Deed
}{
	{"microsoft.cognitiveservices/accounts/listkeys/action", KeyListed},
	{"microsoft.cognitiveservices/accounts/regeneratekey/action", KeyListed},
	{"microsoft.apimanagement/service/subscriptions/listsecrets/action", KeyListed},
	{"microsoft.apimanagement/service/subscriptions/regenerateprimarykey/action", KeyListed},
	{"microsoft.apimanagement/service/subscriptions/regeneratesecondarykey/action", KeyListed},
	{"microsoft.cognitiveservices/accounts/write", AccountChanged},
	{"microsoft.cognitiveservices/accounts/raipolicies/write", FilterChanged},
	{"microsoft.cognitiveservices/accounts/raipolicies/delete", FilterChanged},
	{"microsoft.insights/diagnosticsettings/delete", LoggingCut},
	{"microsoft.eventhub/namespaces/delete", LoggingCut},
	{"microsoft.eventhub/namespaces/eventhubs/delete", LoggingCut},
	{"microsoft.cognitiveservices/accounts/deployments/write", Deployed},
	{"microsoft.authorization/roleassignments/write", AccessGranted},
}

// Deed is what a amounts to.
func (a *Act) Deed() Deed {
	for i := range deeds {
		switch {
		case a.Operation != deeds[i].operation:
		case deeds[i].deed == AccessGranted && !logs(a.Target): // on a group, a subscription or another service
			return OtherDeed
		default:
			return deeds[i].deed
		}
	}
	if strings.HasPrefix(a.Operation, "microsoft.cognitiveservices/accounts/raiblocklists/") {
		return FilterChanged
	}
	return OtherDeed
}

// portals are the first-party applications through which people act by hand.
var portals = map[string]bool{
	"c44b4083-3bb0-49c1-b47d-974e53cbdf3c": true, // Azure Portal
	"d7304df8-741f-47d3-9bc2-df0e24e2071f": true, // Machine Learning Studio
	"cb2ff863-7f30-4ced-ab89-a00194bcf6d9": true, // AI Studio
	"dc807dec-d211-4b3f-bc8a-43b3443c4874": true, // OpenAI Studio
	"4e09c6ac-4372-45b7-a977-e9f89e673e32": true, // Speech Studio
}

// Portal reports whether an act went through one of Azure's own portals.
func (a *Actor) Portal() bool { return portals[a.AppID] }

// Key is what the actor is remembered by; "" where the log names nobody.
func (a *Actor) Key() string {
	switch {
	case a.ObjectID != "":
		return a.ObjectID
	case a.Name != "":
		return a.Name
	}
	return a.AppID
}

// Listing is a reading of keys that nobody known did, or that came from a place where the resource is not used.
type Listing struct {
	Time        Time   // zero for none
	Actor       string // as Actor.Key has it
	Prefix      netip.Prefix
	ASN         uint32
	Strangeness float64
}

// What makes an act strange, in points. They are no bits: the detectors' scales turn them into those.
const (
	strangeActor   = 2  // an actor who was not known there for a day
	strangeNetwork = 1  // an organisation's network that nobody used there
	strangeCountry = 2  // a country where nobody used it
	strangeVPN     = 2  // a VPN, where none was used
	strangeServer  = 10 // a server for rent: administrators hardly ever work on one
	strangeTor     = 10
	strangeTool    = 0.5

	// suspicious is from what strangeness on an act is remembered: every
	// colleague acts for the first time once, but not from anywhere.
	suspicious = 2.25
)

// outlives is how long a stranger act is remembered in place of a later one.
const outlives = 7 * Day

// Strangeness is how little an act on the resource resembles those of its
// people, in points from 0. Where the log has no address, only the actor
// counts. On a resource's first day nobody is known, so nobody is a stranger, and
// in the days after only most of those who act there are: points of who and where count as bits of tests do.
// Pipelines and shells run anywhere in Azure, which is no place therefore, and
// the regions of other clouds are no countries.
func (p *Profile) Strangeness(a *Act) float64 {
	age := p.ActAge(a.Time)
	// What nobody knows yet says little in the first days of the watch, but all of
	// it on a resource that appears later: then it is new, and not just new to who watches.
	share := known(age)
	if p.Since != 0 && a.Time-age-p.Since >= youth {
		share = 1
	}
	var unknown, rented float64
	if age >= Day && !p.Actors.Known(a.Actor.Key(), a.Time, Day) {
		unknown += strangeActor
	}
	if !a.From.Known() {
		return unknown * share
	}
	if e := p.Networks.Find(a.From.Prefix); a.From.Kind != Azure && (e == nil || e.accused(a.Time)) && !p.OnPremises(&a.From, a.Time) {
		if a.From.ASN == 0 || !p.Organizations.Known(a.From.Site(), a.Time, Day) {
			unknown += strangeNetwork
		}
		if a.From.Kind != Cloud && a.From.Country.Known() && !a.From.Weak && p.Countries.Len() > 0 && !p.Countries.Known(a.From.Country, a.Time, Day) {
			unknown += strangeCountry
		}
		switch {
		case p.Stations.Known(a.From.Site(), a.Time, Day):
		case a.From.Kind == Tor:
			rented = strangeTor
		case p.Kinds.Known(a.From.Kind, a.Time, Day):
		case a.From.Kind == Hosting:
			rented = strangeServer
		case a.From.Kind == VPN:
			unknown += strangeVPN
		}
	}
	points := unknown*share + rented
	if !a.Actor.Portal() {
		points += strangeTool
	}
	return points
}

// learnAct remembers who acted on a resource, and what was suspicious of it.
func (p *Profile) learnAct(a *Act) {
	if p.FirstAct == 0 || a.Time < p.FirstAct {
		p.FirstAct = a.Time
	}
	if !a.Succeeded {
		return
	}
	if a.Deed() == KeyListed && a.From.Known() {
		points, last := p.Strangeness(a), &p.Listing
		if points >= suspicious && a.Time > last.Time && (points >= last.Strangeness || a.Time-last.Time > outlives) {
			*last = Listing{a.Time, a.Actor.Key(), a.From.Prefix, a.From.ASN, points}
		}
	}
	if key := a.Actor.Key(); key != "" {
		p.Actors.learn(key, a.Time, maxValues, 0)
	}
	if a.From.Kind.Anonymous() {
		p.Stations.learn(a.From.Site(), a.Time, maxValues, 0)
	}
}

// Cut is a diagnostic setting of an account or a gateway that was deleted and
// that nothing has replaced so far.
type Cut struct {
	Time    Time // of the act; 0 for none, or when a Tick has told of it
	Heard   Time // the pulse of the log at that act
	Written Time // when a setting was written last
}

// Replaced is within what time of a deletion, before or after it, a written
// setting takes over: whoever deploys anew does both in one go.
const Replaced = Hour

// Operations that cut a resource's logging, restore it, or end the resource.
const (
	settingWritten = "microsoft.insights/diagnosticsettings/write"
	settingDeleted = "microsoft.insights/diagnosticsettings/delete"
	accountDeleted = "microsoft.cognitiveservices/accounts/delete"
	serviceDeleted = "microsoft.apimanagement/service/delete"
)

// logs reports whether a target of an act belongs to a resource whose calls are logged.
func logs(target string) bool {
	return strings.Contains(target, "/microsoft.cognitiveservices/accounts/") || strings.Contains(target, "/microsoft.apimanagement/service/")
}

// Watch has a resource's profile remember what an act does to its logging, at that pulse of the log.
func (p *Profile) Watch(a *Act, pulse Time) {
	switch cut := &p.Cut; {
	case !a.Succeeded:
	case a.Operation == accountDeleted || a.Operation == serviceDeleted:
		cut.Time = 0
	case a.Operation == settingWritten:
		cut.Written = max(cut.Written, a.Time)
		if a.Time > cut.Time-Replaced {
			cut.Time = 0
		}
	case a.Operation == settingDeleted && logs(a.Target) && a.Time > cut.Time && a.Time-cut.Written >= Replaced: // of several the last counts
		cut.Time, cut.Heard = a.Time, pulse
	}
}

// StaysCut reports whether a tick says that the cut of the resource's logging was not replaced.
func (p *Profile) StaysCut(t Tick) bool { return p.Cut.Time != 0 && t.When() == p.Cut.Time+Replaced }
