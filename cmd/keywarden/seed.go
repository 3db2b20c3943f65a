package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/keywarden/keywarden/internal/engine"
)

// seedCommand teaches a store what is usual.
type seedCommand struct {
	Store storeName `required:"" env:"KEYWARDEN_STORE" placeholder:"sqlite:PATH" help:"The store to teach."`
	judging
}

// Help is printed under --help.
func (*seedCommand) Help() string {
	return `Takes an archive into a store as replay does, so that its principals are known when new logs come: their networks, countries, clients, models and volumes. What is found on the way is kept as suppressed: nobody is told, and it is there to be read. Four weeks are a good beginning.

Example:

  keywarden seed --store sqlite:keywarden.db archive/
  keywarden replay --store sqlite:keywarden.db today/`
}

// Validate refuses flags that contradict one another.
func (c *seedCommand) Validate() error { return c.check(c.Store) }

// Run says on standard output what the store knows now.
func (c *seedCommand) Run(ctx context.Context, std *streams) error {
	return c.Store.with(ctx, func(store engine.Store) error {
		unread, err := c.judge(ctx, std, engine.Config{Store: store, Quiet: true})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(std.out, "%s is taught; nothing was announced.\n", c.Store)
		return errors.Join(err, unread)
	})
}
