package stat

import "slices"

// Beyond the measured levels bits grow with the slope of the last of them, by
// at most maxBeyond: a tail fit says little further out. Statistics are
// surprises in bits or logarithms of ratios to the base 2: no slope is less
// than one a bit, or what benign life never had would be certain at once.
const (
	tailLevels = 3
	leastSlope = 1
	maxBeyond  = 10
)

// bitsPerUnit is the most bits that a unit of a statistic may stand for. It
// keeps what is rare in the data for want of opportunity, and not because it
// is remarkable, from being a surprise: an hour of twice the usual is none.
const bitsPerUnit = 2.5

// Interpolate is the bits of a statistic x. levels[i] is the value that is
// exceeded with probability 2^-(i+1), in ascending order; between two levels
// bits grow linearly, as those of an exponential tail do.
func Interpolate(levels []float64, x float64) float64 {
	if len(levels) == 0 {
		return 0
	}
	return min(between(levels, x), bitsPerUnit*x)
}

func between(levels []float64, x float64) float64 {
	n := len(levels)
	// The last level that x exceeds: where several are equal, the rarest.
	i, _ := slices.BinarySearchFunc(levels, x, func(level, x float64) int {
		if level < x {
			return -1
		}
		return 1
	})
	switch {
	case i == 0:
		if levels[0] <= 0 {
			return 0
		}
		return x / levels[0]
	case i < n:
		return float64(i) + (x-levels[i-1])/(levels[i]-levels[i-1])
	}
	beyond := (x - levels[n-1]) / slope(levels)
	return float64(n) + min(beyond, maxBeyond)
}

// slope is how much the statistic grows by bit at the end of the levels.
func slope(levels []float64) float64 {
	n := len(levels)
	k := min(tailLevels, n-1)
	if k == 0 {
		return leastSlope
	}
	return max((levels[n-1]-levels[n-1-k])/float64(k), leastSlope)
}
