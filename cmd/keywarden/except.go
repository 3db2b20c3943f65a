package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
)

// exceptCommand says that something is benign.
type exceptCommand struct {
	whom
	Network  []networkFlag `placeholder:"NETWORK" help:"Only from this network; may be repeated."`
	Detector []string      `placeholder:"ID" help:"Only for this detector; may be repeated. Without it for all, and its networks become usual."`
	lifetime
	Reason string `required:"" placeholder:"TEXT" help:"Why it is benign."`
	Owner  string `placeholder:"NAME" help:"Whom to ask about it; who says it by default."`
	Ticket string `placeholder:"ID" help:"Where it was agreed."`
	ID     string `name:"id" placeholder:"ID" help:"Its name, one of its own by default. What has it already is replaced."`
	saying
}

// Help is printed under --help.
func (*exceptCommand) Help() string {
	return `Says that what a principal or a resource does, or what comes from a network, is benign until a day: the detectors named do not see it, in no count. All that is given must match. It holds for what comes from then on, not for incidents that are there.

Examples:

  keywarden except --incident 2026-138ca0592de69546 --for 30d --reason 'load test, agreed with team search'
  keywarden except --network 203.0.113.0/24 --detector new-network --until 2027-01-31 --reason 'new office in Lyon'
  keywarden except --principal apim-subscription:team-1 --resource /subscriptions/…/service/apim-1 --for 12h --reason migration`
}

// Validate refuses what cannot be.
func (c *exceptCommand) Validate() error {
	for _, id := range c.Detector {
		if !slices.ContainsFunc(all.Detectors(), func(d *detectors.Detector) bool { return d.ID == id }) {
			return fmt.Errorf("no detector is called %q: keywarden detectors lists them", id)
		}
	}
	return errors.Join(c.checkWhom(), c.checkEnd(), c.saying.Validate())
}

// Run says on standard output what holds then.
func (c *exceptCommand) Run(ctx context.Context, std *streams) error {
	return c.serve(ctx, std, func(ctx context.Context, s *service) error {
		p, err := c.principal(ctx, s)
		if err != nil {
			return err
		}
		x := &detectors.Exception{
			ID: newID(c.ID), Principal: p, Networks: prefixes(c.Network, std), Detectors: c.Detector,
			Owner: c.Owner, Reason: c.Reason, Ticket: c.Ticket, Expires: c.expires(time.Now()),
		}
		if p == nil {
			x.Resource = string(c.Resource)
		}
		if x.Owner == "" {
			x.Owner = c.author()
		}
		return c.say(ctx, s, std, &detectors.Command{Exception: x}, fmt.Sprintf("exception %s: %s, until %v", x.ID, extent(x), x.Expires))
	})
}

// extent is what an exception is about, in a few words.
func extent(x *detectors.Exception) string {
	var parts []string
	switch {
	case x.Principal != nil:
		parts = append(parts, principalName(*x.Principal))
	case x.Resource != "":
		parts = append(parts, x.Resource)
	}
	if len(x.Networks) > 0 {
		parts = append(parts, "from "+joined(x.Networks))
	}
	if len(x.Detectors) > 0 {
		parts = append(parts, "not seen by "+strings.Join(x.Detectors, ", "))
	} else {
		parts = append(parts, "not seen by any detector")
	}
	return strings.Join(parts, " ")
}

// joined is a list of what has a name.
func joined[T fmt.Stringer](list []T) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.String()
	}
	return strings.Join(names, ", ")
}
