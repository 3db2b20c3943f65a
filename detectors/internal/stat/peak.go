package stat

import "math"

// Peak is the highest of many values, forgotten with a half-life of 14 days.
// The zero Peak has seen nothing. It is of fixed size.
type Peak struct {
	Hour int64 // of the latest value, since 1970
	Max  float64
}

const peakHalfLife = 14 * 24 // hours

// Learn takes in x, the value of an hour (hours since 1970).
func (p *Peak) Learn(hour int64, x float64) {
	if hour > p.Hour {
		p.Max *= math.Exp2(-float64(hour-p.Hour) / peakHalfLife)
		p.Hour = hour
	}
	p.Max = math.Max(p.Max, x)
}

// Above is by how many bits x exceeds peak: log2 of their ratio, both raised
// by slack, so that small numbers do not jump. It is 0 where x is not higher.
func Above(x, peak, slack float64) float64 {
	if x <= peak {
		return 0
	}
	return math.Log2((x + slack) / (peak + slack))
}
