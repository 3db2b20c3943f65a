package newnetwork

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "stolen_key_is_used_from_rented_servers", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 21, 4, detectortest.Backend(0))
			s.Fires(6, func() { s.Call(detectortest.Check(detectortest.At(21, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "thief_in_the_same_cloud", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 30, 2, detectortest.Backend(0))
			s.Fires(3, func() { s.Call(detectortest.Check(detectortest.At(30, 3, 0), detectortest.Backend(7))) })
		}},
		detectortest.Scenario{Name: "thief_in_another_region_of_the_owners_cloud", Below: 3, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 20, detectortest.Backend(0))
			s.Fires(5, func() {
				c := detectortest.Chat(detectortest.At(14, 3, 0), region())
				c.Model, c.Deployment = "o1", "o1"
				s.Call(c)
			})
		}},
		detectortest.Scenario{Name: "part_of_the_load_runs_in_another_region", Below: 7, Play: func(s *detectortest.Script) {
			s.Always(0, 14, 20, detectortest.Backend(0))
			s.Always(14, 15, 20, detectortest.Backend(0), region())
		}},
		detectortest.Scenario{Name: "backend_hops_over_its_cloud", Below: 5, Play: func(s *detectortest.Script) {
			for i := range 4000 {
				s.Call(detectortest.Chat(detectortest.At(0, 0, 7*i), detectortest.Backend(i/3*7)))
			}
		}},
		detectortest.Scenario{Name: "network_of_a_peer", Below: 5, Play: func(s *detectortest.Script) {
			for day := range 14 {
				s.Peer(detectors.EntraObject, 0, detectortest.Chat(detectortest.At(day, 9, 0), detectortest.Home))
				s.Call(detectortest.Chat(detectortest.At(day, 10, 0), detectortest.Office))
			}
			s.Call(detectortest.Chat(detectortest.At(14, 10, 0), detectortest.Home))
		}},
		detectortest.Scenario{Name: "a_colleague_in_the_office_of_the_tenant", Below: 3, Premises: []detectors.Network{detectortest.Office}, Play: func(s *detectortest.Script) {
			s.Always(0, 21, 4, detectortest.Backend(0))
			s.Call(detectortest.Check(detectortest.At(21, 3, 0), detectortest.Office))
		}},
		detectortest.Scenario{Name: "no_table_knows_the_organisation", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 100, detectortest.Office)
			unknown := detectors.Network{Prefix: detectortest.Rented(0).Prefix, Country: detectors.Country{'M', 'X'}, Weak: true}
			s.Fires(3, func() { s.Call(detectortest.Chat(detectortest.At(14, 10, 0), unknown)) })
		}},
		detectortest.Scenario{Name: "no_table_knows_the_country", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			unknown := detectortest.Rented(0)
			unknown.Country = detectors.Country{}
			s.Fires(5, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 0), unknown)) })
		}},
		detectortest.Scenario{Name: "no_table_knows_the_address", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			unknown := detectors.Network{Prefix: detectortest.Rented(0).Prefix}
			s.Call(detectortest.Chat(detectortest.At(14, 10, 0), unknown))
		}},
	)
}

// region is a network of the backends' cloud in another country.
func region() detectors.Network {
	n := detectortest.Backend(99)
	n.Country, n.Weak = detectors.Country{'S', 'G'}, true
	return n
}
