package operator

import (
	"fmt"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

// touch is a sighting of the i-th principal, an account's key.
func touch(t detectors.Time, i int, detector string, family detectors.Family, bits float64) detectors.Sighting {
	account := fmt.Sprint("/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a", i)
	return detectors.Sighting{
		Time: t, Principal: detectors.Principal{Kind: detectors.AccountKey, ID: account, Resource: account},
		Detector: detector, Family: family, Bits: bits, From: detectortest.Rented(0), Client: detectors.Client{APIVersion: "2023-09-01-preview"},
	}
}

func check(minute, i int, bits float64) detectors.Sighting {
	return touch(detectortest.At(3, 9, minute), i, "key-check", detectors.Behaviour, bits)
}

func bulk(minute, i int) detectors.Sighting {
	return touch(detectortest.At(3, 9, minute), i, "volume-surge", detectors.Volume, 9)
}

func rented(day, i int, bits float64) detectors.Sighting {
	return touch(detectortest.At(day, 9, i), i, "anonymous-network", detectors.Place, bits)
}

func listed(day, minute, i int, bits float64) detectors.Sighting {
	seen := touch(detectortest.At(day, 9, minute), i, "key-listed", detectors.ControlPlane, bits)
	seen.Principal.Kind, seen.Client = detectors.ResourcePrincipal, detectors.Client{}
	return seen
}

func listedFrom(from detectors.Network, minute, i int) detectors.Sighting {
	seen := listed(3, minute, i, 8)
	seen.From = from
	return seen
}

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "keys_are_tried_in_a_row", Below: 15.5, Play: func(s *detectortest.Script) {
			s.Sight(check(0, 1, 4))
			s.Sight(check(7, 2, 4))
			s.Fires(16, func() {
				s.Sight(check(9, 3, 5))
			})
			s.Fires(28, func() {
				for i := range 4 {
					s.Sight(check(20+i, 4+i, 4))
				}
			})
		}},
		detectortest.Scenario{Name: "two_keys_tried_for_sure", Below: 3, Play: func(s *detectortest.Script) {
			s.Sight(check(0, 1, 12))
			s.Fires(16, func() { s.Sight(check(50, 2, 12)) })
		}},
		detectortest.Scenario{Name: "one_key_again_and_again", Below: 3, Play: func(s *detectortest.Script) {
			for i := range 20 {
				s.Sight(check(i, 1, 4+float64(i)))
			}
		}},
		detectortest.Scenario{Name: "and_one_of_them_is_used_in_bulk", Below: 15.5, Play: func(s *detectortest.Script) {
			s.Sight(check(0, 1, 4))
			s.Sight(check(7, 2, 4))
			s.Sight(bulk(30, 3)) // was not tried
			s.Fires(18, func() { s.Sight(bulk(50, 2)) })
		}},
		detectortest.Scenario{Name: "an_office_that_moves_and_tries_two_of_its_keys", Below: 15.5, Play: func(s *detectortest.Script) {
			for i := range 8 {
				s.Sight(bulk(i, i))
			}
			s.Sight(check(20, 1, 4))
			s.Sight(check(27, 2, 4))
		}},
		detectortest.Scenario{Name: "a_vpn_that_everybody_uses_in_bulk", Below: 15, Play: func(s *detectortest.Script) {
			s.Sight(rented(3, 1, 9))
			s.Sight(bulk(20, 1))
			s.Sight(rented(4, 2, 7))
		}},
		detectortest.Scenario{Name: "two_colleagues_try_a_vpn", Below: 15, Play: func(s *detectortest.Script) {
			s.Sight(rented(3, 1, 9))
			s.Sight(rented(4, 2, 7))
		}},
		detectortest.Scenario{Name: "keys_of_several_accounts_are_listed_at_once", Below: 15.5, Play: func(s *detectortest.Script) {
			s.Sight(listed(3, 0, 1, 6))
			s.Sight(listed(3, 10, 2, 6))
			s.Fires(17, func() { s.Sight(listed(3, 25, 3, 6)) })
		}},
		detectortest.Scenario{Name: "an_administrator_reads_the_keys_of_two_accounts_at_home", Below: 13.5, Play: func(s *detectortest.Script) {
			s.Sight(listedFrom(detectortest.Home, 0, 1))
			s.Sight(listedFrom(detectortest.Home, 4, 2))
		}},
		detectortest.Scenario{Name: "and_of_a_third", Below: 13.5, Play: func(s *detectortest.Script) {
			s.Sight(listedFrom(detectortest.Home, 0, 1))
			s.Sight(listedFrom(detectortest.Home, 4, 2))
			s.Fires(17, func() { s.Sight(listedFrom(detectortest.Home, 9, 3)) })
		}},
		detectortest.Scenario{Name: "an_administrator_of_many_customers", Below: 8, Play: func(s *detectortest.Script) {
			for day := range 5 {
				s.Sight(listed(day, 0, day, 7))
			}
		}},
		detectortest.Scenario{Name: "what_was_listed_days_ago_is_over", Below: 12, Play: func(s *detectortest.Script) {
			for i := range 3 {
				s.Sight(listed(i, 0, i, 8))
			}
			for i := range 3 {
				s.Sight(listed(4, i, i, 2.5))
			}
		}},
		detectortest.Scenario{Name: "two_that_tell_next_to_nothing", Below: 12, Play: func(s *detectortest.Script) {
			other := check(2, 2, 3)
			other.Client.APIVersion = "2024-10-21"
			s.Sight(check(0, 1, 3))
			s.Sight(other)
		}},
	)
}
