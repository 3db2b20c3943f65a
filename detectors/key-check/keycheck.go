// Package keycheck finds the tiny call with which a thief tries whether a key works.
package keycheck

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/apiversion"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is key-check.
var Detector = detectors.New(detectors.Description{
	ID:    "key-check",
	Title: "Key tried with tiny calls",
	Text: "A chat call that asks for next to nothing (at most 150 bytes, or 1,050 and a short answer at a gateway, which counts the headers, and an answer of some tokens, or 16 tokens and an answer of one or two) comes from a network that the principal does not use. The checkers of stolen keys make one or two such calls within seconds, with an api-version that the owner never used; " +
		"minutes to hours later the key is drained. How surprising that is follows from how often such calls come from new networks of this principal: health probes from a hopping backend are not, and a developer who tries the key at home, with the program that is always used, counts half as much. " +
		"A check from inside the principal's own networks, and one that asks a longer question, are missed here.",
	Severity: detectors.Medium,
	Family:   detectors.Errors,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1526"},
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0075"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A developer who says hello from home, from a trip or from a new machine.",
		"A health probe or a smoke test that moved to another network.",
		"A monitoring service with many places.",
	},
	Triage: []string{
		"Ask the owner of the key whether anybody tried it from that network at that minute.",
		"Look whether the api-version of the call is one that the owner's programs use.",
		"Search the other principals for the same network: checkers try many keys.",
		"Watch the key for a day: what follows a check is a burst. Rotate it when nobody owns up.",
	},
	Version: 1,
	Sights:  true,
}, observe)

// prior is how many tiny calls from new networks a day brings of which nothing is known yet.
const prior = 0.1

// What is next to nothing.
const (
	tinyBytes      = 150
	tinyAtGateway  = tinyBytes + 900 // a gateway counts the headers, too, and tells no tokens at first
	shortAnswer    = 2500            // bytes of an answer of some tokens, with what goes with it
	tinyPrompt     = 16
	tinyCompletion = 2
	someCompletion = 16 // tokens of the answer to a tiny request, above which somebody wanted the answer
)

// mostAtGateway is the most bits of a check at a gateway, where a short question is as small.
const mostAtGateway = 12

// together is within what time two calls are one check.
const together = 10 * detectors.Second

// What makes a tiny call look more like a check, as a part of its surprise.
const (
	strangeVersion = 0.5 // an api-version that neither the principal nor a third of its peers use
	oldVersion     = 0.3 // one of long ago, besides, or from half a year before the principal's newest
	anonymous      = 0.3 // from hosting, a VPN or Tor
	strangeModel   = 0.2 // of a model that the principal does not use
	second         = 0.2 // right after another one
	near           = -0.5
	usual          = -0.5 // with an api-version of the owner's, from a network that hides nobody: a developer who tries the key
)

// firstCalls is how many calls of a network are its first ones: later tiny calls check nothing.
const firstCalls = 3

type state struct {
	Said   stat.Latch
	Checks stat.Rate      // networks from which tiny calls came first
	Last   detectors.Time // latest tiny call from a network that the principal does not use
	From   uint64         // hash of that network
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || !tiny(call, before.Principal.Kind) || !call.From.Known() {
		return detectors.Finding{}, false
	}
	if known := before.Networks.Find(call.From.Prefix); known != nil && known.Count > firstCalls {
		return detectors.Finding{}, false
	}
	day := int64(call.Time / detectors.Day)
	days := float64(before.Age(call.Time)) / float64(detectors.Day)
	from := stat.MixPrefix(call.From.Prefix)
	again := from == own.From && call.Time-own.Last <= together && own.Last-call.Time <= together

	surprise := own.Checks.Surprise(day, days, prior)
	if from == own.From && day == own.Checks.Day {
		surprise *= own.Checks.Today / (own.Checks.Today + 1) // it is counted already
	} else {
		own.Checks.Add(day)
	}
	own.Last, own.From = call.Time, from

	standing := before.Standing(&call.From, call.Time)
	if standing == detectors.Usual || before.Age(call.Time) < detectors.Day {
		return detectors.Finding{}, false
	}
	strange := !knows(before, call)
	// It is not on the scale: what benign life hardly has would all be worth the same there, a hello and a check.
	bits := surprise * likeness(before, call, standing, strange, again)
	if before.Principal.Kind == detectors.APIMSubscription {
		bits = math.Min(bits, mostAtGateway)
	}
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return finding(before, call, bits, strange, days, own), true
}

// tiny reports whether a call of a principal of a kind asks for next to nothing.
func tiny(c *detectors.Call, by detectors.PrincipalKind) bool {
	if c.Class != detectors.ClassChat || c.Client.Stream == detectors.Streaming || c.Status >= 500 {
		return false
	}
	switch known := c.Tokens.Known; {
	case c.RequestBytes <= 0:
		return known && c.Tokens.Prompt > 0 && c.Tokens.Prompt <= tinyPrompt && c.Tokens.Completion <= tinyCompletion
	case known && c.Tokens.Completion > someCompletion:
		return false
	case by == detectors.APIMSubscription:
		return c.RequestBytes <= tinyAtGateway && (known || c.ResponseBytes <= shortAnswer)
	}
	return c.RequestBytes <= tinyBytes
}

// knows reports whether the principal, or a third of its peers since an earlier day, use the api-version of a call.
func knows(before *detectors.Profile, call *detectors.Call) bool {
	version := call.Client.APIVersion
	for _, c := range before.Clients.All() {
		if c.Key.APIVersion == version {
			return true
		}
	}
	return before.Resource != nil && before.Resource.Clients.SharedWhere(call.Time, before.Caller, func(c detectors.Client) bool { return c.APIVersion == version }) == 1
}

// likeness is how much a tiny call looks like a check, 1 where nothing speaks for or against it.
func likeness(before *detectors.Profile, call *detectors.Call, standing detectors.Standing, strange, again bool) float64 {
	like := 1.0
	switch {
	case strange && (apiversion.Stale(call) || apiversion.Older(before, call)):
		like += strangeVersion + oldVersion
	case strange:
		like += strangeVersion
	case !call.From.Kind.Anonymous():
		like += usual
	}
	if call.From.Kind.Anonymous() {
		like += anonymous
	}
	if call.Model != "" && before.Models.Find(call.Model) == nil {
		like += strangeModel
	}
	if again {
		like += second
	}
	if standing == detectors.Near {
		like += near
	}
	return like
}

func finding(before *detectors.Profile, call *detectors.Call, bits float64, strange bool, days float64, own *state) detectors.Finding {
	var usual []string
	for _, client := range before.Clients.Top(3) {
		usual = append(usual, client.APIVersion)
	}
	with := "with its usual api-version"
	if strange {
		with = fmt.Sprintf("with api-version %q, which it never used", call.Client.APIVersion)
	}
	return detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("tried with a call of next to nothing from %s, %s; answered %d",
			&call.From, with, call.Status),
		Observed: detectors.Facts{
			"requestBytes": float64(call.RequestBytes), "promptTokens": float64(call.Tokens.Prompt), "apiVersion": call.Client.APIVersion,
			"status": float64(call.Status), "network": call.From.Prefix.String(), "checksToday": own.Checks.Today,
		},
		Usual:    detectors.Facts{"apiVersions": usual, "checksPerDay": own.Checks.Past / (days + 1)},
		Networks: []detectors.Network{call.From},
	}
}
