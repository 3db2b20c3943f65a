package stat

import "math"

// CUSUM gathers evidence that comes in small amounts over a long time: with
// each step S ← max(0, ρ·S + min(x, most) − κ), as in Page's test (1954) but
// for the forgetting by ρ and the cap, so that one wild step proves nothing
// and an old change is not held against a principal for ever. It stays below
// (most−κ)/(1−ρ) = 300. The zero CUSUM is ready for use. It is of fixed size.
type CUSUM struct{ Sum float64 }

const (
	cusumKeep  = 0.995 // ρ: in steps of ten minutes a half-life of 23 hours
	cusumMost  = 2     // most that one step counts
	cusumSlack = 0.5   // κ: what a step may bring in the long run without being evidence
)

// Step takes in x, the evidence of one step, in bits; below zero it speaks against a change.
func (c *CUSUM) Step(x float64) {
	c.Sum = math.Max(0, cusumKeep*c.Sum+math.Min(x, cusumMost)-cusumSlack)
}

// Steps takes in n steps that all brought x, at most 0. It costs at most 600
// steps, however large n is: by then nothing is left.
func (c *CUSUM) Steps(n int64, x float64) {
	for ; n > 0 && c.Sum > 0; n-- {
		c.Step(x)
	}
}
