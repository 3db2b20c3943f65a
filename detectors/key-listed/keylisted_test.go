package keylisted

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "a_stranger_from_rented_servers", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(9, func() {
				s.Act(detectortest.Deed(detectortest.At(14, 3, 0), operation, "stranger", detectortest.Rented(0)))
			})
		}},
		detectortest.Scenario{Name: "the_administrator_now_and_then", Below: 8, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 2, operation)
			s.Working(14, 15, 10, detectortest.Office)
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

const operation = "microsoft.cognitiveservices/accounts/listkeys/action"
