package loggingcut

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "a_stranger_from_rented_servers", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(20, func() {
				s.Act(detectortest.Deed(detectortest.At(14, 3, 0), operation, "stranger", detectortest.Rented(0)))
			})
		}},
		detectortest.Scenario{Name: "settings_are_written", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 2, "microsoft.insights/diagnosticsettings/write")
			s.Working(14, 15, 10, detectortest.Office)
		}},
		detectortest.Scenario{Name: "a_known_administrator_at_the_office", Below: 11, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 2, "microsoft.insights/diagnosticsettings/write")
			s.Act(detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
		}},
		detectortest.Scenario{Name: "refused", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			failed := detectortest.Deed(detectortest.At(14, 3, 0), operation, "stranger", detectortest.Rented(0))
			failed.Succeeded = false
			s.Act(failed)
		}},
		detectortest.Scenario{Name: "another_act", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Act(detectortest.Deed(detectortest.At(14, 3, 0), "microsoft.cognitiveservices/accounts/deployments/write", "stranger", detectortest.Rented(0)))
		}},
	)
}

const operation = "microsoft.insights/diagnosticsettings/delete"
