package saturation

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Refusals(429),
		detectortest.Scenario{Name: "retries_while_the_service_fails", Below: 5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for minute := range 60 {
				s.Call(detectortest.Refused(detectortest.At(14, 9, minute), detectortest.Office, 503))
				s.Call(detectortest.Refused(detectortest.At(14, 9, minute), detectortest.Office, 429))
			}
		}},
	)
	detectortest.Accept(t, Detector, scenarios...)
}
