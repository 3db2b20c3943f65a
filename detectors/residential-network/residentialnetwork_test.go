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
			s.Fires(12, func() { s.Call(detectortest.Chat(detectortest.At(14, 19, 0), detectortest.User(2))) })
		}},
		detectortest.Scenario{Name: "a_service_identity_at_a_home_next_door", Kind: detectors.EntraObject, Below: 11.5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			home := detectortest.User(2)
			home.Country = detectors.Country{'N', 'L'}
			s.Call(detectortest.Chat(detectortest.At(14, 19, 0), home))
		}},
		detectortest.Scenario{Name: "the_program_itself_at_a_home_of_its_country", Below: 12, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			s.Call(detectortest.Chat(detectortest.At(14, 19, 0), detectortest.Home))
		}},
		detectortest.Scenario{Name: "another_program_at_an_office_on_a_line_of_homes", Below: 6, Premises: []detectors.Network{detectortest.Home}, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			other := detectortest.Chat(detectortest.At(14, 19, 0), detectortest.Home)
			other.Client.APIVersion = "2023-05-15"
			s.Call(other)
		}},
		detectortest.Scenario{Name: "another_program_at_a_home", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Backend(0))
			other := detectortest.Chat(detectortest.At(14, 19, 0), detectortest.Home)
			other.Client.APIVersion = "2023-05-15"
			s.Fires(11.5, func() { s.Call(other) })
		}},
		detectortest.Scenario{Name: "where_all_peers_are_at_home", Kind: detectors.APIMSubscription, Below: 10.5, Play: func(s *detectortest.Script) {
			for day := range 14 {
				s.Working(day, day+1, 100, detectortest.Backend(0))
				for peer := range uint(6) {
					s.Peer(detectors.APIMSubscription, peer, detectortest.Chat(detectortest.At(day, 20, int(peer)), detectortest.Home))
				}
			}
			s.Call(detectortest.Chat(detectortest.At(14, 19, 0), detectortest.Home))
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
