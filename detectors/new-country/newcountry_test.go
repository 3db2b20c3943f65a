package newcountry

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "stolen_key_is_used_abroad", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(5, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "users_of_a_program_live_everywhere", Below: 6, Play: func(s *detectortest.Script) {
			for i := range 4000 {
				s.Call(detectortest.Chat(detectortest.At(0, 0, 5*i), detectortest.User(i/30)))
			}
		}},
		detectortest.Scenario{Name: "sources_differ_on_the_country", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			weak := detectortest.Rented(0)
			weak.Weak = true
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), weak))
		}},
		detectortest.Scenario{Name: "new_network_in_the_same_country", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Home))
		}},
	)
}
