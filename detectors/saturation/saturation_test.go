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
		detectortest.Scenario{Name: "a_load_test_on_a_machine_of_its_own", Below: 9, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			loadTest(s, "gpt-4o")
		}},
		detectortest.Scenario{Name: "a_stranger_at_the_quota_from_a_cloud", Below: 6, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(9, func() { loadTest(s, "o1") })
		}},
	)
	detectortest.Accept(t, Detector, scenarios...)
}

// loadTest runs into the quota from a cloud, with a model.
func loadTest(s *detectortest.Script, model string) {
	for minute := range 30 {
		for range 5 {
			refused := detectortest.Refused(detectortest.At(14, 10, minute), detectortest.Backend(3), 429)
			refused.Model, refused.Deployment = model, model
			s.Call(refused)
		}
	}
}
