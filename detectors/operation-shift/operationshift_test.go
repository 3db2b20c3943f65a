package operationshift

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "images_where_there_was_only_chat", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(6, func() { s.Call(detectortest.Image(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "a_probe_of_a_model_never_used", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(5, func() { s.Call(use(detectortest.At(14, 3, 0), detectortest.Rented(0), "gpt-4.1")) })
		}},
		detectortest.Scenario{Name: "migration_to_a_new_model", Below: 8, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for minute := range 200 {
				s.Call(use(detectortest.At(14, 9, minute), detectortest.Office, "gpt-5"))
			}
		}},
		detectortest.Scenario{Name: "developer_who_tries_a_model_every_week", Below: 8, Play: func(s *detectortest.Script) {
			s.Working(0, 7, 10, detectortest.Office)
			for week, model := range []string{"o1", "o3", "gpt-4.1", "gpt-5"} {
				s.Call(use(detectortest.At(3+7*week, 11, 0), detectortest.Office, model))
				s.Working(7+7*week, 14+7*week, 10, detectortest.Office)
			}
		}},
		detectortest.Scenario{Name: "a_colleague_at_the_office_of_another_team", Below: 4, Premises: []detectors.Network{detectortest.Home}, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(use(detectortest.At(14, 10, 0), detectortest.Home, "gpt-4.1"))
		}},
		detectortest.Scenario{Name: "a_name_that_does_not_exist", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			wrong := use(detectortest.At(14, 3, 0), detectortest.Rented(0), "")
			wrong.Status, wrong.Deployment = 404, "gtp-4o"
			s.Call(wrong)
		}},
	)
}

func use(t detectors.Time, from detectors.Network, model string) detectors.Call {
	c := detectortest.Chat(t, from)
	c.Model, c.Deployment = model, model
	return c
}
