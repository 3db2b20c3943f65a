package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// watchCommand looks for networks.
type watchCommand struct {
	Networks []networkFlag `arg:"" name:"network" help:"Networks or addresses."`
	lifetime
	Reason string `required:"" placeholder:"TEXT" help:"What is known of them, for the analyst who meets them."`
	ID     string `name:"id" placeholder:"ID" help:"Its name, one of its own by default. What has it already is replaced."`
	saying
}

// Help is printed under --help.
func (*watchCommand) Help() string {
	return `Looks for networks that something bad is known of, on every resource, until a day.

Example:

  keywarden watch 198.51.100.0/24 2001:db8::/32 --for 90d --reason 'proxies of Storm-2139, advisory of 12 March'`
}

// Validate refuses what cannot be.
func (c *watchCommand) Validate() error {
	return errors.Join(c.checkEnd(), c.saying.Validate())
}

// Run says on standard output what holds then.
func (c *watchCommand) Run(ctx context.Context, std *streams) error {
	w := &detectors.Watch{ID: newID(c.ID), Networks: prefixes(c.Networks, std), Reason: c.Reason, Expires: c.expires(time.Now())}
	return c.serve(ctx, std, func(ctx context.Context, s *service) error {
		return c.say(ctx, s, std, &detectors.Command{Watch: w}, fmt.Sprintf("watch %s: %s, until %v", w.ID, joined(w.Networks), w.Expires))
	})
}

// decoyCommand names a principal that nobody has reason to use.
type decoyCommand struct {
	whom
	Owner string `placeholder:"NAME" help:"Who has laid it out; who says it by default."`
	ID    string `name:"id" placeholder:"ID" help:"Its name, one of its own by default. What has it already is replaced."`
	saying
}

// Help is printed under --help.
func (*decoyCommand) Help() string {
	return `Says that a principal is a decoy: its key was laid out to be stolen, and nobody has reason to use it. It is one until keywarden revoke ends it.

Example:

  keywarden decoy --principal apim-subscription:canary-7 --resource /subscriptions/…/service/apim-1`
}

// Validate refuses what cannot be.
func (c *decoyCommand) Validate() error {
	if c.Incident == "" && !c.Principal.given {
		return errors.New("say which principal: --principal KIND:ID with --resource")
	}
	return errors.Join(c.checkWhom(), c.saying.Validate())
}

// Run says on standard output what holds then.
func (c *decoyCommand) Run(ctx context.Context, std *streams) error {
	return c.serve(ctx, std, func(ctx context.Context, s *service) error {
		p, err := c.principal(ctx, s)
		if err != nil {
			return err
		}
		d := &detectors.Decoy{ID: newID(c.ID), Principal: *p, Owner: c.Owner}
		if d.Owner == "" {
			d.Owner = c.author()
		}
		return c.say(ctx, s, std, &detectors.Command{Decoy: d}, fmt.Sprintf("decoy %s: %s", d.ID, principalName(d.Principal)))
	})
}

// revokeCommand ends an exception, a decoy or a watch.
type revokeCommand struct {
	ID string `arg:"" help:"Its id, as keywarden rules lists it."`
	saying
}

// Run says on standard output that it has ended.
func (c *revokeCommand) Run(ctx context.Context, std *streams) error {
	return c.serve(ctx, std, func(ctx context.Context, s *service) error {
		rules, err := c.rules(ctx, s)
		if err != nil {
			return err
		}
		if !rules.Hold(c.ID) {
			return fmt.Errorf("nothing that holds has the id %q: keywarden rules lists what does", c.ID)
		}
		return c.say(ctx, s, std, &detectors.Command{Revoke: c.ID}, c.ID+" is over")
	})
}
