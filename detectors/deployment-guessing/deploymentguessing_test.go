package deploymentguessing

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "names_that_everybody_gives", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(20, func() {
				for i := range 12 {
					s.Call(guess(detectortest.At(14, 3, i), detectortest.Rented(0), i))
				}
			})
		}},
		detectortest.Scenario{Name: "wrong_name_in_a_loop", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Burst(guess(detectortest.At(14, 9, 0), detectortest.User(3), 0), 500, 3*detectors.Hour)
		}},
		detectortest.Scenario{Name: "names_that_the_log_does_not_say", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(10, func() {
				for i := range 12 {
					s.Call(nameless(guess(detectortest.At(14, 3, i), detectortest.Rented(0), i)))
				}
			})
		}},
		detectortest.Scenario{Name: "an_unsaid_name_in_a_loop", Below: 11, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Burst(nameless(guess(detectortest.At(14, 9, 0), detectortest.User(3), 0)), 500, 3*detectors.Hour)
		}},
		detectortest.Scenario{Name: "a_test_of_all_deployments_in_the_office", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for i := range 12 {
				s.Call(guess(detectortest.At(14, 9, i), detectortest.Office, i))
			}
		}},
		detectortest.Scenario{Name: "misspelt_twice_on_a_trip", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(guess(detectortest.At(14, 9, 0), detectortest.User(3), 0))
			s.Call(guess(detectortest.At(14, 9, 1), detectortest.User(3), 1))
		}},
	)
}

func guess(t detectors.Time, from detectors.Network, i int) detectors.Call {
	c := detectortest.Chat(t, from)
	c.Status, c.Model, c.Deployment = 404, "", []string{"gpt-4", "gpt4", "dall-e-3", "o1", "chat", "test", "prod", "turbo", "gpt-5", "default", "gpt-4-32k", "sora"}[i]
	return c
}

func nameless(c detectors.Call) detectors.Call {
	c.Deployment = ""
	return c
}
