package anonymousnetwork

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "from_tor", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(18, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 0), of(detectors.Tor))) })
		}},
		detectortest.Scenario{Name: "a_wrong_key_from_tor", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			wrong := detectortest.Chat(detectortest.At(14, 3, 0), of(detectors.Tor))
			wrong.Status = 401
			s.Call(wrong)
		}},
		detectortest.Scenario{Name: "from_rented_servers_abroad", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(15, func() {
				c := detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0))
				c.Client.APIVersion = "2023-05-15"
				s.Call(c)
			})
		}},
		detectortest.Scenario{Name: "from_rented_servers_in_a_country_that_is_uncertain", Below: 14.1, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			c := detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0))
			c.Client.APIVersion, c.From.Weak = "2023-05-15", true
			s.Call(c)
		}},
		detectortest.Scenario{Name: "from_tor_after_a_wrong_key", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			wrong := detectortest.Chat(detectortest.At(14, 3, 0), of(detectors.Tor))
			wrong.Status = 401
			s.Call(wrong)
			s.Fires(18, func() { s.Call(detectortest.Chat(detectortest.At(16, 3, 0), of(detectors.Tor))) })
		}},
		detectortest.Scenario{Name: "a_new_key_from_tor", Below: 3, Play: func(s *detectortest.Script) {
			s.Fires(6, func() { s.Call(detectortest.Chat(detectortest.At(0, 3, 0), of(detectors.Tor))) })
		}},
		detectortest.Scenario{Name: "a_new_key_through_a_vpn", Below: 3, Play: func(s *detectortest.Script) {
			s.Fires(5, func() { s.Call(detectortest.Chat(detectortest.At(0, 3, 0), of(detectors.VPN))) })
		}},
		detectortest.Scenario{Name: "one_of_the_first_users_of_a_new_page_has_a_vpn", Below: 3, Play: func(s *detectortest.Script) {
			for user := range 30 {
				s.Call(detectortest.Chat(detectortest.At(0, 3, user), detectortest.User(user)))
			}
			s.Call(detectortest.Chat(detectortest.At(0, 4, 0), of(detectors.VPN)))
		}},
		detectortest.Scenario{Name: "one_of_the_first_users_of_a_late_page_has_a_vpn", Since: detectortest.At(-9, 0, 0), Below: 4, Play: func(s *detectortest.Script) {
			for user := range 30 {
				s.Call(detectortest.Chat(detectortest.At(0, 3, user), detectortest.User(user)))
			}
			s.Call(detectortest.Chat(detectortest.At(0, 4, 0), of(detectors.VPN)))
		}},
		detectortest.Scenario{Name: "one_of_the_first_users_of_a_new_page_uses_tor", Below: 3, Play: func(s *detectortest.Script) {
			for user := range 30 {
				s.Call(detectortest.Chat(detectortest.At(0, 3, user), detectortest.User(user)))
			}
			s.Fires(9, func() { s.Call(detectortest.Chat(detectortest.At(0, 4, 0), of(detectors.Tor))) })
		}},
		detectortest.Scenario{Name: "a_user_whose_vpn_is_on_each_day", Below: 6, Play: func(s *detectortest.Script) {
			for day := range 21 {
				s.Working(day, day+1, 10, detectortest.Home)
				s.Call(detectortest.Chat(detectortest.At(day, 20, 0), of(detectors.VPN)))
			}
		}},
		detectortest.Scenario{Name: "where_one_peer_of_twelve_has_a_vpn", Kind: detectors.APIMSubscription, Below: 3, Play: func(s *detectortest.Script) {
			peers(s, 1)
			s.Fires(12, func() { s.Call(strange()) })
		}},
		detectortest.Scenario{Name: "where_all_peers_have_one", Kind: detectors.APIMSubscription, Below: 11, Play: func(s *detectortest.Script) {
			peers(s, 12)
			s.Call(strange())
		}},
		detectortest.Scenario{Name: "a_business_trip", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office, detectortest.Home)
			s.Working(14, 17, 10, detectortest.User(9))
		}},
	)
}

// peers plays two weeks of work, beside twelve peers of whom some have a VPN.
func peers(s *detectortest.Script, some int) {
	for day := range 14 {
		s.Working(day, day+1, 10, detectortest.Backend(0))
		for peer := range 12 {
			from := detectortest.Backend(0)
			if peer < some {
				from = of(detectors.VPN)
			}
			s.Peer(detectors.APIMSubscription, uint(peer), detectortest.Chat(detectortest.At(day, 18, peer), from))
		}
	}
}

// strange is a call of a program that the principal does not use, through a VPN.
func strange() detectors.Call {
	c := detectortest.Chat(detectortest.At(14, 3, 0), of(detectors.VPN))
	c.Client.APIVersion = "2024-02-01"
	return c
}

func of(kind detectors.NetworkKind) detectors.Network {
	n := detectortest.Rented(0)
	n.Kind = kind
	return n
}
