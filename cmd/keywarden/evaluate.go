package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/evaluate/peers"
	"github.com/keywarden/keywarden/internal/evaluate/writeup"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
)

// evaluateCommand measures how much is found, and how much is false.
type evaluateCommand struct {
	Suite      string  `enum:"reporting,tuning" default:"reporting" help:"Whose seeds: reporting has those that nothing was tuned on; tuning is for trying changes."`
	Trials     *int    `placeholder:"N" help:"How many runs (12)."`
	Principals *int    `placeholder:"N" help:"How many callers a run has (84)."`
	Days       *int    `placeholder:"N" help:"How many days a run is long (14)."`
	Campaigns  *int    `placeholder:"N" help:"How many campaigns are laid over a run (25)."`
	Churn      float64 `default:"1" help:"How often benign callers change their place and habits, as a multiple of what is assumed."`
	Sweep      bool    `default:"true" negatable:"" help:"Hold what the detectors promise against benign life at several churns."`
	ServeGen   string  `name:"servegen" type:"existingdir" placeholder:"DIR" help:"ServeGen's clients: their rhythms are the background of trials of their own."`

	Format  string `enum:"table,jsonl" default:"table" help:"What to print: table, for people, or jsonl, one JSON object a line, for programs."`
	Report  string `placeholder:"DIR" help:"Write index.html, which stands alone, and evaluation.md with its charts into a folder."`
	Workers int    `default:"0" help:"How many runs at the same time; 0 is one for each CPU. The figures are the same."`
}

// Help is printed under --help.
func (*evaluateCommand) Help() string {
	return `Simulates life with campaigns of abuse laid over it, judges it, and compares what is found with what happened: by campaign, strength and archetype; what each detector adds; how the published and the usual hand-written rules do on the same events. All comes with counts and 95 % intervals. The same options give the same figures.

Examples:

  keywarden evaluate                                    the product's own report: minutes
  keywarden evaluate --suite tuning --trials 2 --no-sweep
  keywarden evaluate --report build/evaluation --servegen ../shared/data/servegen
  keywarden evaluate --format jsonl | jq 'select(.kind == "campaign")'`
}

// Validate refuses what no run can have.
func (c *evaluateCommand) Validate() error {
	for _, option := range []struct {
		name  string
		value *int
	}{{"trials", c.Trials}, {"principals", c.Principals}, {"days", c.Days}, {"campaigns", c.Campaigns}} {
		if option.value != nil && *option.value < 1 {
			return fmt.Errorf("--%s %d: choose 1 or more, or leave it out", option.name, *option.value)
		}
	}
	switch {
	case c.Churn < 0:
		return fmt.Errorf("--churn %v: choose 0 or more", c.Churn)
	case c.Workers < 0:
		return fmt.Errorf("--workers %d: write how many, or 0 for one for each CPU", c.Workers)
	}
	return nil
}

// suite is the trials that are asked for.
func (c *evaluateCommand) suite() evaluate.Suite {
	s := evaluate.Reporting
	if c.Suite == "tuning" {
		s = evaluate.Tuning
	}
	for _, option := range []struct{ of, value *int }{{&s.Trials, c.Trials}, {&s.Principals, c.Principals}, {&s.Days, c.Days}, {&s.Campaigns, c.Campaigns}} {
		if option.value != nil {
			*option.of = *option.value
		}
	}
	if s.Churn = c.Churn; s.Churn == 0 {
		s.Churn = -1 // none at all, to simulate
	}
	s.Parallel = c.parallel()
	return s
}

func (c *evaluateCommand) parallel() int {
	if c.Workers > 0 {
		return c.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Run prints the report to standard output.
func (c *evaluateCommand) Run(ctx context.Context, std *streams) error {
	in, err := c.measure(ctx, std)
	if err != nil {
		return err
	}
	if c.Report != "" {
		if err := writeup.New(*in).Write(c.Report); err != nil {
			return err
		}
		fmt.Fprintf(std.err, "The report is in %s/index.html\n", strings.TrimSuffix(c.Report, "/"))
	}
	if c.Format == "jsonl" {
		return writeup.WriteLines(std.out, *in)
	}
	return printDocument(std.out, writeup.New(*in))
}

// measure runs all trials that are asked for.
func (c *evaluateCommand) measure(ctx context.Context, std *streams) (*writeup.Input, error) {
	tables, err := geo.Embedded()
	if err != nil {
		return nil, err
	}
	config := engine.Config{Detectors: all.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices()}
	suite, rules := c.suite(), peers.Rules()
	if err := suite.Check(); err != nil {
		return nil, usageError{err}
	}
	in := new(writeup.Input)
	begun := time.Now()
	step := func(what string) {
		fmt.Fprintf(std.err, "%s after %v\n", what, time.Since(begun).Round(time.Second))
	}
	if in.Simulated, err = evaluate.Run(ctx, config, suite, rules...); err != nil {
		return nil, err
	}
	step(fmt.Sprintf("%s on simulated life", counted(int64(suite.Trials), "trial", "trials")))
	if c.ServeGen != "" {
		clients, err := evaluate.ReadServeGen(c.ServeGen, suite.Days)
		if err != nil {
			return nil, err
		}
		rhythms := clients.Reporting
		if c.Suite == "tuning" {
			rhythms = clients.Tuning
		}
		if in.Production, err = evaluate.Run(ctx, config, suite.Over(rhythms), rules...); err != nil {
			return nil, err
		}
		step(fmt.Sprintf("the rhythms of %s", counted(int64(len(rhythms)), "client", "clients")))
	}
	if c.Sweep {
		sweep := evaluate.Benign
		sweep.Parallel = c.parallel()
		if in.Promise, err = sweep.Run(ctx, config); err != nil {
			return nil, err
		}
		step("benign life at every churn")
	}
	return in, nil
}
