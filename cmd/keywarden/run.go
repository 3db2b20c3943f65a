package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/handlers/logs"
	"github.com/keywarden/keywarden/internal/eventhub"
)

// runCommand consumes the hubs without the Functions host.
type runCommand struct {
	platform
	engineOptions
	Checkpoints string `env:"KEYWARDEN_CHECKPOINTS" placeholder:"ADDRESS" help:"The blob container for checkpoints, https://ACCOUNT.blob.core.windows.net/CONTAINER, which lets several processes share the work. Without it they are kept beside the SQLite store, for one process."`
	Listen      string `env:"KEYWARDEN_LISTEN" default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Where the API is served."`
}

// Help is printed under --help.
func (*runCommand) Help() string {
	return `Takes in the diagnostics hub, judges, and serves the API until Ctrl-C: on a virtual machine or in a container what the functions do on Azure. With a usage hub several such processes share the work; without one a single process does all, and keeps its state in SQLite.

Examples:

  keywarden run --store sqlite:keywarden.db --eventhub NAME.servicebus.windows.net
  keywarden run --store cosmos:https://ACCOUNT.documents.azure.com/keywarden --eventhub NAME.servicebus.windows.net --usage-hub usage --checkpoints https://ACCOUNT.blob.core.windows.net/checkpoints`
}

// Validate refuses what cannot be.
func (c *runCommand) Validate() error {
	if err := c.check("store", "eventhub"); err != nil {
		return err
	}
	if c.Checkpoints == "" && !strings.HasPrefix(c.Store, "sqlite:") {
		return errors.New("say --checkpoints, or set KEYWARDEN_CHECKPOINTS: only beside an SQLite store they need no place of their own")
	}
	return nil
}

// Run ends in order when ctx does: what is in flight goes on, and all is saved.
func (c *runCommand) Run(ctx context.Context, std *streams) error {
	s := &service{platform: c.platform, engineOptions: c.engineOptions, log: logs.New(std.err, std.err)}
	err := c.run(ctx, s, std)
	return errors.Join(err, s.end(context.WithoutCancel(ctx)))
}

func (c *runCommand) run(ctx context.Context, s *service, std *streams) error {
	checkpoints, err := c.checkpoints(ctx)
	if err != nil {
		return err
	}
	rule, err := c.rule(os.Getenv, false)
	if err != nil {
		return err
	}
	api, err := s.api(ctx, rule)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("the API: %w", err)
	}
	if c.UsageHub != "" {
		_, err := s.usagePublisher(ctx)
		if err == nil {
			_, err = s.judgesOf(ctx)
		}
		if err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	fmt.Fprintf(std.err, "The API is at http://%s/api/incidents. Ctrl-C ends.\n", listener.Addr())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serveUntil(ctx, listener, api, s.log) })
	group.Go(func() error { return s.sweepUntil(ctx) })
	ingress, err := c.ingress()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	for _, namespace := range append([]string{""}, slices.Sorted(maps.Keys(ingress))...) {
		hub, err := s.hubOf(namespace, c.DiagnosticsHub)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		group.Go(func() error { return c.consume(ctx, hub, checkpoints, s.log, s.diagnose) })
	}
	if c.UsageHub != "" {
		hub, err := s.hubOf("", c.UsageHub)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		group.Go(func() error { return c.consume(ctx, hub, checkpoints, s.log, s.judge) })
	}
	return group.Wait()
}

// checkpoints is where positions in the hubs are kept.
func (c *runCommand) checkpoints(ctx context.Context) (azeventhubs.CheckpointStore, error) {
	if c.Checkpoints != "" {
		return eventhub.OpenBlobs(ctx, c.Checkpoints, nil)
	}
	return eventhub.OpenFiles(strings.TrimPrefix(c.Store, "sqlite:") + ".checkpoints")
}

func (c *runCommand) consume(ctx context.Context, hub *eventhub.Hub, store azeventhubs.CheckpointStore, log *slog.Logger, do eventhub.Handler) error {
	return hub.Run(ctx, eventhub.RunConfig{Group: c.ConsumerGroup, Store: store, Log: log}, do)
}

// sweepEvery is how often time is told to pass.
const sweepEvery = time.Minute

func (s *service) sweepUntil(ctx context.Context) error {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := s.sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "sweep failed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// serveUntil serves until ctx ends, and then what is in flight.
func serveUntil(ctx context.Context, listener net.Listener, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	stop := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(patience); err != nil {
			log.ErrorContext(ctx, "the API ends with requests in flight", "error", err)
		}
	})
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the API: %w", err)
	}
	return nil
}
