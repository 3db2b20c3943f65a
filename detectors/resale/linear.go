package resale

import "math"

// linear is how many distinct values set so many of 256 bits, most likely
// (linear counting, Whang et al. 1990).
var linear = func() (counts [257]float64) {
	for n := range counts {
		counts[n] = 256 * math.Log(256/math.Max(256-float64(n), 1))
	}
	return counts
}()
