// Package all is the list of detectors: who judges is written here, one line
// each, and nowhere else. A test compares it with the folders.
package all

import (
	"github.com/keywarden/keywarden/detectors"
	imageburst "github.com/keywarden/keywarden/detectors/image-burst"
	keyauthappears "github.com/keywarden/keywarden/detectors/key-auth-appears"
	keycheck "github.com/keywarden/keywarden/detectors/key-check"
	modelenumeration "github.com/keywarden/keywarden/detectors/model-enumeration"
	networkfanout "github.com/keywarden/keywarden/detectors/network-fanout"
	newcountry "github.com/keywarden/keywarden/detectors/new-country"
	newnetwork "github.com/keywarden/keywarden/detectors/new-network"
	volumesurge "github.com/keywarden/keywarden/detectors/volume-surge"
)

// Detectors are all detectors, in the order of their packages.
func Detectors() []*detectors.Detector {
	return []*detectors.Detector{
		imageburst.Detector,
		keyauthappears.Detector,
		keycheck.Detector,
		modelenumeration.Detector,
		networkfanout.Detector,
		newcountry.Detector,
		newnetwork.Detector,
		volumesurge.Detector,
	}
}
