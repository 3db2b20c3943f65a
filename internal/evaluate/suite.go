package evaluate

import (
	"context"
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
	Name       string // "reporting" has seeds that nothing was tuned on
	Seed       uint64 // of the first trial; the others follow
	Trials     int
	Principals int // of a trial
	Days       int
	Campaigns  int                // of a trial
	Kinds      []string           // of campaigns; all where nil
	Mix        map[string]float64 // of archetypes, as in simulate.Options
	Churn      float64            // multiple of the assumed rates of benign change
	Parallel   int                // trials at once

	Rhythms []simulate.Rhythm // of real clients; nil: of the simulation's own
}

// Suites of the product's report. Calibration has seeds below 1000.
var (
	Tuning    = Suite{Name: "tuning", Seed: 2_000, Trials: 12, Principals: 84, Days: 14, Campaigns: 25, Churn: 1, Parallel: 2}
	Reporting = Suite{Name: "reporting", Seed: 18_000, Trials: 12, Principals: 84, Days: 14, Campaigns: 25, Churn: 1, Parallel: 2}
)

// strengths of campaigns, in turn: the hidden ones twice as often.
var strengths = []simulate.Strength{simulate.Normal, simulate.Slow, simulate.Smash, simulate.Slow}

// Options are those of the i-th trial: campaigns of every kind and strength in turn, each on a day of the second half.
func (s Suite) Options(i int) simulate.Options {
	o := simulate.Options{Seed: s.Seed + uint64(i), Principals: s.Principals, Days: s.Days, Churn: s.Churn, Mix: s.Mix, Rhythms: s.Rhythms}
	r := rand.New(rand.NewPCG(o.Seed, 77))
	kinds := s.Kinds
	if kinds == nil {
		kinds = simulate.Kinds()
	}
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

// Check says what is wrong with the suite, without running it.
func (s Suite) Check() error {
	for i := range s.Trials {
		if err := s.Options(i).Check(); err != nil {
			return fmt.Errorf("trial %d: %w", i+1, err)
		}
	}
	return nil
}

// Run is all trials of the suite.
func (s Suite) Run(ctx context.Context, c engine.Config, rules ...Rule) ([]*Trial, error) {
	options := make([]simulate.Options, s.Trials)
	for i := range options {
		options[i] = s.Options(i)
	}
	return runAll(ctx, c, options, s.Parallel, rules...)
}

// runAll tries so many at once, and hands the trials back in order.
func runAll(ctx context.Context, c engine.Config, options []simulate.Options, parallel int, rules ...Rule) ([]*Trial, error) {
	trials, errs := make([]*Trial, len(options)), make([]error, len(options))
	var running sync.WaitGroup
	turns := make(chan struct{}, max(1, parallel))
	for i, o := range options {
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			var err error
			if trials[i], err = Try(ctx, c, o, rules...); err != nil {
				errs[i] = fmt.Errorf("evaluate: trial with seed %d: %w", o.Seed, err)
			}
		})
	}
	running.Wait()
	return trials, errors.Join(errs...)
}
