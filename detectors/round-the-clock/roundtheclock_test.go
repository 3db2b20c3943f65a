package roundtheclock

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "an_office_key_around_the_clock", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(3, func() { s.Always(14, 16, 6, detectortest.Office) })
		}},
		detectortest.Scenario{Name: "a_trickle_from_elsewhere_by_night", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 15, 10, detectortest.Office)
			s.Fires(3, func() {
				s.Burst(detectortest.Chat(detectortest.At(15, 0, 5), detectortest.Rented(0)), 48, detectors.Day)
			})
		}},
		detectortest.Scenario{Name: "a_stranger_of_the_same_country_by_night", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(3, func() { s.Burst(detectortest.Chat(detectortest.At(14, 1, 0), detectortest.Home), 30, detectors.Hour) })
		}},
		detectortest.Scenario{Name: "a_colleague_at_home_by_day", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Burst(detectortest.Chat(detectortest.At(14, 11, 0), detectortest.Home), 30, detectors.Hour)
		}},
		detectortest.Scenario{Name: "a_home_is_new_to_a_backend_that_never_rests", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 10, 4, detectortest.Backend(0))
			s.Burst(detectortest.Chat(detectortest.At(10, 1, 0), detectortest.Home), 30, detectors.Hour)
		}},
		detectortest.Scenario{Name: "at_night_more_than_ever_in_a_day", Kind: detectors.EntraObject, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			s.Fires(8, func() { s.Burst(long(detectortest.At(14, 22, 0)), 60, 3*detectors.Hour) })
		}},
		detectortest.Scenario{Name: "at_night_after_two_late_evenings", Kind: detectors.EntraObject, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			s.Call(detectortest.Chat(detectortest.At(14, 22, 30), detectortest.Office))
			s.Working(15, 16, 4, detectortest.Office)
			s.Call(detectortest.Chat(detectortest.At(15, 22, 30), detectortest.Office))
			s.Working(16, 17, 4, detectortest.Office)
			s.Fires(5, func() { s.Burst(long(detectortest.At(17, 22, 0)), 60, detectors.Hour) })
		}},
		detectortest.Scenario{Name: "a_night_is_not_held_against_itself", Kind: detectors.EntraObject, Below: 8, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			s.Burst(long(detectortest.At(14, 22, 0)), 3, detectors.Hour) // more than in a day, but not much
			s.Fires(9, func() { s.Burst(long(detectortest.At(15, 0, 1)), 60, 3*detectors.Hour) })
		}},
		detectortest.Scenario{Name: "refused_at_night_again_and_again", Kind: detectors.EntraObject, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			refused := long(detectortest.At(14, 22, 0))
			refused.Status = 429
			s.Burst(refused, 60, detectors.Hour)
		}},
		detectortest.Scenario{Name: "at_night_as_much_as_in_a_day", Kind: detectors.EntraObject, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			s.Burst(detectortest.Chat(detectortest.At(14, 22, 0), detectortest.Office), 30, 2*detectors.Hour)
		}},
		detectortest.Scenario{Name: "by_day_more_than_ever", Kind: detectors.EntraObject, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			s.Burst(long(detectortest.At(14, 10, 0)), 60, 3*detectors.Hour)
		}},
		detectortest.Scenario{Name: "a_program_of_office_hours_has_a_job_at_night", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 4, detectortest.Office)
			s.Burst(long(detectortest.At(14, 22, 0)), 60, 3*detectors.Hour)
		}},
		detectortest.Scenario{Name: "a_late_evening", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 15, 10, detectortest.Office)
			s.Burst(detectortest.Chat(detectortest.At(14, 18, 0), detectortest.Office), 20, 2*detectors.Hour)
		}},
		detectortest.Scenario{Name: "a_backend_that_never_rests", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 10, 4, detectortest.Backend(0))
		}},
		detectortest.Scenario{Name: "a_week_in_another_time_zone", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for day := 14; day < 19; day++ {
				s.Burst(detectortest.Chat(detectortest.At(day, 14, 0), detectortest.User(3)), 60, 8*detectors.Hour)
			}
		}},
	)
}

// long is a call with a document of some 12,000 tokens.
func long(t detectors.Time) detectors.Call {
	c := detectortest.Chat(t, detectortest.Office)
	c.RequestBytes = 48_000
	return c
}
