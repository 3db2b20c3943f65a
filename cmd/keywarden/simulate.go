package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/keywarden/keywarden/internal/simulate"
)

// simulateCommand writes logs of a life that never was.
type simulateCommand struct {
	To         string    `arg:"" optional:"" help:"A new folder, a file (.gz is compressed), or - for standard output."`
	Out        string    `short:"o" placeholder:"PATH" help:"The same as the argument."`
	Seed       uint64    `default:"1" help:"The same seed and options give the same logs, byte for byte."`
	Days       int       `default:"14" help:"How many days."`
	Principals int       `default:"40" help:"How many callers: keys, Entra objects and subscriptions of gateways. Ten are a company."`
	Start      time.Time `format:"2006-01-02" default:"2026-09-07" placeholder:"DATE" help:"First day, in UTC (2026-09-07)."`

	Campaign     []campaignName `placeholder:"KIND" help:"An abuse among it, as KIND[:STRENGTH][@DAY]; again for more. One storm where nothing is said; none for none."`
	AllCampaigns bool           `help:"One campaign of each kind."`
	Layout       string         `enum:"stream,archive" default:"stream" help:"stream: one file, messages as the hub delivers them. archive: a folder as Azure Monitor archives."`
	Truth        string         `placeholder:"FILE" help:"Where to write what was done to whom, one JSON object a campaign (truth.jsonl in a folder)."`
	Churn        float64        `default:"1" help:"How often benign callers change their place and habits, as a multiple of what is assumed."`
	Force        bool           `help:"Overwrite files that exist."`
}

// Help is printed under --help.
func (*simulateCommand) Help() string {
	return `Writes the diagnostic logs of an invented Azure tenant: backends, offices, people, batches and gateways with all that looks like abuse and is none, and campaigns of abuse among it. Rows come late, out of order and sometimes twice, as Azure delivers them.

Campaigns:

` + simulate.KindsText() + `
Each has a STRENGTH of smash, normal (the default) or slow, and begins on a DAY of the run, counted from 1, by default at two thirds of it.

Examples:

  keywarden simulate /tmp/logs                          two weeks, and a stolen key
  keywarden simulate --campaign none --days 30 quiet/   nothing but benign life
  keywarden simulate --campaign drain:slow@9 --campaign spray@12 --seed 7 logs.ndjson.gz --truth truth.jsonl
  keywarden simulate --all-campaigns --layout archive --principals 200 --days 30 archive/
  keywarden simulate --campaign trickle - | keywarden replay -`
}

// campaignName is a campaign as it is written on the command line.
type campaignName struct {
	simulate.Campaign
	none bool
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *campaignName) UnmarshalText(text []byte) (err error) {
	if c.none = string(text) == "none"; !c.none {
		c.Campaign, err = simulate.ParseCampaign(string(text))
	}
	return err
}

// names of the files in a folder. The truth's is none that replay would read as logs.
const (
	streamFile = "logs.ndjson"
	truthFile  = "truth.jsonl"
)

// Validate refuses what contradicts itself, and settles where to write.
func (c *simulateCommand) Validate() error {
	if c.To != "" && c.Out != "" {
		return errors.New("the argument and --out are the same: give one of them")
	}
	if c.To += c.Out; c.To == "" {
		return errors.New("say where to write: a new folder, a file, or - for standard output")
	}
	if c.Layout == "archive" && (c.To == stdinName || isLog(c.To)) {
		return fmt.Errorf("--layout archive writes many files: name a folder in place of %s", c.To)
	}
	switch {
	case c.Days < 1:
		return fmt.Errorf("--days %d: choose 1 or more", c.Days)
	case c.Principals < 1:
		return fmt.Errorf("--principals %d: choose 1 or more", c.Principals)
	case c.Churn < 0:
		return fmt.Errorf("--churn %v: choose 0 or more", c.Churn)
	case c.Churn == 0:
		c.Churn = -1 // none at all, to simulate
	}
	for _, one := range c.Campaign {
		if one.none && (len(c.Campaign) > 1 || c.AllCampaigns) {
			return errors.New("--campaign none is without any other campaign")
		}
	}
	return nil
}

// campaigns are those asked for: a storm, where nothing was said.
func (c *simulateCommand) campaigns() []simulate.Campaign {
	var asked []simulate.Campaign
	if c.AllCampaigns {
		asked = simulate.AllCampaigns(c.Days)
	}
	for _, one := range c.Campaign {
		if !one.none {
			asked = append(asked, one.Campaign)
		}
	}
	if !c.AllCampaigns && len(c.Campaign) == 0 {
		asked = []simulate.Campaign{{Kind: "storm"}}
	}
	return asked
}

// Run writes the logs, and says on standard error what is in them.
func (c *simulateCommand) Run(ctx context.Context, std *streams) error {
	options := simulate.Options{Seed: c.Seed, Start: c.Start, Days: c.Days, Principals: c.Principals, Churn: c.Churn, Campaigns: c.campaigns()}
	if err := options.Check(); err != nil {
		return usageError{err}
	}
	logs, truth, err := c.targets()
	if err != nil {
		return err
	}
	told, err := c.write(ctx, options, logs, std.out)
	if err == nil && truth != "" {
		err = c.writeTruth(truth, &told)
	}
	if err != nil {
		return explain(err)
	}
	c.summary(std.err, logs, truth, &told)
	return nil
}

// write writes the logs.
func (c *simulateCommand) write(ctx context.Context, options simulate.Options, logs string, stdout io.Writer) (simulate.Truth, error) {
	writer, finish, err := c.writer(logs, stdout)
	if err != nil {
		return simulate.Truth{}, err
	}
	rows := 0
	told, err := simulate.Generate(options, func(d simulate.Delivery) error {
		if rows++; rows&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return writer.Write(d)
	})
	if err == nil {
		err = writer.Close()
	}
	return told, finish(err)
}

// explain makes a full disk plain.
func explain(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: free some, or take fewer --days or --principals, or write to a .gz", err)
	}
	return err
}

// targets are the paths of the logs and of the truth, "" for none.
func (c *simulateCommand) targets() (logs, truth string, err error) {
	logs, truth = c.To, c.Truth
	if logs == stdinName {
		return logs, truth, c.free(truth)
	}
	if info, err := os.Stat(c.To); err == nil && info.IsDir() || err != nil && !isLog(c.To) {
		if truth == "" {
			truth = filepath.Join(c.To, truthFile)
		}
		if c.Layout == "stream" {
			logs = filepath.Join(c.To, streamFile)
		}
		if err := os.MkdirAll(c.To, 0o755); err != nil {
			return "", "", err
		}
	}
	if c.Layout == "archive" {
		entries, err := os.ReadDir(c.To)
		if err == nil && len(entries) > 0 {
			err = fmt.Errorf("%s: an archive needs a folder of its own, and this one is not empty: choose a new one", c.To)
		}
		return logs, truth, errors.Join(err, c.free(truth))
	}
	return logs, truth, errors.Join(c.free(logs), c.free(truth))
}

// free refuses to overwrite what exists.
func (c *simulateCommand) free(path string) error {
	if path == "" || c.Force {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // what is wrong with it is said when it is opened
		return nil //nolint:nilerr // see above
	}
	return fmt.Errorf("%s exists: choose another path, or overwrite it with --force", path)
}

// writer writes the logs. finish must be called with how that went, and says
// how all went; a file that is not whole is removed.
func (c *simulateCommand) writer(logs string, stdout io.Writer) (w simulate.Writer, finish func(error) error, err error) {
	if c.Layout == "archive" {
		return simulate.NewArchive(logs), func(err error) error { return err }, nil
	}
	if logs == stdinName {
		return simulate.NewStream(stdout), func(err error) error { return err }, nil
	}
	file, err := os.Create(logs)
	if err != nil {
		return nil, nil, err
	}
	packed := gzip.NewWriter(file)
	compress := filepath.Ext(logs) == ".gz"
	finish = func(err error) error {
		if compress && err == nil {
			err = packed.Close()
		}
		err = errors.Join(err, file.Close())
		if info, unknown := os.Stat(logs); err != nil && unknown == nil && info.Mode().IsRegular() {
			err = errors.Join(err, os.Remove(logs))
		}
		return err
	}
	if compress {
		return simulate.NewStream(packed), finish, nil
	}
	return simulate.NewStream(file), finish, nil
}

func (c *simulateCommand) writeTruth(path string, truth *simulate.Truth) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(truth.WriteCampaigns(file), file.Close())
}

// named is what an analyst had named before the run, as flags of backtest.
func named(told *simulate.Truth) string {
	var flags strings.Builder
	for _, t := range told.Campaigns {
		if t.Decoy != nil {
			fmt.Fprintf(&flags, " --decoy principal=%s,resource=%s", t.Decoy.Kind, t.Decoy.Resource)
		}
		if t.Watched.IsValid() {
			fmt.Fprintf(&flags, " --watch %v", t.Watched)
		}
	}
	return flags.String()
}

// summary says what was written, and what to do with it.
func (c *simulateCommand) summary(w io.Writer, logs, truth string, told *simulate.Truth) {
	fmt.Fprintf(w, "%s of %s over %s in %s\n", counted(int64(told.Deliveries), "record", "records"), counted(int64(len(told.Principals)), "principal", "principals"), counted(int64(c.Days), "day", "days"), logs)
	for _, t := range told.Campaigns {
		fmt.Fprintf(w, "  %-20s %v to %v: %s, %s, %s\n", t.ID, t.FirstCall, t.LastCall,
			counted(int64(t.Calls), "call", "calls"), counted(t.Tokens, "token", "tokens"), counted(int64(t.Images), "image", "images"))
	}
	if truth != "" {
		fmt.Fprintf(w, "What was done to whom is in %s\n", truth)
	}
	if logs == stdinName {
		return
	}
	fmt.Fprintf(w, "Now find it: keywarden replay %s\n", c.To)
	if flags := named(told); flags != "" {
		fmt.Fprintf(w, "Some of it needs what an analyst has named before: keywarden backtest%s %s\n", flags, c.To)
	}
}
