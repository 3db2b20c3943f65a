package localauthenabled

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

const operation = "microsoft.cognitiveservices/accounts/write"

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 10), detectortest.Administrator(operation, 8))
	detectortest.Accept(t, Detector, scenarios...)
}
