package contentfilterpressure

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "strangers_are_refused_all_the_time", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(5, func() { s.Burst(refused(detectortest.At(14, 3, 0), detectortest.Rented(0), 400), 60, detectors.Hour) })
		}},
		detectortest.Scenario{Name: "far_more_than_in_its_worst_hour", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(4, func() { s.Burst(refused(detectortest.At(14, 9, 0), detectortest.Office, 400), 600, detectors.Hour) })
		}},
		detectortest.Scenario{Name: "a_few_each_day", Below: 3, Play: func(s *detectortest.Script) {
			for day := range 21 {
				s.Working(day, day+1, 10, detectortest.Office)
				s.Burst(refused(detectortest.At(day, 18, 0), detectortest.Office, 400), 3+day%4, detectors.Hour)
			}
		}},
		detectortest.Scenario{Name: "one_refusal_abroad", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(refused(detectortest.At(14, 9, 0), detectortest.User(3), 400))
		}},
	)
}

func refused(t detectors.Time, from detectors.Network, status int) detectors.Call {
	c := detectortest.Chat(t, from)
	c.Status, c.Tokens = status, detectors.Tokens{}
	return c
}
