// Package silence finds an account that nothing is heard of any more.
package silence

import (
	"fmt"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is silence.
var Detector = detectors.New(detectors.Description{
	ID:    "silence",
	Title: "Account falls silent",
	Text: "An account or gateway that was called steadily for a week or more is in no log any longer, five times as long as its longest pause and six hours at least, while others are logged as ever and no act explains it: " +
		"whoever can blind the watch in a way that leaves no act, or breaks the pipeline of one account, is seen here and nowhere else. It counts the more the longer the silence is and the more callers stopped together; where one program was the only caller it is low until it has doubled twice, for programs are retired. " +
		"A pause of the whole log accuses nobody, nor do nights, weekends and holidays as long as they were known; an account whose pauses are long is missed late.",
	Severity: detectors.Medium,
	Family:   detectors.Hours,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1562.008"},
	},
	Benign: []string{
		"A program that was retired, or moved to another account.",
		"A company's holidays, the first that are seen.",
		"Azure delivers the logs of this account late.",
	},
	Triage: []string{
		"Look whether the account's diagnostic settings exist, with all categories, and send to this hub.",
		"Compare with the metrics of the account: calls that are in no log are the alarm.",
		"Look in the activity log of the subscription, also at the namespace and its hub, for acts since the last call.",
		"Ask the owner whether the account is still in use; if not, delete its keys.",
	},
	Version: 2,
}, observe)

// What a silence is worth, in bits, assumed: too few are simulated to be measured.
const (
	alone       = 8.0 // of one caller, when it is first told of
	perVoice    = 3.0 // of each further caller who stopped at the same time
	mostVoices  = 3   // that count
	perDoubling = 3.0 // each time that it has doubled
	aloneLonger = 4.5 // the same of one caller: 17 when it has doubled twice
	hoursADay   = 24
)

// explains are the acts after which silence is no wonder.
var explains = []string{
	"microsoft.cognitiveservices/accounts/delete",
	"microsoft.cognitiveservices/accounts/deployments/delete",
	"microsoft.apimanagement/service/delete",
	"microsoft.apimanagement/service/apis/delete",
}

// before and after the last call an act explains the silence.
const near = detectors.Day

type state struct {
	Said     stat.Latch
	Explains detectors.Time // the latest such act; 0 where there was none
	Cut      detectors.Time // the latest cut of the logging; the same
}

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	switch e := e.(type) {
	case *detectors.Act:
		own.learn(e)
	case detectors.Tick:
		if !before.StaysCut(e) {
			return judge(before, e.When(), own)
		}
	}
	return detectors.Finding{}, false
}

func (s *state) learn(a *detectors.Act) {
	if !a.Succeeded {
		return
	}
	for _, operation := range explains {
		if a.Operation == operation {
			s.Explains = max(s.Explains, a.Time)
		}
	}
	if a.Deed() == detectors.LoggingCut {
		s.Cut = max(s.Cut, a.Time)
	}
}

// explained reports whether an act is why nothing was heard since the last call. A cut
// after which calls were logged for an hour is not: another setting sent them.
func (s *state) explained(last detectors.Time) bool {
	return s.Explains != 0 && s.Explains > last-near || s.Cut != 0 && s.Cut > last-detectors.Replaced
}

func judge(before *detectors.Profile, now detectors.Time, own *state) (detectors.Finding, bool) {
	if own.explained(before.Last) {
		return detectors.Finding{}, false
	}
	silent, usual := hours(now-before.Last), hours(before.LongestPause())
	voices := before.FellSilent()
	doublings := math.Round(math.Log2(float64(now-before.Last) / float64(before.Patience())))
	bits := alone + aloneLonger*doublings
	if voices > 1 {
		bits = alone + perVoice*float64(min(voices, mostVoices)-1) + perDoubling*doublings
	}
	if !own.Said.Raise(int64(now/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	return detectors.Finding{
		Time: now,
		Bits: bits,
		Summary: fmt.Sprintf("no call in %.0f hours while others are logged; its longest pause had %.1f hours. %s until %s",
			silent, usual, called(voices), before.Last.UTC().Format("2006-01-02 15:04 UTC")),
		Observed: detectors.Facts{"silentHours": silent, "lastCall": before.Last.String(), "callersStopped": float64(voices)},
		Usual:    detectors.Facts{"maxSilentHours": usual, "requestsPerDay": before.Total(detectors.Requests).Mean * hoursADay},
	}, true
}

// called is who did, in words.
func called(voices int) string {
	if voices < 2 {
		return "One caller used it"
	}
	return fmt.Sprintf("%d callers used it", voices)
}

func hours(t detectors.Time) float64 { return float64(t) / float64(detectors.Hour) }
