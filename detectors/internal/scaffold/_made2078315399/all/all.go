package all

import (
	"github.com/keywarden/keywarden/detectors"
	imageburst "github.com/keywarden/keywarden/detectors/image-burst"
	newnetwork "github.com/keywarden/keywarden/detectors/new-network"
	somename "github.com/keywarden/keywarden/detectors/some-name"
)

func Detectors() []*detectors.Detector {
	return []*detectors.Detector{
		imageburst.Detector,
		newnetwork.Detector,
		somename.Detector,
	}
}
