package resale

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "guests_ask_for_anything", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 30, detectortest.Office)
			s.Fires(4, func() {
				for i := range 240 {
					s.Call(guest(detectortest.At(14, 3, 0)+detectors.Time(i)*15*detectors.Second, detectortest.Rented(0), i))
				}
			})
		}},
		detectortest.Scenario{Name: "a_release_at_the_office_does_not_hide_many_networks", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 30, detectortest.Office)
			s.Fires(4, func() {
				for i := range 240 {
					s.Call(guest(detectortest.At(14, 9, 0)+detectors.Time(i)*15*detectors.Second, detectortest.Office, i))
				}
			})
			s.Fires(3, func() { fanOut(s, detectortest.At(14, 20, 0), 4) })
		}},
		detectortest.Scenario{Name: "a_busy_day_of_one_program", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 30, detectortest.Office)
			s.Working(14, 15, 300, detectortest.Office)
		}},
		detectortest.Scenario{Name: "a_gateway_of_many_programs", Below: 3, Play: func(s *detectortest.Script) {
			for hour := range 14 * 24 {
				for i := range 40 {
					s.Call(guest(detectortest.At(0, hour, i), detectortest.Office, i+hour%3))
				}
			}
		}},
		detectortest.Scenario{Name: "a_release_with_a_new_model", Below: 5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 30, detectortest.Office)
			for minute := range 120 {
				c := detectortest.Chat(detectortest.At(14, 9, minute), detectortest.Office)
				c.Model = "gpt-5"
				s.Call(c)
			}
		}},
		detectortest.Scenario{Name: "one_hand_behind_53_networks", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 4, detectortest.Backend(0), detectortest.Backend(1))
			s.Fires(3.5, func() { fanOut(s, detectortest.At(14, 3, 0), 53) })
		}},
		detectortest.Scenario{Name: "more_than_are_counted_exactly", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 4, detectortest.Backend(0))
			s.Fires(4, func() { fanOut(s, detectortest.At(14, 3, 0), 400) })
		}},
		detectortest.Scenario{Name: "users_of_a_program_on_a_busy_day", Below: 3, Play: func(s *detectortest.Script) {
			users := 0
			for hour := range 14 * 24 {
				for i := range 40 {
					s.Call(detectortest.Chat(detectortest.At(0, hour, i), detectortest.User(users)))
					users++
				}
			}
			for i := range 80 {
				s.Call(detectortest.Chat(detectortest.At(14, 0, 0)+detectors.Time(i)*30*detectors.Second, detectortest.User(users+i)))
			}
		}},
		detectortest.Scenario{Name: "late_calls_of_an_hour_before", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 4, detectortest.Backend(0))
			s.Call(detectortest.Chat(detectortest.At(14, 3, 1), detectortest.Backend(0)))
			fanOut(s, detectortest.At(14, 2, 0), 30)
		}},
		detectortest.Scenario{Name: "office_home_and_telephone", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office, detectortest.Home)
			for i, from := range []detectors.Network{detectortest.Office, detectortest.Home, detectortest.User(3)} {
				s.Call(detectortest.Chat(detectortest.At(14, 9, i), from))
			}
		}},
	)
}

// guest is the call of the i-th guest: each has a model, a program and a size of its own.
func guest(t detectors.Time, from detectors.Network, i int) detectors.Call {
	c := detectortest.Chat(t, from)
	c.Model = []string{"gpt-4o", "gpt-4", "gpt-4.1", "o1", "gpt-4o-mini"}[i%5]
	c.Client.APIVersion = []string{"2024-02-01", "2024-06-01", "2024-10-21"}[i/5%3]
	c.RequestBytes = 300 << (i / 15 % 4 * 2)
	return c
}

// fanOut plays calls from n networks within an hour.
func fanOut(s *detectortest.Script, t detectors.Time, n int) {
	for i := range n {
		s.Call(detectortest.Chat(t+detectors.Hour*detectors.Time(i)/detectors.Time(n), detectortest.Rented(i)))
	}
}
