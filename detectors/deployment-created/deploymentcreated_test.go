package deploymentcreated

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

const operation = "microsoft.cognitiveservices/accounts/deployments/write"

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 17), detectortest.Administrator(operation, 6))
	detectortest.Accept(t, Detector, scenarios...)
}
