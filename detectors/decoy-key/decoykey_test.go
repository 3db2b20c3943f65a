package decoykey

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "one_call_is_enough", Below: 3, Decoy: true, Play: func(s *detectortest.Script) {
			s.Fires(20, func() { s.Call(detectortest.Chat(detectortest.At(0, 3, 0), detectortest.Rented(0))) })
		}},
		detectortest.Scenario{Name: "refused_calls_too", Below: 3, Decoy: true, Play: func(s *detectortest.Script) {
			s.Fires(20, func() {
				c := detectortest.Chat(detectortest.At(0, 3, 0), detectortest.Rented(0))
				c.Status = 401
				s.Call(c)
			})
		}},
		detectortest.Scenario{Name: "no_decoy", Below: 3, Play: func(s *detectortest.Script) {
			s.Call(detectortest.Chat(detectortest.At(0, 3, 0), detectortest.Rented(0)))
		}},
		detectortest.Scenario{Name: "a_peer_of_the_decoy", Below: 3, Decoy: true, Play: func(s *detectortest.Script) {
			s.Peer(detectors.EntraObject, 0, detectortest.Chat(detectortest.At(0, 3, 0), detectortest.Rented(0)))
		}},
	)
}
