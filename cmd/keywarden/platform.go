package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/sqlite"
	"github.com/keywarden/keywarden/internal/web"
)

// platform are the options of what works with hubs and a store. Each is an app
// setting under the Functions host.
type platform struct {
	Store          string        `env:"KEYWARDEN_STORE" placeholder:"STORE" help:"Where incidents and state are kept: sqlite:PATH or cosmos:https://ACCOUNT.documents.azure.com/DATABASE."`
	EventHub       string        `name:"eventhub" env:"KEYWARDEN_EVENTHUB" placeholder:"NAMESPACE" help:"The Event Hubs namespace, NAME.servicebus.windows.net, by the identity of this process; or a connection string."`
	Ingress        []string      `env:"KEYWARDEN_INGRESS" placeholder:"NAMESPACE" help:"Further namespaces whose diagnostics hub is taken in, written as --eventhub is: a diagnostic setting's hub must be in the region of its resource. Under the Functions host each needs a function app of its own, with the usage hub in common."`
	DiagnosticsHub string        `env:"KEYWARDEN_DIAGNOSTICS_HUB" default:"diagnostics" placeholder:"HUB" help:"The hub that Azure's diagnostic settings send to."`
	UsageHub       string        `env:"KEYWARDEN_USAGE_HUB" placeholder:"HUB" help:"The hub that holds the one log of each resource. Without it one process does all (joined mode)."`
	ConsumerGroup  string        `env:"KEYWARDEN_CONSUMER_GROUP" default:"keywarden" placeholder:"GROUP" help:"The consumer group of both hubs."`
	RecoveryGroup  string        `env:"KEYWARDEN_RECOVERY_GROUP" default:"recovery" placeholder:"GROUP" help:"The consumer group by which the usage hub is read again."`
	Flush          time.Duration `env:"KEYWARDEN_FLUSH" default:"2m" placeholder:"DURATION" help:"How old a change of the state may become before it is saved. Incidents are saved at once."`
	Auth           string        `env:"KEYWARDEN_AUTH" placeholder:"RULE" help:"Who may ask the API: app-service (the platform's authentication says who) or loopback (whoever is on this machine). By default app-service on Azure, else loopback."`
}

// check refuses what cannot be. needs are the names of options that must be there.
func (p *platform) check(needs ...string) error {
	for _, name := range needs {
		if value := map[string]string{"store": p.Store, "eventhub": p.EventHub, "usage-hub": p.UsageHub}[name]; value == "" {
			return fmt.Errorf("say --%s, or set KEYWARDEN_%s", name, strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
		}
	}
	if p.Flush <= 0 {
		return fmt.Errorf("--flush %v: write for instance 2m", p.Flush)
	}
	if p.Auth != "" && p.Auth != authAppService && p.Auth != authLoopback {
		return fmt.Errorf("--auth %q: write %s or %s", p.Auth, authAppService, authLoopback)
	}
	return nil
}

// ingress is the namespaces that records come in by besides the one of the
// usage hub: how each is reached, by its name.
func (p *platform) ingress() (map[string]string, error) {
	all := map[string]string{}
	for _, text := range p.Ingress {
		namespace, err := eventhub.Connect(eventhub.Config{Namespace: text})
		if err != nil {
			return nil, fmt.Errorf("--ingress: %w", err)
		}
		all[namespace.Name()] = text
	}
	return all, nil
}

// backend is an open store, whatever it is kept in.
type backend struct {
	engine.Ledger
	engine.ProgressStore
	letters   engine.DeadLetters
	incidents web.Incidents
	joined    engine.Store                // nil where it keeps no state of joined mode
	spent     func() engine.Spent         // nil where it costs nothing
	shared    func(context.Context) error // looks whether owners of partitions may follow one another in it; nil where they always may
	close     func() error
}

// checkShared looks whether owners of partitions may follow one another in the store.
func (b *backend) checkShared(ctx context.Context) error {
	if b.shared == nil {
		return nil
	}
	return b.shared(ctx)
}

// openBackend opens the store of a name.
func openBackend(ctx context.Context, name string) (*backend, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case kind == "sqlite" && rest != "":
		s, err := sqlite.Open(ctx, rest)
		if err != nil {
			return nil, err
		}
		return &backend{Ledger: s, ProgressStore: s, letters: s, incidents: s, joined: s, close: s.Close}, nil
	case kind == "cosmos" && rest != "":
		config, err := cosmos.Parse(rest)
		if err != nil {
			return nil, err
		}
		c, err := cosmos.Open(config)
		if err != nil {
			return nil, err
		}
		return &backend{Ledger: c.Ledger(), ProgressStore: c, letters: c, incidents: c, spent: spentOn(c), shared: c.CheckConsistency, close: func() error { c.Close(); return nil }}, nil
	}
	return nil, errors.New("the store is written as sqlite:PATH or cosmos:https://ACCOUNT.documents.azure.com/DATABASE")
}

// spentOn sums up what a database has charged.
func spentOn(c *cosmos.Client) func() engine.Spent {
	return func() (all engine.Spent) {
		for _, one := range c.Charges() {
			all.Charge += one.Units
			all.Throttled += one.Throttled
		}
		return all
	}
}
