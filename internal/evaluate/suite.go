package evaluate

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Suite is trials of one sort: seeds of their own, so that what was tuned on
// one is reported on another.
type Suite struct {
	Seed       uint64 // of the first trial; the others follow
	Trials     int
	Principals int // of a trial
	Days       int
	Campaigns  int     // of a trial
	Churn      float64 // multiple of the assumed rates of benign change
	Parallel   int     // trials at once
}

// Suites of the product's report. Calibration has seeds below 1000.
var (
	Tuning    = Suite{Seed: 2_000, Trials: 8, Principals: 84, Days: 14, Campaigns: 25, Churn: 1, Parallel: 2}
	Reporting = Suite{Seed: 7_000, Trials: 8, Principals: 84, Days: 14, Campaigns: 25, Churn: 1, Parallel: 2}
)

// Options are those of the i-th trial: campaigns of every kind and strength in turn, each on a day of the second half.
func (s Suite) Options(i int) simulate.Options {
	o := simulate.Options{Seed: s.Seed + uint64(i), Principals: s.Principals, Days: s.Days, Churn: s.Churn}
	r := rand.New(rand.NewPCG(o.Seed, 77))
	kinds := simulate.Kinds()
	strengths := []simulate.Strength{simulate.Normal, simulate.Slow, simulate.Smash, simulate.Slow}
	for n := range s.Campaigns {
		k := i*s.Campaigns + n
		o.Campaigns = append(o.Campaigns, simulate.Campaign{
			Kind:     kinds[k%len(kinds)],
			Strength: strengths[k/len(kinds)%len(strengths)],
			Day:      s.Days/2 + r.IntN(max(1, s.Days/2-3)),
		})
	}
	return o
}

// Run is all trials of the suite.
func (s Suite) Run(c engine.Config, rules ...Rule) ([]*Trial, error) {
	trials, errs := make([]*Trial, s.Trials), make([]error, s.Trials)
	var running sync.WaitGroup
	turns := make(chan struct{}, max(1, s.Parallel))
	for i := range s.Trials {
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var err error
			if trials[i], err = Try(c, s.Options(i), rules...); err != nil {
				errs[i] = fmt.Errorf("evaluate: trial with seed %d: %w", s.Seed+uint64(i), err)
			}
		})
	}
	running.Wait()
	return trials, errors.Join(errs...)
}
