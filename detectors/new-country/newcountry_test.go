package newcountry

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "stolen_key_is_used_abroad", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(10, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "homes_of_three_lands_within_a_day", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(15.5, func() {
				for i, land := range []detectors.Country{{'B', 'R'}, {'V', 'N'}, {'Z', 'A'}} {
					s.Call(detectortest.Chat(detectortest.At(14, 3, 5*i), homeIn(land, i)))
				}
			})
		}},
		detectortest.Scenario{Name: "a_vpn_that_shows_in_three_lands", Below: 14.5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for i, land := range []detectors.Country{{'B', 'R'}, {'V', 'N'}, {'Z', 'A'}} {
				n := homeIn(land, i)
				n.Kind = detectors.VPN
				s.Call(detectortest.Chat(detectortest.At(14, 3, 5*i), n))
			}
		}},
		detectortest.Scenario{Name: "a_vpn_that_shows_in_two_lands_and_a_home", Below: 14.5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			for i, land := range []detectors.Country{{'B', 'R'}, {'V', 'N'}, {'Z', 'A'}} {
				n := homeIn(land, i)
				if i < 2 {
					n.Kind = detectors.VPN
				}
				s.Call(detectortest.Chat(detectortest.At(14, 3, 5*i), n))
			}
		}},
		detectortest.Scenario{Name: "a_colleague_in_an_office_abroad", Below: 5, Premises: []detectors.Network{detectortest.Rented(0)}, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0)))
		}},
		detectortest.Scenario{Name: "users_of_a_program_live_everywhere", Below: 6, Play: func(s *detectortest.Script) {
			for i := range 4000 {
				s.Call(detectortest.Chat(detectortest.At(0, 0, 5*i), detectortest.User(i/30)))
			}
		}},
		detectortest.Scenario{Name: "where_one_peer_of_twelve_is", Kind: detectors.APIMSubscription, Below: 3, Play: func(s *detectortest.Script) {
			peers(s, 1)
			s.Fires(10, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "where_all_peers_are", Kind: detectors.APIMSubscription, Below: 9, Play: func(s *detectortest.Script) {
			peers(s, 12)
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0)))
		}},
		detectortest.Scenario{Name: "a_program_whose_own_country_nobody_knows", Below: 3, Play: func(s *detectortest.Script) {
			nowhere := detectortest.Backend(0)
			nowhere.Weak = true
			s.Working(0, 14, 10, nowhere)
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0)))
		}},
		detectortest.Scenario{Name: "sources_differ_on_the_country", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			weak := detectortest.Rented(0)
			weak.Weak = true
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), weak))
		}},
		detectortest.Scenario{Name: "next_door", Below: 10.5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			neighbour := detectortest.Rented(0)
			neighbour.Country = detectors.Country{'N', 'L'}
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), neighbour))
		}},
		detectortest.Scenario{Name: "new_network_in_the_same_country", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Home))
		}},
	)
}

// peers plays two weeks of work, beside twelve peers of whom some are where Rented(0) is, too.
func peers(s *detectortest.Script, some int) {
	for day := range 14 {
		s.Working(day, day+1, 10, detectortest.Office)
		for peer := range 12 {
			s.Peer(detectors.APIMSubscription, uint(peer), detectortest.Chat(detectortest.At(day, 18, peer), detectortest.Office))
			if peer < some {
				s.Peer(detectors.APIMSubscription, uint(peer), detectortest.Chat(detectortest.At(day, 19, peer), detectortest.Rented(0)))
			}
		}
	}
}

// homeIn is the n-th line of a home somewhere.
func homeIn(land detectors.Country, n int) detectors.Network {
	home := detectortest.User(n)
	home.Country, home.Kind, home.Weak = land, detectors.Residential, false
	return home
}
