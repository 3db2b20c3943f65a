package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os/user"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

// saying are the options of what an analyst says to the engine.
type saying struct {
	platform
	ToolsGroup string `env:"KEYWARDEN_TOOLS_GROUP" default:"tools" placeholder:"GROUP" help:"The consumer group by which the usage hub is read."`
	By         string `env:"KEYWARDEN_BY" placeholder:"NAME" help:"Who says it; the user of this machine by default."`
}

// Validate refuses what cannot be.
func (c *saying) Validate() error {
	if c.UsageHub != "" {
		return c.check("store", "eventhub")
	}
	return c.check("store")
}

// patience is how long whoever has said something waits for a hub or a
// database that does not answer.
const patience = time.Minute

// serve has do use the service, and saves what it did.
func (c *saying) serve(ctx context.Context, std *streams, do func(context.Context, *service) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &service{platform: c.platform, log: slog.New(slog.NewTextHandler(std.err, nil))}
	return errors.Join(do(ctx, s), s.end(context.WithoutCancel(ctx)))
}

// say has the engine obey a command from now on, and tells on standard output
// what holds then.
func (c *saying) say(ctx context.Context, s *service, std *streams, command *detectors.Command, holds string) error {
	command.Time, command.By = detectors.TimeOf(time.Now()), c.author()
	if err := command.Check(); err != nil {
		return usageError{err}
	}
	if err := s.obey(ctx, command); err != nil {
		return err
	}
	where := "in the log of " + c.UsageHub
	if c.UsageHub == "" {
		where = "for what " + c.Store + " takes in"
	}
	_, err := fmt.Fprintf(std.out, "%s, from now on, %s.\n", holds, where)
	return err
}

// author is who says it.
func (c *saying) author() string {
	if c.By != "" {
		return c.By
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "" // Check asks for it
}

// obey has a command take effect: through the log of the usage hub, or, in
// joined mode, in the store. It is durable when obey returns without an error.
// After one it may be in force in part, and may be said again.
func (s *service) obey(ctx context.Context, c *detectors.Command) error {
	if s.UsageHub != "" {
		p, err := s.usagePublisher(ctx)
		if err != nil {
			return err
		}
		return p.Command(ctx, c)
	}
	taker, err := s.takes(ctx)
	if err != nil {
		return err
	}
	return taker.(*engine.Live).Command(ctx, c)
}

// newID is an id for what is said, unless the user has chosen one.
func newID(chosen string) string {
	if chosen != "" {
		return chosen
	}
	return strings.ToLower(rand.Text()[:10])
}
