package volumesurge

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

// The attacks are those of a public evaluation of volume detectors, over bursty
// benign traffic. A day in eight may have a finding of three bits by the promise of
// the scale, so no near-miss is held to less than that.
func TestDetector(t *testing.T) {
	thief := func(minute int) detectors.Call {
		return detectortest.Chat(detectortest.At(14, 1, minute), detectortest.Rented(0))
	}
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "smash", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			s.Fires(4, func() { s.Burst(thief(0), 3389, 10*detectors.Minute) })
		}},
		detectortest.Scenario{Name: "sustained", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			s.Fires(4, func() { s.Burst(thief(0), 300*6*2, 2*detectors.Hour) })
		}},
		detectortest.Scenario{Name: "ramp", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			s.Fires(4, func() {
				for window := range 30 {
					s.Burst(thief(10*window), 10+window*14, 10*detectors.Minute)
				}
			})
		}},
		detectortest.Scenario{Name: "low_and_slow", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			s.Fires(3, func() { s.Burst(thief(0), 30*6*12, 12*detectors.Hour) })
		}},
		detectortest.Scenario{Name: "trickle", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			s.Fires(3, func() { s.Burst(thief(0), 3*6*22, 22*detectors.Hour) })
		}},
		detectortest.Scenario{Name: "huge_prompts", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			huge := thief(0)
			huge.Tokens.Prompt = 250_000
			s.Fires(4, func() { s.Burst(huge, 51, detectors.Hour) })
		}},
		detectortest.Scenario{Name: "tokens_come_later", Below: 3, Play: func(s *detectortest.Script) {
			bursty(s, 0, 14)
			s.Fires(4, func() {
				for i := range 40 {
					c := thief(i)
					c.Tokens = detectors.Tokens{}
					s.Call(c)
					s.Usage(detectors.Usage{Time: c.Time, Class: c.Class, Tokens: detectors.Tokens{Prompt: 300_000, Known: true}, From: c.From})
				}
			})
		}},
		detectortest.Scenario{Name: "sustained_from_its_own_network_over_the_weekend", Below: 4, Play: func(s *detectortest.Script) {
			s.Working(0, 21, 60, detectortest.Office)
			s.Fires(3, func() {
				s.Burst(detectortest.Chat(detectortest.At(19, 0, 0), detectortest.Office), 150*24, detectors.Day)
			})
		}},
		detectortest.Scenario{Name: "office_moves_to_another_provider", Below: 4, Play: func(s *detectortest.Script) {
			s.Working(0, 21, 60, detectortest.Office)
			s.Working(21, 23, 60, detectortest.User(3))
		}},
		detectortest.Scenario{Name: "nightly_batch_runs_twice", Below: 3, Play: func(s *detectortest.Script) {
			for day := range 15 {
				s.Burst(detectortest.Chat(detectortest.At(day, 1, 0), detectortest.Backend(0)), 600, detectors.Hour)
			}
			s.Burst(detectortest.Chat(detectortest.At(14, 3, 0), detectortest.Backend(0)), 600, detectors.Hour)
		}},
		detectortest.Scenario{Name: "five_percent_more_each_day", Below: 3, Play: func(s *detectortest.Script) {
			n := 8.0
			for day := range 30 {
				s.Always(day, day+1, int(n), detectortest.Backend(0))
				n *= 1.05
			}
		}},
		detectortest.Scenario{Name: "business_trip", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 20, detectortest.Office, detectortest.Home)
			s.Working(14, 17, 20, detectortest.User(9))
		}},
	)
}

// bursty plays days in which nine hours of ten are empty, and the others wild.
func bursty(s *detectortest.Script, first, last int) {
	r := rand.New(rand.NewPCG(7, 7))
	for day := first; day < last; day++ {
		for hour := range 24 {
			if r.IntN(10) == 0 {
				s.Burst(detectortest.Chat(detectortest.At(day, hour, 0), detectortest.Backend(0)), 20+r.IntN(500), detectors.Hour)
			}
		}
	}
}

// TestDetector_tells_whose_volume_it_is: most calls are the owner's, and so is
// the one that closes a window; what is said of strangers is still about them.
func TestDetector_tells_whose_volume_it_is(t *testing.T) {
	p := &detectors.Profile{}
	memory := Detector.NewMemory()
	strange := 0
	play := func(at detectors.Time, from detectors.Network) {
		c := detectortest.Chat(at, from)
		p.Advance(at)
		f, found := Detector.Observe(p, &c, memory)
		p.Learn(&c, false)
		if !found || at < detectortest.At(10, 0, 0) {
			return
		}
		if apart := strings.Contains(f.Summary, "that it does not use"); apart != (f.Hand == detectors.StrangeHand) {
			t.Errorf("hand %d: %s", f.Hand, f.Summary)
		} else if apart {
			strange++
		}
	}
	for minute := range 12 * 24 * 60 {
		at := detectortest.At(0, 0, 0) + detectors.Time(minute)*detectors.Minute
		play(at, detectortest.Backend(0))
		if at >= detectortest.At(10, 0, 0) && minute%5 == 0 {
			play(at+detectors.Second, detectortest.Rented(0))
		}
	}
	if strange == 0 {
		t.Error("nothing was said of the strangers")
	}
}
