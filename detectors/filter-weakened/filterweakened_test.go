package filterweakened

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

const operation = "microsoft.cognitiveservices/accounts/raipolicies/write"

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 19), detectortest.Administrator(operation, 10))
	detectortest.Accept(t, Detector, scenarios...)
}
