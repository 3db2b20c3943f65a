package loggingcut

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

const (
	operation = "microsoft.insights/diagnosticsettings/delete"
	written   = "microsoft.insights/diagnosticsettings/write"
)

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 20),
		detectortest.Administrator(written, 3),
		detectortest.Scenario{Name: "a_known_administrator_at_the_office", Below: 11, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 2, written)
			s.Act(detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
		}},
	)
	detectortest.Accept(t, Detector, scenarios...)
}
