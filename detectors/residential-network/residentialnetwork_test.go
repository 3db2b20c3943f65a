package residentialnetwork

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "a_backend_at_home", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			s.Fires(9, func() { s.Call(detectortest.Chat(detectortest.At(14, 19, 0), detectortest.Home)) })
		}},
		detectortest.Scenario{Name: "a_service_identity_at_a_home_abroad", Kind: detectors.EntraObject, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			s.Fires(8, func() { s.Call(detectortest.Chat(detectortest.At(14, 19, 0), detectortest.User(2))) })
		}},
		detectortest.Scenario{Name: "a_wrong_key_at_home", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			wrong := detectortest.Chat(detectortest.At(14, 19, 0), detectortest.Home)
			wrong.Status = 401
			s.Call(wrong)
		}},
		detectortest.Scenario{Name: "who_works_at_home_and_in_the_office", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Office, detectortest.Home)
			s.Working(14, 17, 20, detectortest.User(9))
		}},
		detectortest.Scenario{Name: "a_new_key_at_home", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 3, 20, detectortest.Home)
		}},
		detectortest.Scenario{Name: "a_backend_that_moves_to_another_cloud", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			s.Working(14, 16, 100, detectortest.Rented(3))
		}},
	)
}
