package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/eventhub"
)

// sendCommand publishes log files to the diagnostics hub.
type sendCommand struct {
	EventHub       string   `name:"eventhub" required:"" env:"KEYWARDEN_EVENTHUB" placeholder:"NAMESPACE" help:"The Event Hubs namespace, by the identity of this process; or a connection string."`
	DiagnosticsHub string   `env:"KEYWARDEN_DIAGNOSTICS_HUB" default:"diagnostics" placeholder:"HUB" help:"The hub to send to."`
	Partition      string   `placeholder:"ID" help:"Send all to this partition, in order. Azure Monitor spreads over all of them."`
	PerSecond      float64  `placeholder:"RECORDS" help:"Send at most so many records a second; as fast as the hub takes them without it."`
	Paths          []string `arg:"" name:"path" help:"Log files, folders of them, or - for standard input."`
}

// Help is printed under --help.
func (*sendCommand) Help() string {
	return `Publishes log files as Azure Monitor would: in envelopes, without a partition key, in the order of the files. It is for trying an installation, and for bringing in what was archived.

Example:

  keywarden simulate /tmp/logs
  keywarden send --eventhub NAME.servicebus.windows.net /tmp/logs/logs.ndjson`
}

// Validate refuses what cannot be.
func (c *sendCommand) Validate() error {
	if c.PerSecond < 0 {
		return fmt.Errorf("--per-second %g: it may not be negative", c.PerSecond)
	}
	return nil
}

// Run says on standard output what was sent.
func (c *sendCommand) Run(ctx context.Context, std *streams) error {
	groups, unread := discover(c.Paths)
	if len(groups) == 0 {
		return unread
	}
	var all eventhub.Sent
	err := withHub(ctx, c.EventHub, c.DiagnosticsHub, func(hub *eventhub.Hub) error {
		for _, g := range groups {
			for _, path := range g.paths {
				sent, err := c.send(ctx, hub, path, std)
				all.Records, all.Events, all.Bytes, all.SetAside = all.Records+sent.Records, all.Events+sent.Events, all.Bytes+sent.Bytes, all.SetAside+sent.SetAside
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
		}
		return nil
	})
	_, printed := fmt.Fprintf(std.out, "%s in %s sent to %s\n", counted(int64(all.Records), "record", "records"), counted(int64(all.Events), "event", "events"), c.DiagnosticsHub)
	return errors.Join(err, unread, printed)
}

// send sends one file.
func (c *sendCommand) send(ctx context.Context, hub *eventhub.Hub, path string, std *streams) (eventhub.Sent, error) {
	in := io.NopCloser(std.in)
	if path != stdinName {
		var err error
		if in, err = open(path); err != nil {
			return eventhub.Sent{}, err
		}
	}
	defer in.Close()
	return hub.Send(ctx, azurelog.NewScanner(in).Next, eventhub.Sending{
		Partition: c.Partition, PerSecond: c.PerSecond,
		SetAside: func(p azurelog.Poison) {
			fmt.Fprintf(std.err, "%s: record at byte %d, %d bytes long, is left out: %v\n", path, p.Offset, p.Length, p.Err)
		},
	})
}

// withHub has do use a hub.
func withHub(ctx context.Context, namespace, name string, do func(*eventhub.Hub) error) error {
	n, err := eventhub.Connect(eventhub.Config{Namespace: namespace})
	if err != nil {
		return err
	}
	hub, err := n.Hub(name)
	if err == nil {
		err = do(hub)
	}
	return errors.Join(err, n.Close(context.WithoutCancel(ctx)))
}
