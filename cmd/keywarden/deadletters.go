package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// deadlettersCommand is about records that were set aside.
type deadlettersCommand struct {
	List  deadlettersList  `cmd:"" default:"withargs" help:"Print the records that were set aside, and why."`
	Retry deadlettersRetry `cmd:"" help:"Read such records again, and send on what this release can read."`
}

// deadlettersList prints them.
type deadlettersList struct {
	Store  string `required:"" env:"KEYWARDEN_STORE" placeholder:"STORE" help:"The store, as for run."`
	Format string `enum:"table,jsonl" default:"table" help:"What to print: table, for people, or jsonl, one JSON object a line, for programs."`
}

// Run prints them to standard output, those found last first.
func (c *deadlettersList) Run(ctx context.Context, std *streams) error {
	store, err := openBackend(ctx, c.Store)
	if err != nil {
		return err
	}
	letters, err := store.letters.DeadLetters(ctx)
	if err == nil {
		err = printDeadLetters(std.out, c.Format, letters)
	}
	return errors.Join(err, store.close())
}

func printDeadLetters(to io.Writer, format string, letters []engine.DeadLetter) error {
	if format == "jsonl" {
		out := json.NewEncoder(to)
		for _, l := range letters {
			if err := out.Encode(struct {
				ID string `json:"id"`
				engine.DeadLetter
			}{l.ID(), l}); err != nil {
				return err
			}
		}
		return nil
	}
	columns := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	table := bufio.NewWriter(columns)
	fmt.Fprintln(table, "ID\tFOUND (UTC)\tHUB\tPARTITION\tEVENT\tRECORD\tBYTES\tERROR")
	for _, l := range letters {
		_, hub := hubNamed(l.Hub)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", l.ID(), l.Found.UTC().Format("2006-01-02 15:04"), hub, l.Partition, l.Sequence, l.Ordinal, l.Length, l.Error)
	}
	return errors.Join(table.Flush(), columns.Flush())
}

// hubNamed is the namespace and the name in "NAMESPACE/NAME/CREATED".
func hubNamed(incarnation string) (namespace, name string) {
	namespace, name, _ = strings.Cut(incarnation, "/")
	name, _, _ = strings.Cut(name, "/")
	return namespace, name
}

// deadlettersRetry reads them again.
type deadlettersRetry struct {
	platform
	IDs []string `arg:"" optional:"" name:"id" help:"Which ones; all where none is named."`
}

// Help is printed under --help.
func (*deadlettersRetry) Help() string {
	return `Reads the records again from their hub, as long as that keeps them, and sends what this release can read to the usage hub. What was sent is forgotten here; what cannot be read stays.`
}

// Validate refuses what cannot be.
func (c *deadlettersRetry) Validate() error { return c.check("store", "eventhub", "usage-hub") }

// Run says on standard output what became of each.
func (c *deadlettersRetry) Run(ctx context.Context, std *streams) error {
	s := &service{platform: c.platform, log: slog.New(slog.NewTextHandler(std.err, nil))}
	return errors.Join(c.retry(ctx, s, std), s.end(context.WithoutCancel(ctx)))
}

func (c *deadlettersRetry) retry(ctx context.Context, s *service, std *streams) error {
	store, err := s.backend(ctx)
	if err != nil {
		return err
	}
	letters, err := store.letters.DeadLetters(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, id := range c.IDs {
		wanted[id] = true
	}
	for _, l := range letters {
		if len(c.IDs) > 0 && !wanted[l.ID()] {
			continue
		}
		delete(wanted, l.ID())
		became := "sent"
		if err := c.again(ctx, s, &l); err != nil {
			became = err.Error()
		} else if err := store.letters.DropDeadLetters(ctx, []engine.DeadLetter{l}); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(std.out, "%s: %s\n", l.ID(), became); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for id := range wanted {
		err = errors.Join(err, fmt.Errorf("%s: there is no such dead letter", id))
	}
	return err
}

// again sends one on, or says why it cannot be.
func (c *deadlettersRetry) again(ctx context.Context, s *service, l *engine.DeadLetter) error {
	taker, err := s.takes(ctx)
	if err != nil {
		return err
	}
	host, name := hubNamed(l.Hub)
	hub, err := s.hubOf(host, name)
	if err != nil {
		return err
	}
	properties, err := hub.Properties(ctx)
	if err != nil {
		return err
	}
	if properties.Source(l.Partition).Hub != l.Hub {
		return errors.New("the hub was made again since then: the record is gone")
	}
	var found *engine.LogEvent
	_, err = hub.Reader(c.RecoveryGroup).Read(ctx, properties.Log(l.Partition), l.Sequence, l.Sequence+1, func(e engine.LogEvent) error {
		found = &e
		return nil
	})
	if err != nil {
		return err
	}
	if found == nil {
		return errors.New("the hub keeps the record no longer")
	}
	// A source of its own, whose numbers ascend from one retry to the next.
	source := usagelog.Source{Hub: "deadletters", Partition: "0"}
	now := time.Now()
	if usage, err := s.hubOf("", c.UsageHub); err == nil && usage == hub {
		_, err := taker.(*engine.Router).AgainMessage(ctx, source, now.UnixNano(), found.Body)
		return err
	}
	event := engine.HubEvent{Sequence: now.UnixNano(), Enqueued: detectors.TimeOf(now), Body: found.Body}
	routed, err := taker.(*engine.Router).Again(ctx, source, event, l.Ordinal)
	switch {
	case err != nil:
		return err
	case len(routed.Poison) > 0:
		return fmt.Errorf("it still cannot be read: %w", routed.Poison[0].Err)
	case routed.Records == 0:
		return errors.New("it says nothing that is judged")
	}
	return nil
}
