package deed

import (
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

// Pipelines act from machines anywhere in Azure: no network is accused of it.
func TestObserve_accuses_no_network_of_Azure(t *testing.T) {
	for name, test := range map[string]struct {
		from    detectors.Network
		accused int
	}{"azure": {detectortest.Backend(3), 0}, "rented": {detectortest.Rented(3), 1}} {
		t.Run(name, func(t *testing.T) {
			act := detectortest.Deed(detectortest.At(14, 3, 0), "microsoft.cognitiveservices/accounts/listkeys/action", "stranger", test.from)
			f, found := Observe(&detectors.Profile{}, &act, &State{}, detectors.KeyListed, Weight{Base: 9})
			if !found || len(f.Networks) != test.accused {
				t.Errorf("found: %t, accused: %v", found, f.Networks)
			}
		})
	}
}

// Who is not known is said to be new, though a point of it is not yet a whole one.
func TestObserve_says_who_is_new(t *testing.T) {
	var p detectors.Profile
	for day := range 14 {
		act := detectortest.Deed(detectortest.At(day, 3, 0), "microsoft.cognitiveservices/accounts/listkeys/action", "admin", detectortest.Office)
		p.LearnPeer(&detectors.Call{Time: act.Time, Status: 200, From: detectortest.Office}, detectors.AccountKey, 0, false)
		p.Learn(&act, false)
	}
	for actor, test := range map[string]struct {
		from detectors.Network
		says string
	}{
		"admin":    {detectortest.Office, "who is known there"},
		"stranger": {detectortest.Office, "who or whose place is new there"},
		"thief":    {detectortest.User(3), "whom and which place nobody knows there"},
	} {
		act := detectortest.Deed(detectortest.At(14, 3, 0), "microsoft.cognitiveservices/accounts/listkeys/action", actor, test.from)
		f, found := Observe(&p, &act, &State{}, detectors.KeyListed, Weight{Base: 9, PerPoint: 1})
		if !found || !strings.HasSuffix(f.Summary, test.says) {
			t.Errorf("%s: %q, want %q", actor, f.Summary, test.says)
		}
	}
}
