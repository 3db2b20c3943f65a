package somename

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

// TestDetector fails until the text is written, one scenario of the abuse
// fires, and two of ordinary life that looks like it stay below.
func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector)
}
