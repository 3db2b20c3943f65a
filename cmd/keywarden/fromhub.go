package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/incident"
)

// fromHub are the options of a replay of a usage hub.
type fromHub struct {
	FromHub    bool   `help:"Judge the log in the usage hub, as far as it is kept, in place of files."`
	EventHub   string `name:"eventhub" env:"KEYWARDEN_EVENTHUB" placeholder:"NAMESPACE" help:"With --from-hub: the Event Hubs namespace, by the identity of this process; or a connection string."`
	UsageHub   string `env:"KEYWARDEN_USAGE_HUB" placeholder:"HUB" help:"With --from-hub: the usage hub."`
	ToolsGroup string `env:"KEYWARDEN_TOOLS_GROUP" default:"tools" placeholder:"GROUP" help:"With --from-hub: the consumer group by which it is read."`
}

func (c *fromHub) check(j *judging, store storeName) error {
	switch {
	case len(j.Paths) > 0:
		return fmt.Errorf("--from-hub and %s: one of them is replayed", j.Paths[0])
	case store != "":
		return errors.New("--from-hub keeps nothing: leave out --store")
	case c.EventHub == "" || c.UsageHub == "":
		return errors.New("--from-hub needs --eventhub and --usage-hub, or KEYWARDEN_EVENTHUB and KEYWARDEN_USAGE_HUB")
	}
	return nil
}

// replayHub folds what the usage hub holds now, partition by partition.
func (c *fromHub) replayHub(ctx context.Context, std *streams, o *engineOptions) ([]*incident.Incident, error) {
	e, err := o.engine(engine.Config{Store: engine.NewMemory()})
	if err != nil {
		return nil, err
	}
	ledger := engine.NewInMemory()
	err = withHub(ctx, c.EventHub, c.UsageHub, func(hub *eventhub.Hub) error {
		properties, err := hub.Properties(ctx)
		if err != nil {
			return err
		}
		reader := hub.Reader(c.ToolsGroup)
		var tally engine.Tally
		events := int64(0)
		for _, id := range properties.Partitions {
			_, bounds, err := hub.Bounds(ctx, id)
			if err != nil {
				return err
			}
			p, err := e.Partition(engine.PartitionConfig{Log: properties.Log(id), Ledger: ledger, Reader: reader})
			if err != nil {
				return err
			}
			if err := replayPartition(ctx, p, reader, bounds); err != nil {
				return err
			}
			events += bounds.Next - bounds.Begin
			tally.Calls += p.Status().Calls
			tally.Findings += p.Status().Findings
		}
		fmt.Fprintf(std.err, "%s of %d partitions: %s, %s\n", counted(events, "event", "events"), len(properties.Partitions),
			counted(tally.Calls, "call", "calls"), counted(tally.Findings, "finding", "findings"))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ledger.Incidents(ctx)
}

// takenAtOnce is how many events are folded at once.
const takenAtOnce = 500

func replayPartition(ctx context.Context, p *engine.Partition, reader *eventhub.Reader, bounds eventhub.Bounds) error {
	var batch []engine.LogEvent
	take := func() error {
		err := p.Take(ctx, time.Time{}, batch)
		batch = batch[:0]
		return err
	}
	_, err := reader.Read(ctx, p.Log, bounds.Begin, bounds.Next, func(e engine.LogEvent) error {
		if batch = append(batch, e); len(batch) < takenAtOnce {
			return nil
		}
		return take()
	})
	if err != nil {
		return err
	}
	if err := take(); err != nil {
		return err
	}
	return p.Save(ctx, time.Time{})
}
