package modelenumeration

import (
	"fmt"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "an_unsaid_name_in_a_loop", Below: 12, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			c := detectortest.Chat(detectortest.At(14, 9, 0), detectortest.User(3))
			c.Status, c.Model, c.Deployment = 404, "", ""
			s.Burst(c, 500, 3*detectors.Hour)
		}},
		detectortest.Scenario{Name: "unsaid_names_that_are_judged_in_the_next_hour", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			strange := detectortest.Chat(detectortest.At(14, 4, 1), detectortest.Rented(0))
			strange.Model, strange.Deployment = "o1", "o1"
			s.Call(strange)
			s.Fires(3, func() {
				for i := range 4 {
					c := detectortest.Chat(detectortest.At(14, 3, 55+i), detectortest.Rented(0))
					c.Status, c.Model, c.Deployment = 404, "", ""
					s.Call(c)
				}
			})
		}},
		detectortest.Scenario{Name: "deployments_are_guessed", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(3.5, func() {
				for i := range 8 {
					guess := detectortest.Chat(detectortest.At(14, 3, i), detectortest.Rented(0))
					guess.Status, guess.Model, guess.Deployment = 404, "", fmt.Sprintf("gpt-%d", i)
					s.Call(guess)
				}
			})
		}},
		detectortest.Scenario{Name: "models_are_listed_and_tried", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(3, func() {
				s.Call(list(detectortest.At(14, 3, 0), detectortest.Rented(0)))
				for i := range 6 {
					s.Call(use(detectortest.At(14, 3, i), detectortest.Rented(0), fmt.Sprintf("model-%d", i)))
				}
			})
		}},
		detectortest.Scenario{Name: "developer_lists_models_now_and_then", Below: 3, Play: func(s *detectortest.Script) {
			for day := range 21 {
				s.Call(detectortest.Chat(detectortest.At(day, 9, 0), detectortest.Office))
				if day%3 == 0 {
					s.Call(list(detectortest.At(day, 10, 0), detectortest.Office))
				}
			}
		}},
		detectortest.Scenario{Name: "wrong_name_in_a_loop", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			wrong := detectortest.Chat(detectortest.At(14, 9, 0), detectortest.Office)
			wrong.Status, wrong.Model, wrong.Deployment = 404, "", "gtp-4o"
			s.Burst(wrong, 500, 3*detectors.Hour)
		}},
		detectortest.Scenario{Name: "migration_to_a_new_model", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for i := range 50 {
				s.Call(use(detectortest.At(14, 9, i), detectortest.Office, "gpt-5"))
			}
		}},
	)
}

func list(t detectors.Time, from detectors.Network) detectors.Call {
	c := detectortest.Chat(t, from)
	c.Operation, c.Class, c.Model, c.Deployment = "ListModels", detectors.ClassListing, "", ""
	return c
}

func use(t detectors.Time, from detectors.Network, model string) detectors.Call {
	c := detectortest.Chat(t, from)
	c.Model, c.Deployment = model, model
	return c
}
