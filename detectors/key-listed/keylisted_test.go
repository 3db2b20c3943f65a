package keylisted

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

const operation = "microsoft.cognitiveservices/accounts/listkeys/action"

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 9), detectortest.Administrator(operation, 8))
	detectortest.Accept(t, Detector, scenarios...)
}
