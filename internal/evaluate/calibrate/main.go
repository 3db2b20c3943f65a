// Calibrate measures the detectors on simulated benign life and writes the
// scale that turns their statistics into bits: detectors/scale_table.go.
// `make calibrate` runs it; it takes about two minutes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
)

// What is measured. Seeds below 1000 are the calibration's: tests and reports use others.
const (
	principals = 200
	days       = 30
	seeds      = 8
)

// churns are the assumptions on how often benign callers change their habits:
// no public data fix them, so several are pooled.
var churns = []float64{0.5, 1, 1, 2}

func main() {
	out := flag.String("o", "detectors/scale_table.go", "the file to write")
	draft := flag.Bool("draft", false, "a quarter of the data, once: good enough to go on with, not to ship")
	flag.Parse()
	if err := run(*out, *draft); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

// run measures twice, the second time with the scale of the first: what an
// open incident is about is not learned, and what makes one follows from the scale.
func run(out string, draft bool) error {
	tables, err := geo.Embedded()
	if err != nil {
		return err
	}
	config := engine.Config{Detectors: all.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices()}
	n := seeds
	if draft {
		n /= 4
	}
	measured, err := measure(config, new(detectors.Scale), n)
	if err != nil {
		return err
	}
	if !draft {
		if measured, err = measure(config, detectors.NewScale(measured.Levels()), n); err != nil {
			return err
		}
	}
	sample, err := evaluate.Measure(config, new(detectors.Scale), evaluate.Sample)
	if err != nil {
		return err
	}
	table, err := measured.Table(fmt.Sprintf("seeds 1 to %d, %d principals for %d days each,\n// with %v times the assumed churn in turn", n, principals, days, churns), sample.Fingerprint())
	if err != nil {
		return err
	}
	return os.WriteFile(out, table, 0o644)
}

// measure takes as many seeds at once as there are processors, and their days together in order.
func measure(config engine.Config, scale *detectors.Scale, seeds int) (*evaluate.Days, error) {
	all, errs := make([]*evaluate.Days, seeds), make([]error, seeds)
	var running sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range seeds {
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			all[i], errs[i] = evaluate.Measure(config, scale, simulate.Options{
				Seed: uint64(i) + 1, Principals: principals, Days: days, Churn: churns[i%len(churns)],
			})
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sum := new(evaluate.Days)
	for _, d := range all {
		sum.Add(d)
	}
	fmt.Fprintf(os.Stderr, "%d principal-days\n", sum.Count())
	return sum, nil
}
