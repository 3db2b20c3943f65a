// Package imageburst finds many more images in an hour than a principal ever made.
package imageburst

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is image-burst.
var Detector = detectors.New(detectors.Description{
	ID:    "image-burst",
	Title: "Burst of generated images",
	Text: "A principal asks for many more images in an hour than in its busiest hour so far, or for images from networks that it never used. A principal with a history but no images in it is judged against none. " +
		"The busiest hour fades over weeks, so a yearly campaign is news again; a thief who stays below the principal's own busiest hour, and in its own networks, is missed here.",
	Severity: detectors.High,
	Family:   detectors.Image,
	Scope:    detectors.PerPrincipal,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1496.004"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0088"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0048.002"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A marketing day with several times the usual images.",
		"A new feature that draws, on its first days.",
		"A backlog of image jobs that runs at once.",
	},
	Triage: []string{
		"Ask the owner of the key whether a campaign or a new feature began.",
		"Look at the networks of the image calls: the usual ones, or others.",
		"Look at the share of calls that the content filter refused: resellers of images push against it.",
		"Compare the cost with the budget of the principal.",
	},
	Version: 1,
	Sights:  true,
}, observe)

// Images added to both sides of a ratio, so that one picture more is nothing: of
// those so far, of the first of a principal, and of those from foreign networks.
const (
	slack        = 4
	slackFirst   = 3
	slackForeign = 1
)

// First images at an hour when a principal of some use always rests are more
// surprising, by atRest units of the statistic.
const (
	busy   = 1 // calls an hour in the mean
	atRest = 1
)

type state struct{ Said stat.Latch }

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	call, ok := e.(*detectors.Call)
	if !ok || call.Images == 0 || call.Failed() {
		return detectors.Finding{}, false
	}
	images := before.Hour().Total(detectors.Images) + float64(call.Images)
	usual := before.Total(detectors.Images).Max
	bits := before.Bits("image-burst/hour", call.Time, stat.Above(images, usual, slack))
	if before.Total(detectors.Images).Mean == 0 {
		first := stat.Above(images, 0, slackFirst)
		if before.UsualHour(call.Time) == 0 && before.Total(detectors.Requests).Mean >= busy {
			first += atRest
		}
		bits = max(bits, before.Bits("image-burst/first", call.Time, first))
	}

	standing := before.Standing(&call.From, call.Time)
	foreign := before.Hour()[detectors.Images][detectors.Foreign]
	if standing == detectors.Foreign {
		foreign += float64(call.Images)
		moved := before.Moved(detectors.Foreign, call.Time) * usual
		above := stat.Above(foreign, before.Apart(detectors.Images, detectors.Foreign).Max+moved, slackForeign)
		bits = max(bits, before.Bits("image-burst/foreign", call.Time, above))
	}
	if !own.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	f := detectors.Finding{
		Time: call.Time,
		Bits: bits,
		Summary: fmt.Sprintf("%.0f images in an hour, %.0f of them from networks that it does not use; its busiest hour had %.0f",
			images, foreign, usual),
		Observed: detectors.Facts{"imagesPerHour": images, "foreignImagesPerHour": foreign},
		Usual: detectors.Facts{
			"imagesPerHour": before.Total(detectors.Images).Mean, "maxImagesPerHour": usual,
			"maxForeignImagesPerHour": before.Apart(detectors.Images, detectors.Foreign).Max,
		},
	}
	if standing != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f, true
}
