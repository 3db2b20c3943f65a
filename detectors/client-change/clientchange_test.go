package clientchange

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "a_checker_brings_its_own_version", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(5, func() { s.Call(detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "another_user_agent_behind_a_gateway", Below: 3, Kind: detectors.APIMSubscription, Play: func(s *detectortest.Script) {
			for minute := range 14 * 24 {
				s.Call(with(detectortest.Chat(detectortest.At(0, minute, 0), detectortest.Office), "", "AzureOpenAI/Python 1.51"))
			}
			s.Fires(3, func() {
				s.Call(with(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0)), "", "node-fetch/1.0"))
			})
		}},
		detectortest.Scenario{Name: "any_version_from_rented_servers", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(5, func() {
				s.Call(with(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0)), "2025-01-01-preview", ""))
			})
		}},
		detectortest.Scenario{Name: "a_version_of_a_year_before", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(4, func() {
				s.Call(with(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.User(4)), "2023-05-15", ""))
			})
		}},
		detectortest.Scenario{Name: "a_colleague_brings_the_version_of_today", Below: 6, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(with(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.User(4)), "2025-01-01-preview", ""))
		}},
		detectortest.Scenario{Name: "migration_in_its_own_network", Below: 9, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Burst(with(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.Office), "2025-04-01-preview", ""), 60, 6*detectors.Hour)
		}},
		detectortest.Scenario{Name: "an_older_program_with_new_work_on_its_own_machine", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			s.Fires(17, func() { s.Call(relayed("2023-12-01-preview")) })
		}},
		detectortest.Scenario{Name: "a_newer_program_with_new_work_on_its_own_machine", Below: 9, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			s.Call(relayed("2025-04-01-preview"))
		}},
		detectortest.Scenario{Name: "who_always_had_an_old_version_streams_new_work", Below: 9, Play: func(s *detectortest.Script) {
			for hour := range 14 * 24 {
				s.Call(with(detectortest.Chat(detectortest.At(0, hour, 0), detectortest.Backend(0)), "2023-07-01-preview", ""))
			}
			s.Call(streamed(relayed("2023-07-01-preview")))
		}},
		detectortest.Scenario{Name: "an_older_program_on_another_machine_of_its_cloud", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			s.Fires(17, func() {
				c := relayed("2023-12-01-preview")
				c.From = detectortest.Backend(7)
				s.Call(c)
			})
		}},
		detectortest.Scenario{Name: "an_older_program_that_does_some_usual_work_first", Below: 12, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			for i := range 3 {
				s.Call(with(detectortest.Chat(detectortest.At(14, 1, i), detectortest.Backend(0)), "2023-12-01-preview", ""))
			}
			s.Fires(17, func() { s.Call(streamed(relayed("2023-12-01-preview"))) })
		}},
		detectortest.Scenario{Name: "an_older_program_of_the_peers_that_does_some_usual_work_first", Below: 6, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			for day := range 14 {
				for peer := range uint(4) {
					s.Peer(detectors.AccountKey, peer, with(detectortest.Chat(detectortest.At(day, 10, int(peer)), detectortest.Backend(0)), "2023-12-01-preview", ""))
				}
			}
			s.Call(with(detectortest.Chat(detectortest.At(14, 1, 0), detectortest.Backend(0)), "2023-12-01-preview", ""))
			s.Call(relayed("2023-12-01-preview"))
		}},
		detectortest.Scenario{Name: "an_older_program_that_has_done_the_usual_work_for_days", Below: 12, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			for day := 11; day < 14; day++ {
				s.Call(with(detectortest.Chat(detectortest.At(day, 1, 0), detectortest.Backend(0)), "2023-12-01-preview", ""))
			}
			s.Call(relayed("2023-12-01-preview"))
		}},
		detectortest.Scenario{Name: "an_older_program_guesses_a_name", Below: 11, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			c := relayed("2023-12-01-preview")
			c.Status = 404
			s.Call(c)
		}},
		detectortest.Scenario{Name: "an_older_program_with_its_usual_work", Below: 11, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 10, detectortest.Backend(0))
			s.Call(with(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Backend(0)), "2023-12-01-preview", ""))
		}},
		detectortest.Scenario{Name: "a_colleague_brings_the_version_of_the_peers", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			for day := range 14 {
				s.Call(detectortest.Chat(detectortest.At(day, 9, 0), detectortest.Office))
				s.Call(detectortest.Chat(detectortest.At(day, 15, 0), detectortest.Office))
				s.Peer(detectors.EntraObject, 0, with(detectortest.Chat(detectortest.At(day, 10, 0), detectortest.Home), "2025-01-01-preview", ""))
			}
			s.Call(with(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.User(4)), "2025-01-01-preview", ""))
		}},
		detectortest.Scenario{Name: "a_user_agent_that_one_peer_of_many_has", Below: 3, Kind: detectors.APIMSubscription, Play: func(s *detectortest.Script) {
			for day := range 14 {
				for hour := range 24 {
					s.Call(with(detectortest.Chat(detectortest.At(day, hour, 0), detectortest.Office), "", "GuzzleHttp/7"))
				}
				for peer := range 12 {
					agent := "GuzzleHttp/7"
					if peer == 0 {
						agent = "curl/8.5.0"
					}
					s.Peer(detectors.APIMSubscription, uint(peer), with(detectortest.Chat(detectortest.At(day, 10, peer), detectortest.User(peer)), "", agent))
				}
			}
			s.Fires(3, func() {
				s.Call(with(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0)), "", "curl/8.5.0"))
			})
		}},
		detectortest.Scenario{Name: "answers_are_streamed_to_a_new_machine_in_its_cloud", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 6, detectortest.Backend(0))
			s.Fires(3, func() { s.Call(streamed(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Backend(7)))) })
		}},
		detectortest.Scenario{Name: "who_streams_now_and_then", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 6, detectortest.Backend(0))
			s.Call(streamed(detectortest.Chat(detectortest.At(0, 9, 0), detectortest.Backend(0))))
			s.Call(streamed(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.Backend(7))))
		}},
		detectortest.Scenario{Name: "a_script_among_the_browsers_of_a_page", Below: 3, Kind: detectors.APIMSubscription, Play: func(s *detectortest.Script) {
			for day := range 14 {
				for user := range 20 {
					s.Call(with(detectortest.Chat(detectortest.At(day, user, 0), detectortest.User(20*day+user)), "", "Mozilla/5.0"))
				}
			}
			s.Fires(5, func() {
				s.Call(with(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.User(290)), "2025-01-01-preview", "python-requests/2.32"))
			})
		}},
		detectortest.Scenario{Name: "little_is_known_yet", Below: 3, Play: func(s *detectortest.Script) {
			s.Call(detectortest.Chat(detectortest.At(0, 9, 0), detectortest.Office))
			s.Call(detectortest.Check(detectortest.At(9, 9, 0), detectortest.User(4)))
		}},
	)
}

// relayed is a call of a model that the principal does not use, from its own machine.
func relayed(version string) detectors.Call {
	c := with(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Backend(0)), version, "")
	c.Model, c.Deployment = "o3", "o3"
	return c
}

func streamed(c detectors.Call) detectors.Call {
	c.Client.Stream = detectors.Streaming
	return c
}

func with(c detectors.Call, version, agent string) detectors.Call {
	if version != "" {
		c.Client.APIVersion = version
	}
	c.Client.UserAgent = agent
	return c
}
