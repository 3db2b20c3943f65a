package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// eventhubsCommand stands in for an Event Hubs namespace. Keys are those of
// Microsoft's emulator unless others are given.
type eventhubsCommand struct {
	listening
	Hub           []hubFlag     `placeholder:"NAME:PARTITIONS" help:"A hub; may be repeated. One that --state holds already stays as it is."`
	ConsumerGroup []string      `placeholder:"NAME" help:"A consumer group of every hub, besides $Default; may be repeated."`
	GeoHub        []hubFlag     `placeholder:"NAME:PARTITIONS" help:"A hub whose offsets have the form of geo-replicated ones; may be repeated."`
	Key           []keyFlag     `sep:"none" placeholder:"NAME:VALUE:RIGHTS" help:"A key with rights of send, listen and manage, joined by commas; may be repeated. Default: RootManageSharedAccessKey with all, SAS_KEY_VALUE."`
	AnyToken      bool          `help:"Take every token of Microsoft Entra instead of those that look valid."`
	Retention     time.Duration `default:"24h" help:"How long events are kept."`
	State         string        `type:"path" placeholder:"DIR" help:"Keep everything in this folder."`
	Verbose       bool          `help:"Say on standard error why connections end."`
}

// hubFlag is NAME:PARTITIONS.
type hubFlag struct{ spec broker.Spec }

// UnmarshalText reads the flag.
func (f *hubFlag) UnmarshalText(text []byte) error {
	name, count, ok := strings.Cut(string(text), ":")
	partitions, err := strconv.Atoi(count)
	if !ok || err != nil {
		return fmt.Errorf("%q: a hub is given as NAME:PARTITIONS, for instance diagnostics:4", text)
	}
	f.spec = broker.Spec{Name: name, Partitions: partitions}
	return nil
}

// keyFlag is NAME:VALUE:RIGHTS.
type keyFlag struct{ key hubemulator.Key }

// UnmarshalText reads the flag. Its errors do not quote it: it holds a key.
func (f *keyFlag) UnmarshalText(text []byte) error {
	parts := strings.Split(string(text), ":")
	if len(parts) != 3 {
		return errors.New("a key is given as NAME:VALUE:RIGHTS, for instance reader:secret:listen")
	}
	f.key = hubemulator.Key{Name: parts[0], Value: parts[1]}
	for right := range strings.SplitSeq(parts[2], ",") {
		switch right {
		case "send":
			f.key.Rights |= hubemulator.Send
		case "listen":
			f.key.Rights |= hubemulator.Listen
		case "manage":
			f.key.Rights |= hubemulator.AllRights
		default:
			return fmt.Errorf("key %s: %q is none of the rights send, listen and manage", f.key.Name, right)
		}
	}
	return nil
}

// Run serves until ctx is done.
func (c *eventhubsCommand) Run(ctx context.Context, to *output) (err error) {
	config, err := c.config(to)
	if err != nil {
		return err
	}
	server, err := hubemulator.New(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	listeners, err := c.listen()
	if err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for _, listener := range listeners {
		go func() { failed <- server.Serve(listener) }()
		if _, err := fmt.Fprintf(to.out, "ready %s\n", listener.Addr()); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

func (c *eventhubsCommand) config(to *output) (hubemulator.Config, error) {
	config := hubemulator.Config{State: c.State}
	for i, flag := range append(c.Hub, c.GeoHub...) {
		spec := flag.spec
		spec.GeoReplicated = i >= len(c.Hub)
		spec.ConsumerGroups, spec.Retention = c.ConsumerGroup, c.Retention
		config.Hubs = append(config.Hubs, spec)
	}
	if len(config.Hubs) == 0 && c.State == "" {
		return config, errors.New("there would be no hub: give --hub NAME:PARTITIONS, or --state with a folder that holds some")
	}
	for _, flag := range c.Key {
		config.Keys = append(config.Keys, flag.key)
	}
	if c.AnyToken {
		config.Tokens = hubemulator.AnyToken
	}
	if c.Verbose {
		config.Log = slog.New(slog.NewTextHandler(to.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return config, nil
}
