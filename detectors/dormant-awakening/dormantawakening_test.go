package dormantawakening

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "a_forgotten_key_is_drained", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 4, 10, detectortest.Office)
			s.Fires(6, func() {
				s.Burst(detectortest.Chat(detectortest.At(13, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "a_key_that_was_never_used_is_drained", Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			s.Fires(7, func() {
				s.Burst(detectortest.Chat(detectortest.At(9, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "beside_an_identity_that_is_used_every_day", Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			identity(s, 0, 9)
			s.Fires(7, func() {
				s.Burst(detectortest.Chat(detectortest.At(9, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "on_an_account_that_is_being_set_up", Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			identity(s, 8, 9)
			s.Burst(detectortest.Chat(detectortest.At(9, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
		}},
		detectortest.Scenario{Name: "on_an_account_that_was_tried_once_and_left", Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			identity(s, 4, 5)
			s.Fires(7, func() {
				s.Burst(detectortest.Chat(detectortest.At(20, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "on_an_account_that_was_seldom_used_when_the_watch_began", Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			identity(s, 0, 1)
			identity(s, 7, 8)
			s.Fires(7, func() {
				s.Burst(detectortest.Chat(detectortest.At(12, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "after_a_call_of_the_day_before", Below: 6, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			s.Call(detectortest.Chat(detectortest.At(9, 23, 55), detectortest.Home))
			s.Fires(7, func() {
				s.Burst(detectortest.Chat(detectortest.At(10, 0, 5), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "a_new_subscription", Kind: detectors.APIMSubscription, Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			s.Burst(detectortest.Chat(detectortest.At(9, 3, 0), detectortest.Rented(0)), 120, detectors.Hour)
		}},
		detectortest.Scenario{Name: "a_new_program_of_the_owner", Below: 3, Since: detectortest.Start, Play: func(s *detectortest.Script) {
			s.Burst(detectortest.Chat(detectortest.At(9, 9, 0), detectortest.Backend(0)), 500, detectors.Hour)
		}},
		detectortest.Scenario{Name: "the_first_day_of_the_watch", Below: 3, Since: detectortest.At(9, 3, 0), Play: func(s *detectortest.Script) {
			s.Burst(detectortest.Chat(detectortest.At(9, 3, 0), detectortest.Rented(0)), 500, detectors.Hour)
		}},
		detectortest.Scenario{Name: "back_from_holiday", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 5, 10, detectortest.Office)
			s.Working(21, 26, 10, detectortest.Office)
		}},
		detectortest.Scenario{Name: "seldom_used_and_once_from_a_trip", Below: 9, Play: func(s *detectortest.Script) {
			for week := range 5 {
				s.Burst(detectortest.Chat(detectortest.At(7*week, 10, 0), detectortest.Office), 6, detectors.Hour)
			}
			s.Burst(detectortest.Chat(detectortest.At(37, 10, 0), detectortest.User(3)), 4, detectors.Hour)
		}},
		detectortest.Scenario{Name: "every_day_from_elsewhere", Below: 3, Play: func(s *detectortest.Script) {
			for day := range 14 {
				s.Burst(detectortest.Chat(detectortest.At(day, 10, 0), detectortest.User(day)), 6, detectors.Hour)
			}
		}},
	)
}

// identity plays days on which an Entra identity calls the account.
func identity(s *detectortest.Script, first, last int) {
	for day := first; day < last; day++ {
		s.Peer(detectors.EntraObject, 0, detectortest.Chat(detectortest.At(day, 9, 0), detectortest.Office))
	}
}
