package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/keywarden/keywarden/handlers"
	"github.com/keywarden/keywarden/handlers/access"
	"github.com/keywarden/keywarden/handlers/invocation"
	"github.com/keywarden/keywarden/handlers/logs"
	"github.com/keywarden/keywarden/internal/eventhub"
)

// hosted is what the Functions host's app settings say.
type hosted struct {
	platform
	engineOptions
}

// serveHost serves the functions to the Functions host, whose settings are the
// environment alone.
func serveHost(std *streams) error {
	// The host is told to end first, and ends this process itself: a Ctrl-C in
	// its terminal comes here too.
	signal.Ignore(os.Interrupt)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var settings hosted
	parser, err := kong.New(&settings)
	if err == nil {
		_, err = parser.Parse(nil)
	}
	if err != nil {
		return fmt.Errorf("app settings: %w", err)
	}
	s := &service{platform: settings.platform, engineOptions: settings.engineOptions, log: logs.New(std.out, std.err)}
	if err := s.check("store", "eventhub"); err != nil {
		return err
	}
	if os.Getenv("WEBSITE_SITE_NAME") != "" && s.UsageHub == "" {
		return errors.New("on Azure each function is a process of its own, and joined mode needs one for all: set KEYWARDEN_USAGE_HUB")
	}
	rule, err := s.rule(os.Getenv, true)
	if err != nil {
		return err
	}
	api, err := s.api(ctx, rule)
	if err != nil {
		return err
	}
	timeout, err := handlers.Timeout(os.DirFS("."), os.Getenv)
	if err != nil {
		return err
	}
	err = handlers.Serve(ctx, os.Getenv(handlers.PortVariable), handlers.Config{
		Diagnostics: functions{s}, Usage: functions{s}, Sweep: functions{s}, API: api, Timeout: timeout, Log: s.log,
	})
	if errors.Is(err, handlers.ErrOrphan) {
		return err // nobody waits for the end
	}
	return errors.Join(err, s.end(context.WithoutCancel(ctx)))
}

// rule is who may ask the API.
func (p *platform) rule(getenv func(string) string, behindHost bool) (access.Rule, error) {
	auth := p.Auth
	if auth == "" && getenv("WEBSITE_SITE_NAME") != "" {
		auth = authAppService
	}
	if auth == authAppService {
		return access.AppService(getenv)
	}
	return access.Loopback(behindHost), nil
}

// functions are the service as the host calls it.
type functions struct{ *service }

// Publish implements diagnostics.Publisher.
func (f functions) Publish(ctx context.Context, b invocation.Batch) error {
	hub, err := f.hubOf(b.Namespace, b.Hub)
	if err != nil {
		return err
	}
	return f.delivered(ctx, hub, b, f.diagnose)
}

// Judge implements usage.Judge.
func (f functions) Judge(ctx context.Context, b invocation.Batch) error {
	hub, err := f.hubOf("", f.UsageHub)
	if err != nil {
		return err
	}
	return f.delivered(ctx, hub, b, f.judge)
}

// Sweep implements sweep.Sweeper.
func (f functions) Sweep(ctx context.Context, _ invocation.Timer) error {
	return f.sweep(ctx, time.Now())
}

// delivered hands a batch of the host on as one of its hub.
func (f functions) delivered(ctx context.Context, hub *eventhub.Hub, b invocation.Batch, do eventhub.Handler) error {
	if len(b.Events) == 0 {
		return nil
	}
	batch := eventhub.Batch{ConsumerGroup: b.ConsumerGroup, Partition: b.Partition, Events: make([]eventhub.Event, len(b.Events))}
	for i, e := range b.Events {
		batch.Events[i] = eventhub.Event{Sequence: e.Sequence, Offset: e.Offset, Enqueued: e.Enqueued, Body: e.Body}
	}
	var err error
	batch.Hub, err = hub.PropertiesAt(ctx, b.Partition, batch.Events[0], batch.Events[len(batch.Events)-1])
	if err != nil {
		return err
	}
	return do(ctx, batch)
}
