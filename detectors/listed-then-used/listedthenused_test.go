package listedthenused

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "read_and_used_from_the_same_place", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 3, listKeys)
			s.Act(detectortest.Deed(detectortest.At(14, 3, 0), listKeys, "stranger", detectortest.Rented(0)))
			s.Fires(9, func() { s.Call(detectortest.Chat(detectortest.At(14, 3, 20), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "read_by_a_stranger_and_used_elsewhere", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 3, listKeys)
			s.Act(detectortest.Deed(detectortest.At(14, 3, 0), listKeys, "stranger", detectortest.Rented(0)))
			s.Fires(4, func() { s.Call(detectortest.Chat(detectortest.At(14, 9, 0), detectortest.Rented(7))) })
		}},
		detectortest.Scenario{Name: "read_by_the_administrator_before_a_trip", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 3, listKeys)
			s.Working(14, 16, 10, detectortest.User(3))
		}},
		detectortest.Scenario{Name: "read_by_a_stranger_and_used_as_ever", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Act(detectortest.Deed(detectortest.At(14, 3, 0), listKeys, "stranger", detectortest.Rented(0)))
			s.Working(14, 17, 10, detectortest.Office)
		}},
		detectortest.Scenario{Name: "read_by_a_new_colleague_and_used_in_another_office", Below: 3, Premises: []detectors.Network{detectortest.Home}, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Administered(0, 14, 3, listKeys)
			s.Act(detectortest.Deed(detectortest.At(14, 3, 0), listKeys, "stranger", detectortest.Rented(0)))
			s.Call(detectortest.Chat(detectortest.At(14, 3, 20), detectortest.Home))
		}},
		detectortest.Scenario{Name: "an_identity_needs_no_key", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Act(detectortest.Deed(detectortest.At(14, 3, 0), listKeys, "stranger", detectortest.Rented(0)))
			s.Call(detectortest.Chat(detectortest.At(14, 3, 20), detectortest.Rented(0)))
		}},
	)
}

const listKeys = "microsoft.cognitiveservices/accounts/listkeys/action"
