package stat

import "math"

// Rate counts something rare by the day. It tells how surprising one more is,
// by the principal's own rate. The zero Rate has seen nothing. It is of fixed
// size.
type Rate struct {
	Day   int64   // the latest day counted, since 1970
	Today float64 // how many on that day
	Past  float64 // how many on the days before it, forgotten with half-life rateHalfLife
}

const rateHalfLife = 30 // days

// Add counts one more on a day (days since 1970); a day before the latest counts as the latest.
func (r *Rate) Add(day int64) {
	r.turn(day)
	r.Today++
}

func (r *Rate) turn(day int64) {
	if day > r.Day {
		r.Past = (r.Past + r.Today) * math.Exp2(-float64(day-r.Day)/rateHalfLife)
		r.Day, r.Today = day, 0
	}
}

// Surprise is minus log2 of the chance that a day brings as many as this one
// does when one more comes, over the days that the principal is known for.
// They come in bursts, so the tail is not a geometric one: P(K >= k) = λ/(λ+k)
// with the rate λ = (Past+prior)/(days+1) of the days before.
func (r *Rate) Surprise(day int64, days, prior float64) float64 {
	past, today := r.Past, r.Today
	if day > r.Day {
		past = (past + today) * math.Exp2(-float64(day-r.Day)/rateHalfLife)
		today = 0
	}
	return math.Log2(1 + (today+1)*(days+1)/(past+prior))
}
