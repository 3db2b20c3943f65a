package main

import (
	"context"
	"errors"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// replayCommand judges logs and prints the incidents.
type replayCommand struct {
	Format      string             `enum:"table,jsonl" default:"table" help:"What to print: table, for people, or jsonl, one JSON object a line, for programs."`
	Store       storeName          `placeholder:"sqlite:PATH" help:"Keep what is learned and found in an SQLite file. Without it, everything is in memory."`
	MinSeverity detectors.Severity `default:"info" placeholder:"SEVERITY" help:"Print incidents from this severity on: info, low, medium, high or critical."`
	fromHub
	judging
}

// Help is printed under --help.
func (*replayCommand) Help() string {
	return `Judges logs as production would have, by the time in the records, and prints every incident in its final state. It reads what Azure writes: envelopes, single records or arrays, JSON or one object a line, plain or gzip. A folder holds *.json, *.ndjson or *.log, each also as .gz, in any depth; Azure's archives are merged by hour over all resources.

Into a kept store, a file that was taken in before adds nothing: run it again after an interruption, or over a folder that gets new files.

Examples:

  keywarden replay logs/
  keywarden replay --format jsonl --min-severity high logs/ | jq .title
  keywarden replay --store sqlite:keywarden.db insights-logs-requestresponse/
  zcat *.gz | keywarden replay -
  keywarden replay --from-hub --eventhub NAME.servicebus.windows.net --usage-hub usage`
}

// Validate refuses flags that contradict one another.
func (c *replayCommand) Validate() error {
	if c.FromHub {
		return c.fromHub.check(&c.judging, c.Store)
	}
	return c.judging.check(c.Store)
}

// Run prints the incidents to standard output, also those of a kept store that
// were there before. What could not be read is an error after that.
func (c *replayCommand) Run(ctx context.Context, std *streams) error {
	if c.FromHub {
		found, err := c.replayHub(ctx, std, &c.engineOptions)
		if err != nil {
			return err
		}
		return printIncidents(std.out, c.Format, c.loud(found))
	}
	return c.Store.with(ctx, func(store engine.Store) error {
		unread, err := c.judge(ctx, std, engine.Config{Store: store})
		if err != nil {
			return err
		}
		incidents, err := store.Incidents(ctx)
		if err != nil {
			return err
		}
		return errors.Join(printIncidents(std.out, c.Format, c.loud(incidents)), unread)
	})
}

// loud are the incidents that are to be printed.
func (c *replayCommand) loud(all []*incident.Incident) []*incident.Incident {
	return slices.DeleteFunc(all, func(i *incident.Incident) bool { return i.Severity < c.MinSeverity })
}
