package loggingcut

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

const (
	operation = "microsoft.insights/diagnosticsettings/delete"
	written   = "microsoft.insights/diagnosticsettings/write"
)

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 20),
		detectortest.Administrator(written, 3),
		detectortest.Scenario{Name: "a_known_administrator_at_the_office", Below: 11, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 2, written)
			s.Act(detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
		}},
		detectortest.Scenario{Name: "nobody_writes_it_again", Below: 11, Play: func(s *detectortest.Script) {
			cut(s, detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
			s.Fires(17, func() { s.Elsewhere(detectortest.At(14, 11, 30)) })
		}},
		detectortest.Scenario{Name: "another_setting_logs_on", Below: 11, Play: func(s *detectortest.Script) {
			cut(s, detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
			s.Burst(detectortest.Chat(detectortest.At(14, 10, 1), detectortest.Office), 30, 58*detectors.Minute)
			s.Fires(9, func() { s.Elsewhere(detectortest.At(14, 11, 30)) })
		}},
		detectortest.Scenario{Name: "the_other_setting_is_deleted_too", Below: 11, Play: func(s *detectortest.Script) {
			cut(s, detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
			s.Burst(detectortest.Chat(detectortest.At(14, 10, 1), detectortest.Office), 30, 48*detectors.Minute)
			s.Act(detectortest.Deed(detectortest.At(14, 10, 50), operation, "admin", detectortest.Office))
			s.Fires(17, func() { s.Elsewhere(detectortest.At(14, 12, 30)) })
		}},
		detectortest.Scenario{Name: "a_deployment_that_forgot_to", Below: 7, Play: func(s *detectortest.Script) {
			cut(s, deployed(10, 0, operation))
			s.Fires(17, func() { s.Elsewhere(detectortest.At(14, 11, 30)) })
		}},
		detectortest.Scenario{Name: "within_the_hour", Below: 11, Play: func(s *detectortest.Script) {
			cut(s, detectortest.Deed(detectortest.At(14, 10, 0), operation, "admin", detectortest.Office))
			s.Elsewhere(detectortest.At(14, 10, 59))
		}},
		detectortest.Scenario{Name: "a_deployment_replaces_it", Below: 7, Play: func(s *detectortest.Script) {
			cut(s, deployed(10, 0, operation))
			s.Act(deployed(10, 4, written))
			s.Elsewhere(detectortest.At(14, 15, 0))
		}},
		detectortest.Scenario{Name: "a_deployment_makes_the_new_one_first", Below: 7, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Act(deployed(10, 0, written))
			s.Act(deployed(10, 4, operation))
			s.Elsewhere(detectortest.At(14, 15, 0))
		}},
	)
	detectortest.Accept(t, Detector, scenarios...)
}

// cut plays an act after two weeks of work.
func cut(s *detectortest.Script, act detectors.Act) {
	s.Working(0, 14, 10, detectortest.Office)
	s.Administered(0, 14, 2, written)
	s.Act(act)
}

// deployed is what a deployment does from a cloud.
func deployed(hour, minute int, operation string) detectors.Act {
	act := detectortest.Deed(detectortest.At(14, hour, minute), operation, "pipeline", detectortest.Backend(0))
	act.Actor.AppID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
	return act
}
