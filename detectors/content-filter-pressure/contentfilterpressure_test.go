package contentfilterpressure

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector, detectortest.Refusals(400)...)
}
