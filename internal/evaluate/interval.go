package evaluate

import "math"

// Interval is an estimate and its two-sided 95 % confidence interval.
type Interval struct{ Estimate, Low, High float64 }

// z is the 97.5 % point of the standard normal distribution.
const z = 1.959963984540054

// WilsonInterval is a share of k in n with its score interval (Wilson 1927).
// Of nothing, the share is 0 and may be anything.
func WilsonInterval(k, n int) Interval {
	if n == 0 {
		return Interval{High: 1}
	}
	p, size := float64(k)/float64(n), float64(n)
	centre := (p + z*z/(2*size)) / (1 + z*z/size)
	half := z / (1 + z*z/size) * math.Sqrt(p*(1-p)/size+z*z/(4*size*size))
	return Interval{p, max(0, centre-half), min(1, centre+half)}
}

// PoissonInterval is the rate of k events in an exposure, with its exact
// interval (Garwood 1936), by bisection of the Poisson distribution.
func PoissonInterval(k int, exposure float64) Interval {
	if exposure <= 0 {
		return Interval{High: math.Inf(1)}
	}
	i := Interval{Estimate: float64(k) / exposure}
	if k > 0 {
		i.Low = mean(k-1, 0.975) / exposure
	}
	i.High = mean(k, 0.025) / exposure
	return i
}

// mean is the m for which a Poisson variable of mean m is at most k with probability p.
func mean(k int, p float64) float64 {
	low, high := 0.0, 20+4*float64(k+1)
	for range 200 {
		m := (low + high) / 2
		if atMost(k, m) > p {
			low = m
		} else {
			high = m
		}
	}
	return (low + high) / 2
}

// atMost is the probability that a Poisson variable of mean m is at most k.
func atMost(k int, m float64) float64 {
	if m == 0 {
		return 1
	}
	sum := 0.0
	for i := 0; i <= k; i++ {
		g, _ := math.Lgamma(float64(i + 1))
		sum += math.Exp(float64(i)*math.Log(m) - m - g)
	}
	return min(1, sum)
}
