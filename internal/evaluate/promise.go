package evaluate

import (
	"context"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Sweep is benign life without a campaign, at several rates of change.
type Sweep struct {
	Seed       uint64 // of the first churn; the others follow
	Principals int
	Days       int
	Churns     []float64 // multiples of the assumed rates of benign change
	Parallel   int       // trials at once
}

// Benign is the sweep of the product's report.
var Benign = Sweep{Seed: 7_500, Principals: 100, Days: 30, Churns: []float64{0.25, 0.5, 1, 2, 4}, Parallel: 2}

// Promise is what the detectors' bits and the ladder's budget promise, against
// what came true on benign life that they were not measured on.
type Promise struct {
	Sweep     Sweep
	Days      int        // principal-days
	Realised  []Realised // a detector each
	Incidents []Churned  // a churn each
}

// Realised is on how many principal-days a detector said so much.
type Realised struct {
	Detector string
	Days     []int // with a finding of as many bits as the index, or more
}

// Churned is the incidents of medium severity and above at one churn: all of them false.
type Churned struct {
	Churn  float64
	False  int
	Months float64
}

// mostBits is the most that Realised has: beyond, there are too few days to count.
const mostBits = 12

// Run judges the lives of the sweep.
func (s Sweep) Run(ctx context.Context, c engine.Config) (*Promise, error) {
	options := make([]simulate.Options, len(s.Churns))
	for i, churn := range s.Churns {
		options[i] = simulate.Options{Seed: s.Seed + uint64(i), Principals: s.Principals, Days: s.Days, Churn: churn}
	}
	trials, err := runAll(ctx, c, options, s.Parallel)
	if err != nil {
		return nil, err
	}
	p := &Promise{Sweep: s}
	for _, d := range c.Detectors {
		p.Realised = append(p.Realised, Realised{d.ID, make([]int, mostBits+1)})
	}
	for i, t := range trials {
		p.Days += t.Days
		p.Incidents = append(p.Incidents, Churned{s.Churns[i], len(Alarms(t.Incidents, detectors.Medium)), t.Months})
		most := t.loudest()
		for j := range p.Realised {
			r := &p.Realised[j]
			for _, bits := range most[r.Detector] {
				for b := 0; b <= mostBits && float64(b) <= bits; b++ {
					r.Days[b]++
				}
			}
		}
	}
	return p, nil
}

// loudest is, by detector, the most bits that it said on each principal-day.
func (t *Trial) loudest() map[string]map[principalDay]float64 {
	all := map[string]map[principalDay]float64{}
	for i := range t.Sayings {
		s := &t.Sayings[i]
		if all[s.Detector.ID] == nil {
			all[s.Detector.ID] = map[principalDay]float64{}
		}
		key := principalDay{s.Principal, s.Finding.Time / detectors.Day}
		all[s.Detector.ID][key] = max(all[s.Detector.ID][key], s.Finding.Bits)
	}
	return all
}

// Rate is the share of principal-days with a finding of b bits or more, with its interval.
func (p *Promise) Rate(r *Realised, b int) Interval { return WilsonInterval(r.Days[b], p.Days) }

// Broken is the least number of bits whose promise, on at most 2^-b of the
// days, the detector breaks beyond the error of the sample; 0 where it keeps all.
func (p *Promise) Broken(r *Realised) int {
	for b := 1; b <= mostBits; b++ {
		if p.Rate(r, b).Low > math.Exp2(-float64(b)) {
			return b
		}
	}
	return 0
}
