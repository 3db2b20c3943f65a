// Package dormantawakening finds a key that wakes after a long sleep.
package dormantawakening

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is dormant-awakening.
var Detector = detectors.New(detectors.Description{
	ID:    "dormant-awakening",
	Title: "Dormant key wakes",
	Text: "A principal that was silent for days, longer than ever before, is called again: forgotten keys are the ones that nobody misses. It counts the more the longer the sleep was against the longest before; " +
		"it says nothing of calls from the networks that it used before, or from the same organisation: owners come back. An account's key that is used for the first time counts where it comes from a network that hides who is there, unless others began to call the account in the two weeks before, days after the watch began, and on a day or two only; one that was never used, and wakes in an ordinary network, is missed here, and so is the first use of a gateway's subscription or of an identity.",
	Severity: detectors.Medium,
	Family:   detectors.Hours,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A report that is made once a quarter.",
		"A holiday, or a project that was taken up again.",
		"An emergency program that is tested.",
	},
	Triage: []string{
		"Ask the owner of the key whether it is still in use; if nobody knows, rotate it.",
		"Compare the networks and the client with those before the sleep.",
		"Look where the key is stored: old repositories and notebooks are where thieves find them.",
	},
	Version: 1,
}, observe)

const (
	sleep = 4 * detectors.Day // shorter silences are no sleep
	awake = detectors.Day     // for how long a principal counts as just woken
)

type state struct {
	Said    stat.Latch
	Longest float64        // silence before, in hours
	Slept   float64        // the silence that it woke from, in hours
	Before  float64        // Longest, when it woke
	Woke    detectors.Time // when that ended
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok {
		return detectors.Finding{}, false
	}
	if before.Latecomer(call.Time) {
		return firstUse(before, call, own)
	}
	if before.Last == 0 {
		return detectors.Finding{}, false
	}
	if silence := call.Time - before.Last; silence >= sleep {
		own.Slept, own.Before, own.Woke = hours(silence), math.Max(own.Longest, 24), call.Time
	}
	own.Longest = math.Max(own.Longest, hours(call.Time-before.Last))
	if own.Woke == 0 || call.Time-own.Woke >= awake || call.Time < own.Woke {
		return detectors.Finding{}, false
	}
	if before.Standing(&call.From, call.Time) != detectors.Foreign {
		return detectors.Finding{}, false
	}
	statistic := math.Max(0, math.Log2(own.Slept/own.Before))
	bits := before.Bits("dormant-awakening/sleep", call.Time, statistic)
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("called from %s after %.1f days of silence; its longest silence until then had %.1f days",
			&call.From, own.Slept/24, own.Before/24),
		Observed: detectors.Facts{"silentDays": own.Slept / 24, "network": call.From.String()},
		Usual:    detectors.Facts{"maxSilentDays": own.Before / 24},
		Networks: []detectors.Network{call.From},
	}, true
}

func hours(t detectors.Time) float64 { return math.Max(0, float64(t)/float64(detectors.Hour)) }
