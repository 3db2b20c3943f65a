package deed

import (
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
