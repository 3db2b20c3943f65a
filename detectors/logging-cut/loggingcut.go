// Package loggingcut finds somebody who blinds the watch.
package loggingcut

import (
	"fmt"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/deed"
)

// Detector is logging-cut.
var Detector = detectors.New(detectors.Description{
	ID:    "logging-cut",
	Title: "Diagnostic logging is cut",
	Text: "A diagnostic setting, or the hub behind it, is deleted. From then on nothing is seen: this may be the last thing that is. One act is enough from a place that nobody knows there; of a known administrator, of somebody unknown at a known place, or from Azure, where deployments run, it is told but does not alarm until an hour has passed: a deployment replaces a setting in one go, so one that nobody has written again was not replaced. Where calls are logged on all the same, another setting sends them, and the deletion alone stays low. " +
		"A setting that is written with fewer categories is not seen here, nor a deletion by somebody who writes a harmless one within the hour.",
	Severity: detectors.High,
	Family:   detectors.ControlPlane,
	Scope:    detectors.PerResource,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1562.008"},
	},
	Benign: []string{
		"A setting that is replaced by another, deleted before it is made anew.",
		"A resource that is taken down.",
	},
	Triage: []string{
		"Look whether the resource still sends its logs, or another setting took over.",
		"Ask the actor for the change, and restore the setting when nobody owns up.",
		"Look at the metrics of the account for calls that are in no log.",
	},
	Version: 1,
}, observe)

// Weights of such an act, assumed.
var (
	byPerson     = deed.Weight{Base: 10, PerPoint: 2.5}
	byDeployment = deed.Weight{Base: 3, PerPoint: 1}
)

// What a deletion is worth, in bits, that nothing has replaced within the hour: whoever
// deploys anew deletes and writes in one go. Where calls are logged on, another setting sends them, and nobody is blind.
const (
	stays    = 18.0
	loggedOn = 9.0
)

// lately is until how long before the hour is over calls must be logged for nobody to be blind.
const lately = 15 * detectors.Minute

func observe(before *detectors.Profile, e detectors.Event, own *deed.State) (detectors.Finding, bool) {
	if tick, ok := e.(detectors.Tick); ok {
		return left(before, tick)
	}
	weight := byPerson
	if act, ok := e.(*detectors.Act); ok && deployment(act) {
		weight = byDeployment
	}
	return deed.Observe(before, e, own, detectors.LoggingCut, weight)
}

const minute = "2006-01-02 15:04 UTC"

// left is what is said when a setting stays deleted.
func left(before *detectors.Profile, tick detectors.Tick) (detectors.Finding, bool) {
	if !before.StaysCut(tick) {
		return detectors.Finding{}, false
	}
	cut := before.Cut.Time
	bits, calls := stays, "no call is logged since"
	if before.Last > tick.When()-lately {
		bits, calls = loggedOn, "calls are logged on, until "+before.Last.UTC().Format(minute)
	}
	observed := detectors.Facts{"deletedAt": cut.String(), "hoursDeleted": float64(tick.When()-cut) / float64(detectors.Hour)}
	if before.Last != 0 {
		observed["lastCall"] = before.Last.String()
	}
	return detectors.Finding{
		Time:     tick.When(),
		Bits:     bits,
		Summary:  fmt.Sprintf("the diagnostic setting that was deleted at %s was not written again within the hour; %s", cut.UTC().Format(minute), calls),
		Observed: observed,
		Usual:    detectors.Facts{"replacedWithinHours": 1.0},
	}, true
}

// deployment reports whether an act is one of an application that runs in a
// cloud: it has no user principal name and comes through no portal.
func deployment(a *detectors.Act) bool {
	inCloud := !a.From.Known() || a.From.Kind == detectors.Azure || a.From.Kind == detectors.Cloud
	return inCloud && a.Actor.AppID != "" && !a.Actor.Portal() && !strings.Contains(a.Actor.Name, "@")
}
