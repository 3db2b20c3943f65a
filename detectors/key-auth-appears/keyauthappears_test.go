package keyauthappears

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "an_account_that_is_being_set_up", Below: 3, Play: func(s *detectortest.Script) {
			entra(s, 0, 2)
			s.Call(detectortest.Chat(detectortest.At(8, 3, 0), detectortest.Rented(0)))
		}},
		detectortest.Scenario{Name: "key_where_only_entra_identities_called", Below: 3, Play: func(s *detectortest.Script) {
			entra(s, 0, 14)
			s.Fires(8, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "several_networks_raise_it", Below: 3, Play: func(s *detectortest.Script) {
			entra(s, 0, 5)
			s.Fires(5, func() { s.Call(detectortest.Chat(detectortest.At(5, 3, 0), detectortest.Office)) })
			s.Fires(9, func() {
				for i := range 8 {
					s.Call(detectortest.Chat(detectortest.At(5, 3, i), detectortest.Rented(i)))
				}
			})
		}},
		detectortest.Scenario{Name: "rows_that_prove_nothing", Below: 3, Play: func(s *detectortest.Script) {
			entra(s, 0, 14)
			s.Call(detectors.Call{Time: detectortest.At(14, 3, 0), Status: 200, RequestBytes: -1, ResponseBytes: -1, From: detectortest.Rented(0)})
			refused := detectortest.Chat(detectortest.At(14, 3, 1), detectortest.Rented(0))
			refused.Status, refused.Model = 401, ""
			s.Call(refused)
		}},
		detectortest.Scenario{Name: "keys_are_used_every_day_beside_entra", Below: 3, Play: func(s *detectortest.Script) {
			for day := range 21 {
				s.Call(detectortest.Chat(detectortest.At(day, 8, 0), detectortest.Office))
				entra(s, day, day+1)
				s.Call(detectortest.Chat(detectortest.At(day, 20, 0), detectortest.Backend(day)))
			}
		}},
		detectortest.Scenario{Name: "account_that_is_new", Below: 3, Play: func(s *detectortest.Script) {
			s.Peer(detectors.EntraObject, 0, detectortest.Chat(detectortest.At(0, 8, 0), detectortest.Office))
			s.Call(detectortest.Chat(detectortest.At(0, 9, 0), detectortest.Office))
		}},
		detectortest.Scenario{Name: "entra_identity_calls", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			entra(s, 0, 14)
			s.Call(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.Rented(0)))
		}},
	)
}

// entra plays days on which an Entra identity calls.
func entra(s *detectortest.Script, first, last int) {
	for day := first; day < last; day++ {
		for hour := 9; hour < 17; hour++ {
			s.Peer(detectors.EntraObject, 0, detectortest.Chat(detectortest.At(day, hour, 0), detectortest.Office))
		}
	}
}
