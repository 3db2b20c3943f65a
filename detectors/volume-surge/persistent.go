package volumesurge

import (
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

const (
	window     = 10 * detectors.Minute
	perHour    = int64(detectors.Hour / window)
	perDay     = int64(detectors.Day / window)
	sumSlack   = 5             // evidence added to both sides of its ratio
	learnAfter = detectors.Day // younger profiles know no mean
	totalSlack = 3.0           // requests in a window added to both sides of their ratio
	apartSlack = 0.5           // the same for foreign ones
)

// series is the persistent evidence of one sort of requests.
type series struct {
	Count   float64    // requests in the open window
	Sum     stat.CUSUM // over the windows before
	Begun   int64      // window in which Sum last rose from 0
	Since   float64    // requests since Begun
	High    float64    // highest Sum of the day
	Highest stat.Peak  // highest Sum of the days before
}

// persistent counts a request and, where it begins a window, judges the windows before.
func (own *state) persistent(before *detectors.Profile, t detectors.Time, standing detectors.Standing) surge {
	var most surge
	if now := int64(t / window); now > own.Window {
		if own.Window != 0 && before.Age(t) >= learnAfter {
			most = own.close(before, t, now)
		}
		if now/perDay > own.Window/perDay {
			own.All.turn(own.Window, before.Guarded)
			own.Foreign.turn(own.Window, before.Guarded)
		}
		own.Window, own.All.Count, own.Foreign.Count = now, 0, 0
	}
	own.All.Count++
	if standing == detectors.Foreign {
		own.Foreign.Count++
	}
	return most
}

// close takes in the open window and the empty ones until window now.
func (own *state) close(before *detectors.Profile, t detectors.Time, now int64) surge {
	mean := math.Max(before.Total(detectors.Requests).Mean, before.UsualHour(t))
	foreign := before.Apart(detectors.Requests, detectors.Foreign).Mean
	if own.Foreign.Count > 0 || own.Foreign.Sum.Sum > 0 {
		foreign += before.Displaced(t) * mean
	}
	var most surge
	if own.All.close(own.Window, now, mean/float64(perHour), totalSlack) {
		most = own.All.judge(before, t, now, "volume-surge/persistent", mean)
	}
	if own.Foreign.close(own.Window, now, foreign/float64(perHour), apartSlack) {
		apart := own.Foreign.judge(before, t, now, "volume-surge/foreign-persistent", foreign)
		if apart.apart = true; apart.bits > most.bits {
			return apart
		}
	}
	return most
}

// close takes in the open window and the empty ones until window now. usual is
// what a window usually brings. It reports whether the open window added to the
// evidence: what happened before it was judged then.
func (s *series) close(open, now int64, usual, slack float64) bool {
	before := s.Sum.Sum
	if s.Count == 0 && before == 0 {
		return false
	}
	if s.Sum.Sum == 0 {
		s.Begun, s.Since = open, 0
	}
	s.Since += s.Count
	s.Sum.Step(math.Log2((s.Count + slack) / (usual + slack)))
	added := s.Sum.Sum > before
	s.High = math.Max(s.High, s.Sum.Sum)
	s.Sum.Steps(now-open-1, math.Log2(slack/(usual+slack)))
	return added
}

// turn ends the day of window last. What an open incident is about is not learned as usual.
func (s *series) turn(last int64, guarded bool) {
	if !guarded {
		s.Highest.Learn(last/perHour, s.High)
	}
	s.High = s.Sum.Sum
}

func (s *series) judge(before *detectors.Profile, t detectors.Time, now int64, test string, usualHour float64) surge {
	hours := float64(now-s.Begun) / float64(perHour)
	return surge{
		bits:       before.Bits(test, t, stat.Above(s.Sum.Sum, s.Highest.Max, sumSlack)),
		persistent: true, hours: hours, observed: s.Since, usual: usualHour * hours,
	}
}
