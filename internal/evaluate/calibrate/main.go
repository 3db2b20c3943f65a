// Calibrate measures the detectors on simulated benign life and writes the
// scale that turns their statistics into bits: detectors/scale_table.go.
// `make calibrate` runs it; it takes some ten minutes.
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

// What is measured of simulated life. Seeds below 1000 are the calibration's:
// tests and reports use others.
const (
	principals = 200
	days       = 30
	seeds      = 8
)

// What is measured on the rhythms of production clients: so many lives of all
// that are for tuning. Their days count twice, to be about half of all.
const (
	lives     = 16
	weight    = 2
	firstLife = 501 // its seed
)

// churns are the assumptions on how often benign callers change their habits:
// no public data fix them, so several are pooled.
var churns = []float64{0.5, 1, 1, 2}

func main() {
	out := flag.String("o", "detectors/scale_table.go", "the file to write")
	servegen := flag.String("servegen", "", "the folder with ServeGen's clients")
	draft := flag.Bool("draft", false, "a quarter of the data: good enough to go on with, not to ship")
	flag.Parse()
	if err := run(*out, *servegen, *draft); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

// run measures twice, the second time with the scale of the first: what an
// open incident is about is not learned, and what makes one follows from the scale.
func run(out, servegen string, draft bool) error {
	if servegen == "" {
		return errors.New("-servegen: name the folder with ServeGen's clients; half of the scale is measured on their rhythms")
	}
	clients, err := evaluate.ReadServeGen(servegen, evaluate.Tuning.Days)
	if err != nil {
		return err
	}
	tables, err := geo.Embedded()
	if err != nil {
		return err
	}
	config := engine.Config{Detectors: all.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices()}
	part := 1
	if draft {
		part = 4
	}
	lived := samples(clients.Tuning, part)
	measured, err := measure(config, new(detectors.Scale), lived)
	if err != nil {
		return err
	}
	if measured, err = measure(config, detectors.NewScale(measured.Levels()), lived); err != nil {
		return err
	}
	sample, err := evaluate.Measure(config, new(detectors.Scale), evaluate.Sample)
	if err != nil {
		return err
	}
	table, err := measured.Table(fmt.Sprintf("seeds 1 to %d, %d principals for %d days each,\n// and twice %d lives of %d production clients (ServeGen) for %d days,\n// with %v times the assumed churn in turn",
		seeds/part, principals, days, lives/part, len(clients.Tuning), evaluate.Tuning.Days, churns), sample.Fingerprint())
	if err != nil {
		return err
	}
	return os.WriteFile(out, table, 0o644)
}

// sample is a benign life, and how often its days count.
type sample struct {
	simulate.Options
	weight int
}

// samples are the lives to be measured, or one part of them.
func samples(rhythms []simulate.Rhythm, part int) []sample {
	var all []sample
	for i := range seeds / part {
		all = append(all, sample{simulate.Options{
			Seed: uint64(i) + 1, Principals: principals, Days: days, Churn: churns[i%len(churns)],
		}, 1})
	}
	suite := evaluate.Tuning.Over(rhythms)
	for i := range lives / part {
		suite.Churn = churns[i%len(churns)]
		options := suite.Options(0)
		options.Seed = uint64(i) + firstLife
		all = append(all, sample{options, weight})
	}
	return all
}

// measure takes as many samples at once as there are processors, and their days together in order.
func measure(config engine.Config, scale *detectors.Scale, samples []sample) (*evaluate.Days, error) {
	all, errs := make([]*evaluate.Days, len(samples)), make([]error, len(samples))
	var running sync.WaitGroup
	turns := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, s := range samples {
		running.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			all[i], errs[i] = evaluate.Measure(config, scale, s.Options)
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	sum := new(evaluate.Days)
	for i, d := range all {
		for range samples[i].weight {
			sum.Add(d)
		}
	}
	fmt.Fprintf(os.Stderr, "%d principal-days\n", sum.Count())
	return sum, nil
}
