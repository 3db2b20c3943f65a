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
