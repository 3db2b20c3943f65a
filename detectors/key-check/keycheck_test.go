package keycheck

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "checker_of_stolen_keys", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(7, func() {
				s.Call(detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0)))
				again := detectortest.Check(detectortest.At(14, 3, 0)+2*detectors.Second, detectortest.Rented(0))
				again.RequestBytes, again.Status = 101, 400
				s.Call(again)
			})
		}},
		detectortest.Scenario{Name: "a_gateway_counts_the_headers", Kind: detectors.APIMSubscription, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(7, func() {
				check := detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))
				check.RequestBytes, check.Tokens = 73+420, detectors.Tokens{}
				s.Call(check)
			})
		}},
		detectortest.Scenario{Name: "a_short_question_with_a_long_answer_at_a_gateway", Kind: detectors.APIMSubscription, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			question := detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))
			question.RequestBytes, question.ResponseBytes, question.Tokens = 800, 9000, detectors.Tokens{}
			s.Call(question)
		}},
		detectortest.Scenario{Name: "a_longer_question_at_a_gateway", Kind: detectors.APIMSubscription, Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			question := detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))
			question.RequestBytes, question.Tokens = 1500, detectors.Tokens{}
			s.Call(question)
		}},
		detectortest.Scenario{Name: "a_gateway_after_a_year", Kind: detectors.APIMSubscription, Below: 12.1, Play: func(s *detectortest.Script) {
			for day := range 365 {
				s.Call(detectortest.Chat(detectortest.At(day, 10, 0), detectortest.Office))
			}
			check := detectortest.Check(detectortest.At(365, 3, 0), detectortest.Rented(0))
			check.RequestBytes, check.Tokens = 73+420, detectors.Tokens{}
			s.Call(check)
		}},
		detectortest.Scenario{Name: "a_key_of_today", Below: 3, Play: func(s *detectortest.Script) {
			s.Call(detectortest.Chat(detectortest.At(0, 3, 0), detectortest.Office))
			s.Call(detectortest.Check(detectortest.At(0, 23, 0), detectortest.Rented(0)))
		}},
		detectortest.Scenario{Name: "an_account_does_not", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			check := detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))
			check.RequestBytes = 73 + 420
			s.Call(check)
		}},
		detectortest.Scenario{Name: "tokens_where_the_log_has_no_lengths", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(6, func() {
				check := detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))
				check.RequestBytes, check.ResponseBytes = -1, -1
				s.Call(check)
			})
		}},
		detectortest.Scenario{Name: "api_version_of_a_peer", Below: 9, Play: func(s *detectortest.Script) {
			s.Peer(detectors.EntraObject, 0, detectortest.Check(detectortest.At(0, 0, 0), detectortest.Office))
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Check(detectortest.At(14, 3, 0), detectortest.User(3)))
		}},
		detectortest.Scenario{Name: "health_probes_all_day_from_a_hopping_backend", Below: 5, Play: func(s *detectortest.Script) {
			for i := range 3000 {
				s.Call(detectortest.Check(detectortest.At(0, 0, 10*i), detectortest.Backend(i/9)))
			}
		}},
		detectortest.Scenario{Name: "monitoring_service_with_many_places", Below: 5, Play: func(s *detectortest.Script) {
			for i := range 3000 {
				s.Call(detectortest.Check(detectortest.At(0, 0, 10*i), detectortest.User(i/7)))
			}
		}},
		detectortest.Scenario{Name: "says_hello_from_the_office", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Check(detectortest.At(14, 9, 0), detectortest.Office))
		}},
		detectortest.Scenario{Name: "a_developer_tries_the_key_at_home", Below: 4, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			try := detectortest.Check(detectortest.At(14, 9, 0), detectortest.Home)
			try.Client = detectortest.Chat(0, detectortest.Home).Client
			s.Call(try)
		}},
		detectortest.Scenario{Name: "a_developer_reads_the_answer", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			try := detectortest.Check(detectortest.At(14, 9, 0), detectortest.Home)
			try.Tokens = detectors.Tokens{Prompt: 12, Completion: 40, Known: true}
			s.Call(try)
		}},
		detectortest.Scenario{Name: "ordinary_call_from_elsewhere", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.Rented(0)))
			stream := detectortest.Check(detectortest.At(14, 9, 1), detectortest.Rented(0))
			stream.Client.Stream = detectors.Streaming
			s.Call(stream)
		}},
	)
}
