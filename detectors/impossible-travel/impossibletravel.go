// Package impossibletravel finds a principal that is in two places at once.
package impossibletravel

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/atlas"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is impossible-travel.
var Detector = detectors.New(detectors.Description{
	ID:    "impossible-travel",
	Title: "In two places at once",
	Text: "An Entra identity is used from a country that it is not at home in, and from one of its usual countries so shortly before or after that nobody travels as fast: it goes on at home while somebody else uses it elsewhere. Each change of place counts from the second of a day on, against how many a day it usually has; so an application at many places is not surprised by one more. A key, or the subscription of a gateway, is many people's by nature and can be anywhere: it is not judged here. " +
		"Only countries are known, so places in neighbouring or very large countries count as near, and a thief in the owner's country is missed here. Clouds, exits of VPNs, and networks that peers use, are no place where anybody is.",
	Severity: detectors.Medium,
	Family:   detectors.FanOut,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1550.001"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A traveller whose machine at home goes on by itself.",
		"A private VPN that is switched on and off.",
		"A program that is moved abroad, while the old one still runs.",
	},
	Triage: []string{
		"Ask the owner whether anybody of theirs is in that country.",
		"Compare client, models and sizes of the calls from both places.",
		"Look whether the calls at home go on as ever: then it is not a move.",
	},
	Version: 1,
}, observe)

// prior is how many impossible journeys a day brings of which nothing is known yet.
const prior = 0.05

// young is the age until which nobody knows where a principal is at home.
const young = 3 * detectors.Day

// memory is for how long the last place is compared with.
const memory = 12 * detectors.Hour

// most is how many journeys of a day count.
const most = 4

// many is how many such changes, or new countries, a day make a principal one that is at several places by nature.
const many = 0.5

// each is what a journey is worth, as a part of its surprise: the way back is no further surprise.
const each = 0.35

// place is where a call came from, and when.
type place struct {
	Time    detectors.Time
	Country detectors.Country
}

type state struct {
	Said     stat.Latch
	Home     place // latest call from a country that it is at home in
	Away     place // latest call from another one
	Last     uint8 // 1: the latest of both is Home; 2: Away
	Journeys stat.Rate
	Places   stat.Rate // changes between two countries that it is at home in, too fast for one body
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || before.Principal.Kind != detectors.EntraObject || !call.From.Country.Known() || call.From.Weak || call.WrongKey() || before.Age(call.Time) < young {
		return detectors.Finding{}, false
	}
	if shared(before, call) {
		return detectors.Finding{}, false
	}
	here := place{call.Time, call.From.Country}
	home := before.Countries.Known(call.From.Country, call.Time, 2*detectors.Day) ||
		before.Countries.Find(call.From.Country) != nil && before.Standing(&call.From, call.Time) == detectors.Usual
	other, side := &own.Away, uint8(1)
	if !home {
		other, side = &own.Home, 2
	}
	impossible := own.Last != 0 && own.Last != side && tooFast(*other, here)
	if home && own.Last == side && tooFast(own.Home, here) {
		own.Places.Add(int64(call.Time / detectors.Day))
	}
	if home {
		own.Home = here
	} else {
		own.Away = here
	}
	own.Last = side
	if !impossible {
		return detectors.Finding{}, false
	}
	return judge(before, call, *other, home, own)
}

// judge counts a journey, which a call at home or away shows.
func judge(before *detectors.Profile, call *detectors.Call, other place, home bool, own *state) (detectors.Finding, bool) {
	day := int64(call.Time / detectors.Day)
	if day == own.Journeys.Day && own.Journeys.Today >= most {
		return detectors.Finding{}, false
	}
	days := float64(before.Age(call.Time)) / float64(detectors.Day)
	surprise := own.Journeys.Surprise(day, days, prior)
	usual := own.Journeys.Past / (days + 1)
	if own.Places.Past > many*(days+1) || before.Countries.News > many*(before.Countries.Days+1) {
		return detectors.Finding{}, false
	}
	own.Journeys.Add(day)
	if own.Journeys.Today < 2 {
		return detectors.Finding{}, false
	}
	bits := before.Bits("impossible-travel", call.Time, surprise*each)
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	minutes := float64(call.Time-other.Time) / float64(detectors.Minute)
	f := detectors.Finding{
		Hand: detectors.StrangeHand, // whoever is away, whichever of both calls comes last
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("called from %s %.0f minutes after a call from %s, about %.0f km away",
			call.From.Country, max(minutes, -minutes), other.Country, atlas.Distance(other.Country, call.From.Country)),
		Observed: detectors.Facts{"country": call.From.Country.String(), "minutes": minutes, "journeysToday": own.Journeys.Today},
		Usual:    detectors.Facts{"otherCountry": other.Country.String(), "journeysPerDay": usual},
	}
	if !home {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}

// shared reports whether the network of a call is no place where somebody is:
// one of a cloud, the exit of a VPN, or one that the resource has been called
// from for a day, or where several of the tenant are at home.
func shared(before *detectors.Profile, call *detectors.Call) bool {
	if k := call.From.Kind; k == detectors.Azure || k == detectors.Cloud || k == detectors.VPN {
		return true
	}
	return before.Networks.Find(call.From.Prefix) == nil && before.Frequented(&call.From, call.Time)
}

// kmPerHour is as fast as an airliner, with room for the way to the airport to spare.
const kmPerHour = 900

// tooFast reports whether nobody gets from one place to the other in that time.
func tooFast(a, b place) bool {
	passed := b.Time - a.Time
	if passed < 0 {
		passed = -passed
	}
	if a.Time == 0 || passed > memory {
		return false
	}
	km := atlas.Distance(a.Country, b.Country)
	return km > 0 && float64(passed)/float64(detectors.Hour)*kmPerHour < km
}
