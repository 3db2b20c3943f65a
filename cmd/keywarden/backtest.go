package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/evaluate/backtest"
)

// backtestCommand says what changed settings would have gained and lost.
type backtestCommand struct {
	Format          string              `enum:"table,jsonl" default:"table" help:"What to print: table, for people, or jsonl, one JSON object a change, for programs."`
	MinSeverity     detectors.Severity  `default:"medium" placeholder:"SEVERITY" help:"From which severity on an incident counts today: info, low, medium, high or critical (medium)."`
	ThenMinSeverity *detectors.Severity `placeholder:"SEVERITY" help:"From which severity on it would count with the change (the same as today)."`
	Present         string              `type:"existingfile" placeholder:"FILE" help:"Commands that are in force today, as JSON. A usage hub has its own."`
	Truth           string              `type:"existingfile" placeholder:"FILE" help:"True positives that are known, one a line: the id of an incident, or JSON with incident, principal or principals. Those that match no incident are named on standard error."`
	proposals

	Since time.Time `placeholder:"TIME" help:"With --from-hub: from the records on that arrived then, as 2026-11-01T00:00:00Z."`
	Until time.Time `placeholder:"TIME" help:"With --from-hub: up to those that arrived before then."`
	fromHub
	engineOptions

	Paths []string `arg:"" optional:"" name:"path" help:"Log files, or folders of them."`
}

// judging is how the files are read.
func (c *backtestCommand) judging() *judging {
	return &judging{engineOptions: c.engineOptions, Paths: c.Paths}
}

// Help is printed under --help.
func (*backtestCommand) Help() string {
	return `Judges a log twice, as it is judged today and with a change that is proposed, and prints what would have been gained and lost: incidents that would vanish, fall or rise in severity, be raised later or earlier, or appear. Known true positives come first: verdicts of true positive, in the hub or in the files of commands, and what --truth lists. The proposals are in force over the whole log.

Commands are JSON as they stand in the log, one after another or in an array:

  {"exception":{"id":"x1","resource":"/subscriptions/…/accounts/aoai-prod","networks":["203.0.113.0/24"],
   "detectors":["new-network"],"owner":"ann","reason":"the new office","expires":"2027-01-31T00:00:00Z"}}

Examples:

  keywarden backtest --change exception.json logs/
  keywarden backtest --except network=203.0.113.0/24,detector=new-network --truth truth.jsonl logs/
  keywarden backtest --without volume-surge --then-min-severity high --format jsonl archive/
  keywarden backtest --watch 198.51.100.0/24 --from-hub --since 2026-11-01T00:00:00Z`
}

// Validate refuses flags that contradict one another, and a change that is none.
func (c *backtestCommand) Validate() error {
	if c.ThenMinSeverity == nil && len(c.Change)+len(c.Except)+len(c.Decoy)+len(c.Watch)+len(c.Without) == 0 {
		return errors.New("nothing is proposed: say what would change with --change, --except, --decoy, --watch, --without or --then-min-severity")
	}
	if len(c.left()) == 0 {
		return errors.New("--without leaves no detector")
	}
	if c.FromHub {
		return c.check(c.judging(), "")
	}
	if !c.Since.IsZero() || !c.Until.IsZero() {
		return errors.New("--since and --until are of a hub: give them with --from-hub")
	}
	if len(c.Paths) == 0 {
		return errors.New("say what to read: log files, folders of them, or --from-hub")
	}
	for _, path := range c.Paths {
		if isStream(path) {
			return fmt.Errorf("%s is a stream, which can be read once only, and a log is judged twice here: keep it in a file", path)
		}
	}
	return c.judging().check("")
}

// Run prints the changes to standard output. What could not be read is an error after that.
func (c *backtestCommand) Run(ctx context.Context, std *streams) error {
	now := time.Now()
	proposed, err := c.commands(now, std)
	if err != nil {
		return usageError{err}
	}
	var present []detectors.Command
	if c.Present != "" {
		if present, err = readCommands(c.Present, detectors.TimeOf(now)); err != nil {
			return usageError{err}
		}
	}
	truth, err := c.truth(slices.Concat(present, proposed))
	if err != nil {
		return usageError{err}
	}
	before, after := backtest.Run{Least: c.MinSeverity}, backtest.Run{Least: c.MinSeverity}
	if c.ThenMinSeverity != nil {
		after.Least = *c.ThenMinSeverity
	}
	var unread error
	if c.FromHub {
		err = c.judgeHub(ctx, std, present, proposed, &truth, &before, &after)
	} else {
		unread, err = c.judgeFiles(ctx, std, present, proposed, &before, &after)
	}
	if err != nil {
		return err
	}
	result := backtest.Compare(before, after, truth)
	warnOfUnmatched(std.err, &result)
	if c.Format == "jsonl" {
		fmt.Fprintf(std.err, "%s", summaryOf(&result))
		return errors.Join(printChangeLines(std.out, result.Changes), unread)
	}
	return errors.Join(printChanges(std.out, &result), unread)
}

// truth is what is known, of a file and of verdicts.
func (c *backtestCommand) truth(commands []detectors.Command) (backtest.Truth, error) {
	var truth backtest.Truth
	if c.Truth != "" {
		file, err := os.Open(c.Truth)
		if err != nil {
			return truth, err
		}
		defer file.Close() //nolint:errcheck // it was only read
		if truth, err = backtest.ReadTruth(file); err != nil {
			return truth, fmt.Errorf("%s: %w", c.Truth, err)
		}
	}
	for i := range commands {
		if v := commands[i].Verdict; v != nil {
			truth.Learn(v)
		}
	}
	return truth, nil
}

// judgeFiles judges the files twice.
func (c *backtestCommand) judgeFiles(ctx context.Context, std *streams, present, proposed []detectors.Command, before, after *backtest.Run) (unread, err error) {
	for _, run := range []struct {
		name      string
		detectors []*detectors.Detector
		commands  []detectors.Command
		into      *backtest.Run
	}{
		{"As it is today", all.Detectors(), present, before},
		{"With the change", c.left(), slices.Concat(present, proposed), after},
	} {
		fmt.Fprintf(std.err, "%s:\n", run.name)
		store := engine.NewMemory()
		head := engine.Batch{Log: engine.Log{Rules: rulesAfter(run.commands)}}
		if err := store.Commit(ctx, &head); err != nil {
			return nil, err
		}
		if unread, err = c.judging().judge(ctx, std, engine.Config{Detectors: run.detectors, Store: store}); err != nil {
			return nil, err
		}
		if run.into.Incidents, err = store.Incidents(ctx); err != nil {
			return nil, err
		}
	}
	return unread, nil
}

// judgeHub has two judges fold the hub's log, which is read once.
func (c *backtestCommand) judgeHub(ctx context.Context, std *streams, present, proposed []detectors.Command, truth *backtest.Truth, before, after *backtest.Run) error {
	today, err := c.engine(engine.Config{Store: engine.NewMemory()})
	if err != nil {
		return err
	}
	changed, err := c.engine(engine.Config{Detectors: c.left(), Store: engine.NewMemory()})
	if err != nil {
		return err
	}
	judges := []*hubJudge{
		{name: "As it is today: ", engine: today, commands: present, ledger: engine.NewInMemory()},
		{name: "With the change: ", engine: changed, commands: slices.Concat(present, proposed), ledger: engine.NewInMemory()},
	}
	err = c.fold(ctx, std, span{c.Since, c.Until}, func(said *detectors.Command) {
		if v := said.Verdict; v != nil {
			truth.Learn(v)
		}
	}, judges...)
	if err != nil {
		return err
	}
	if before.Incidents, err = judges[0].ledger.Incidents(ctx); err != nil {
		return err
	}
	after.Incidents, err = judges[1].ledger.Incidents(ctx)
	return err
}

// summaryOf says what would change, in lines.
func summaryOf(r *backtest.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s today, %d with the change.", counted(int64(r.Before), "incident counts", "incidents count"), r.After)
	if len(r.Changes) == 0 {
		b.WriteString(" Nothing changes.")
	}
	for _, kind := range backtest.Kinds() {
		all, known := r.Count(kind)
		if all == 0 {
			continue
		}
		fmt.Fprintf(&b, " %s", counted(int64(all), happens[kind].one, happens[kind].many))
		switch {
		case known == 1 && all == 1:
			b.WriteString(" (a known true positive)")
		case known > 0:
			fmt.Fprintf(&b, " (%s)", counted(int64(known), "of them a known true positive", "of them known true positives"))
		}
		b.WriteString(".")
	}
	b.WriteString("\n")
	if r.Known > 0 {
		b.WriteString(truthOf(r))
	}
	return b.String()
}

// happens is what becomes of one incident, and of many.
var happens = map[backtest.Kind]struct{ one, many string }{
	backtest.Vanishes: {"vanishes", "vanish"},
	backtest.Falls:    {"falls in severity", "fall in severity"},
	backtest.Later:    {"is raised later", "are raised later"},
	backtest.Rises:    {"rises in severity", "rise in severity"},
	backtest.Earlier:  {"is raised earlier", "are raised earlier"},
	backtest.Appears:  {"appears", "appear"},
}

// truthOf says how many of the known true positives have an incident, in a line.
func truthOf(r *backtest.Result) string {
	var parts []string
	for _, part := range []struct {
		n         int
		one, many string
	}{
		{r.Known - r.Unseen - len(r.Unmatched), "has an incident that counts today or with the change", "have an incident that counts today or with the change"},
		{r.Unseen, "has one that is not severe enough to count either way", "have one that is not severe enough to count either way"},
		{len(r.Unmatched), "matches no incident", "match no incident"},
	} {
		if part.n > 0 {
			parts = append(parts, counted(int64(part.n), part.one, part.many))
		}
	}
	return fmt.Sprintf("%s: %s.\n", counted(int64(r.Known), "true positive is known", "true positives are known"), strings.Join(parts, ", "))
}

// warnOfUnmatched names the known true positives that match no incident.
func warnOfUnmatched(w io.Writer, r *backtest.Result) {
	if len(r.Unmatched) == 0 {
		return
	}
	fmt.Fprintf(w, "%s mistyped, of another log, or never found:\n", counted(int64(len(r.Unmatched)),
		"known true positive matches no incident, today or with the change. It may be",
		"known true positives match no incident, today or with the change. They may be"))
	for _, name := range r.Unmatched {
		fmt.Fprintf(w, "  %s\n", name)
	}
}

func printChangeLines(w io.Writer, changes []backtest.Change) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for i := range changes {
		if err := encoder.Encode(&changes[i]); err != nil {
			return err
		}
	}
	return nil
}
