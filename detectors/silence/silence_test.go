package silence

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

// busy plays two weeks of an account that three programs call at all hours.
func busy(s *detectortest.Script) {
	for day := range 14 {
		s.Always(day, day+1, 6, detectortest.Backend(0))
		s.Burst(chat(day, detectortest.Home), 96, detectors.Day)
		s.Burst(chat(day, detectortest.User(1)), 96, detectors.Day)
	}
}

func chat(day int, from detectors.Network) detectors.Call {
	return detectortest.Chat(detectortest.At(day, 0, 3), from)
}

func deed(operation string) detectors.Act {
	return detectortest.Deed(detectortest.At(14, 0, 1), operation, "admin", detectortest.Office)
}

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "three_programs_stop_at_once", Below: 3, Play: func(s *detectortest.Script) {
			busy(s)
			s.Fires(17, func() { s.Elsewhere(detectortest.At(16, 0, 0)) })
		}},
		detectortest.Scenario{Name: "the_first_hours", Below: 14.5, Play: func(s *detectortest.Script) {
			busy(s)
			s.Elsewhere(detectortest.At(14, 7, 0))
		}},
		detectortest.Scenario{Name: "a_few_hours", Below: 3, Play: func(s *detectortest.Script) {
			busy(s)
			s.Elsewhere(detectortest.At(14, 5, 0))
			s.Always(14, 15, 6, detectortest.Backend(0))
		}},
		detectortest.Scenario{Name: "the_only_program_stops", Below: 13, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 6, detectortest.Backend(0))
			s.Elsewhere(detectortest.At(14, 20, 0))
			s.Fires(17, func() { s.Elsewhere(detectortest.At(40, 0, 0)) })
		}},
		detectortest.Scenario{Name: "a_holiday_after_weekends", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 12, 10, detectortest.Office, detectortest.Home)
			s.Elsewhere(detectortest.At(21, 8, 0))
			s.Working(21, 26, 10, detectortest.Office, detectortest.Home)
		}},
		detectortest.Scenario{Name: "the_account_is_deleted", Below: 3, Play: func(s *detectortest.Script) {
			busy(s)
			s.Act(deed("microsoft.cognitiveservices/accounts/delete"))
			s.Elsewhere(detectortest.At(40, 0, 0))
		}},
		detectortest.Scenario{Name: "its_logging_was_cut", Below: 3, Play: func(s *detectortest.Script) {
			busy(s)
			s.Act(deed("microsoft.insights/diagnosticsettings/delete"))
			s.Elsewhere(detectortest.At(40, 0, 0))
		}},
		detectortest.Scenario{Name: "calls_were_logged_on_after_a_cut", Below: 14.5, Play: func(s *detectortest.Script) {
			busy(s)
			s.Act(deed("microsoft.insights/diagnosticsettings/delete"))
			s.Burst(detectortest.Chat(detectortest.At(14, 0, 2), detectortest.Backend(0)), 60, 3*detectors.Hour)
			s.Fires(17, func() { s.Elsewhere(detectortest.At(17, 0, 0)) })
		}},
		detectortest.Scenario{Name: "known_for_days_only", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 6, 20, detectortest.Backend(0), detectortest.Home, detectortest.User(1))
			s.Elsewhere(detectortest.At(40, 0, 0))
		}},
	)
}
