package detectors

import "math"

// Busier is how many times more calls the hour or the day has, with the one that
// is judged at t, than the busiest hour or the mean of the days with calls so far,
// at least 1: in so much more, more of everything is met.
func (p *Profile) Busier(t Time) float64 {
	hour := (p.minutes.hour.Total(Requests) + 1) / math.Max(1, p.total[Requests].Max)
	return math.Max(1, math.Max(hour, p.Daily.busier(t)))
}

// Daily is the calls of the days with any.
type Daily struct {
	Day   int64   // the latest, since 1970
	Today float64 // calls on that day
	Mean  float64 // calls of the days before
	Days  float64 // how many days Mean is of, at most dailyDays
}

// dailyDays is how many days Mean looks back on.
const dailyDays = 14

// learn counts a call; one of an earlier day counts to the latest.
func (d *Daily) learn(t Time) {
	if day := int64(t / Day); day > d.Day {
		if d.Today > 0 {
			d.Days = math.Min(d.Days+1, dailyDays)
			d.Mean += (d.Today - d.Mean) / d.Days
		}
		d.Day, d.Today = day, 0
	}
	d.Today++
}

// busier is how many times the calls of the mean day that of t has had.
func (d *Daily) busier(t Time) float64 {
	if int64(t/Day) != d.Day || d.Days == 0 {
		return 1
	}
	return (d.Today + 1) / math.Max(1, d.Mean)
}

// Habit is how far the calls so far make a habit of as many values as were met
// in them, in bits: minus log2 of the share of calls that brought one. Of whom
// few calls are known, nothing new is surprising.
func (p *Profile) Habit(values int) float64 {
	return math.Max(0, math.Log2(p.Calls/math.Max(1, float64(values))))
}
