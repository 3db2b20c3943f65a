package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

// rulesCommand lists what analysts have said that holds.
type rulesCommand struct {
	Format string `enum:"table,jsonl" default:"table" help:"What to print: table, for people, or jsonl, one JSON object a line, for programs."`
	saying
}

// Help is printed under --help.
func (*rulesCommand) Help() string {
	return `Lists the exceptions, decoys and watches that hold. With a usage hub they are those of its log up to now, as far as it is kept or saved.`
}

// Run prints to standard output.
func (c *rulesCommand) Run(ctx context.Context, std *streams) error {
	return c.serve(ctx, std, func(ctx context.Context, s *service) error {
		rules, err := c.rules(ctx, s)
		if err != nil {
			return err
		}
		return printRules(std.out, c.Format, &rules)
	})
}

// rules are what commands have said so far that is still in force. Every
// partition of a usage hub is told of all, so its first one knows.
func (c *saying) rules(ctx context.Context, s *service) (engine.Rules, error) {
	store, err := s.backend(ctx)
	if err != nil {
		return engine.Rules{}, err
	}
	now := detectors.TimeOf(time.Now())
	if s.UsageHub == "" {
		if store.joined == nil {
			return engine.Rules{}, errors.New("this store holds the state of a usage hub: set KEYWARDEN_USAGE_HUB, and KEYWARDEN_EVENTHUB")
		}
		log, err := store.joined.Log(ctx)
		return log.Rules.At(now), err
	}
	hub, err := s.hubOf("", s.UsageHub)
	if err != nil {
		return engine.Rules{}, err
	}
	properties, err := hub.Properties(ctx)
	if err != nil {
		return engine.Rules{}, err
	}
	first := properties.Partitions[0]
	_, bounds, err := hub.Bounds(ctx, first)
	if err != nil {
		return engine.Rules{}, err
	}
	rules, err := engine.RulesOf(ctx, store, hub.Reader(c.ToolsGroup), properties.Log(first), bounds.Next)
	return rules.At(now), err
}

// rule is one line of the list.
type rule struct {
	id, kind, until, owner, about, reason string
	said                                  any // as jsonl has it
}

// list is the rules, the exceptions first, each kind by id.
func list(r *engine.Rules) (all []rule) {
	for _, id := range slices.Sorted(maps.Keys(r.Exceptions)) {
		x := r.Exceptions[id]
		all = append(all, rule{id, "exception", x.Expires.String(), x.Owner, extent(&x), x.Reason, x})
	}
	for _, id := range slices.Sorted(maps.Keys(r.Decoys)) {
		d := r.Decoys[id]
		all = append(all, rule{id, "decoy", "revoked", d.Owner, principalName(d.Principal), "", d})
	}
	for _, id := range slices.Sorted(maps.Keys(r.Watches)) {
		w := r.Watches[id]
		all = append(all, rule{id, "watch", w.Expires.String(), "", joined(w.Networks), w.Reason, w})
	}
	return all
}

func printRules(to io.Writer, format string, rules *engine.Rules) error {
	all := list(rules)
	switch {
	case format == "jsonl":
		return printRuleLines(to, all)
	case len(all) == 0:
		_, err := fmt.Fprintln(to, "No exceptions, decoys or watches.")
		return err
	}
	columns := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	table := bufio.NewWriter(columns)
	fmt.Fprintln(table, "ID\tKIND\tUNTIL\tOWNER\tABOUT\tREASON")
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.id, r.kind, r.until, r.owner, r.about, r.reason)
	}
	return errors.Join(table.Flush(), columns.Flush())
}

func printRuleLines(to io.Writer, all []rule) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	for _, r := range all {
		if err := lines.Encode(map[string]any{r.kind: r.said}); err != nil {
			return err
		}
	}
	return nil
}
