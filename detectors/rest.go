package detectors

import "math"

const (
	restSpan = 2   // hours before and after that belong to one time of day
	restCall = 0.5 // calls that an hour of the week must usually bring to count as used
)

// Rest is how seldom the principal is used about the time of day of t, in bits:
// minus log2 of the share of the days of the week with calls, of which some
// were then. It is next to 0 for a principal that is used at any time, and two at
// most while it was seen on one day.
func (p *Profile) Rest(t Time) float64 {
	hour := cycle(int64(t/Hour), 24)
	days, then := 0.0, 0.0
	for day := range int64(7) {
		used, near := false, false
		for h := range int64(24) {
			if p.Week[day*24+h] < restCall {
				continue
			}
			used = true
			if away := cycle(h-hour+12, 24) - 12; away >= -restSpan && away <= restSpan {
				near = true
			}
		}
		if used {
			days++
		}
		if near {
			then++
		}
	}
	const seen, unseen = 0.3, 0.6 // days added to both
	return math.Max(0, -math.Log2((then+seen)/(days+unseen)))
}
