package impossibletravel

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	both := func(s *detectortest.Script) {
		for minute := range 30 {
			s.Call(detectortest.Chat(detectortest.At(14, 10, 2*minute), detectortest.Office))
			s.Call(detectortest.Chat(detectortest.At(14, 10, 2*minute+1), at("JP")))
		}
	}
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "in_europe_and_in_asia_at_once", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Office)
			s.Fires(6, func() { both(s) })
		}},
		detectortest.Scenario{Name: "a_key_is_many_peoples", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Office)
			both(s)
		}},
		detectortest.Scenario{Name: "a_trip_with_a_flight_between", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Office)
			s.Working(14, 17, 20, at("JP"))
			s.Working(17, 19, 20, detectortest.Office)
		}},
		detectortest.Scenario{Name: "across_a_near_border", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Office)
			s.Working(14, 16, 20, detectortest.Office, at("NL"))
		}},
		detectortest.Scenario{Name: "a_second_region_of_the_cloud", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Backend(0))
			region := at("US")
			region.Kind = detectors.Azure
			s.Working(14, 16, 20, detectortest.Backend(0), region)
		}},
		detectortest.Scenario{Name: "an_application_at_many_places", Below: 3, Kind: detectors.EntraObject, Play: func(s *detectortest.Script) {
			places := []detectors.Network{detectortest.Office, at("JP"), at("US"), at("BR"), at("AU")}
			s.Always(0, 7, 6, places...)
			for day := 7; day < 14; day++ {
				s.Always(day, day+1, 6, append(places, at([]string{"IN", "ZA", "KR", "MX", "CL", "TH", "NG"}[day-7]))...)
			}
		}},
	)
}

// at is a home in a country.
func at(country string) detectors.Network {
	n := detectortest.User(int(country[0])*256 + int(country[1]))
	n.Country = detectors.Country{country[0], country[1]}
	return n
}

// The owner's next call may be what shows it: the journey is the stranger's all the same.
func TestDetector_accuses_who_is_away(t *testing.T) {
	p := detectors.Profile{Principal: detectors.Principal{Kind: detectors.EntraObject}}
	memory := Detector.NewMemory()
	var found []detectors.Finding
	call := func(c detectors.Call) {
		if f, ok := Detector.Observe(&p, &c, memory); ok {
			found = append(found, f)
		}
		p.Learn(&c, false)
	}
	for day := range 14 {
		call(detectortest.Chat(detectortest.At(day, 10, 0), detectortest.Office))
	}
	call(detectortest.Chat(detectortest.At(14, 9, 59), detectortest.Office))
	for minute := range 4 { // the second journey of the day is the first that counts: the owner's
		call(detectortest.Chat(detectortest.At(14, 10, 2*minute), at("JP")))
		call(detectortest.Chat(detectortest.At(14, 10, 2*minute+1), detectortest.Office))
	}
	if len(found) == 0 {
		t.Fatal("nobody is in two places")
	}
	byOwner := 0
	for _, f := range found {
		owner := f.Observed["country"] == detectortest.Office.Country.String()
		if owner {
			byOwner++
		}
		if f.Hand != detectors.StrangeHand || owner != (len(f.Networks) == 0) {
			t.Errorf("at %v hand %v is accused, and %v", f.Time, f.Hand, f.Networks)
		}
	}
	if byOwner == 0 {
		t.Errorf("no call of the owner shows it: %+v", found)
	}
}
