package watchlist

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "a_watched_network", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 7, 10, detectortest.Office)
			s.Fires(20, func() { s.Call(detectortest.Chat(detectortest.At(7, 3, 0), watched(detectortest.Rented(0)))) })
		}},
		detectortest.Scenario{Name: "a_network_that_it_always_used", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 7, 10, detectortest.Office)
			s.Fires(20, func() { s.Call(detectortest.Chat(detectortest.At(7, 3, 0), watched(detectortest.Office))) })
		}},
		detectortest.Scenario{Name: "a_neighbour", Below: 3, Play: func(s *detectortest.Script) {
			s.Call(detectortest.Chat(detectortest.At(0, 3, 0), detectortest.Rented(1)))
		}},
		detectortest.Scenario{Name: "an_ordinary_day", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 3, 10, detectortest.Office)
		}},
	)
}

func watched(n detectors.Network) detectors.Network {
	n.Watched = "seen in an incident elsewhere"
	return n
}
