package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/keywarden/keywarden/detectors"
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

// replayHub folds what the usage hub holds now.
func (c *fromHub) replayHub(ctx context.Context, std *streams, o *engineOptions) ([]*incident.Incident, error) {
	e, err := o.engine(engine.Config{Store: engine.NewMemory()})
	if err != nil {
		return nil, err
	}
	j := &hubJudge{engine: e, ledger: engine.NewInMemory()}
	if err := c.fold(ctx, std, span{}, nil, j); err != nil {
		return nil, err
	}
	return j.ledger.Incidents(ctx)
}

// hubJudge is one way of judging a usage hub, and what it finds.
type hubJudge struct {
	name     string // for messages; "" where there is but one
	engine   *engine.Engine
	commands []detectors.Command // in force from the beginning
	ledger   *engine.InMemory
	tally    engine.Tally
}

// span is a part of the log, by when records arrived; zero times are no bounds.
type span struct{ since, until time.Time }

// holds reports whether what arrived at t is in the span.
func (s span) holds(t detectors.Time) bool {
	return (s.since.IsZero() || t >= detectors.TimeOf(s.since)) && (s.until.IsZero() || t < detectors.TimeOf(s.until))
}

// fold has every judge fold a span of the usage hub as it is now, partition by
// partition. What was commanded, and told of premises, before the span is in force in it. heard,
// where it is set, is told every command.
func (c *fromHub) fold(ctx context.Context, std *streams, s span, heard func(*detectors.Command), judges ...*hubJudge) error {
	return withHub(ctx, c.EventHub, c.UsageHub, func(hub *eventhub.Hub) error {
		properties, err := hub.Properties(ctx)
		if err != nil {
			return err
		}
		reader := hub.Reader(c.ToolsGroup)
		events := int64(0)
		for _, id := range properties.Partitions {
			_, bounds, err := hub.Bounds(ctx, id)
			if err != nil {
				return err
			}
			p := &hubPartition{log: properties.Log(id), reader: reader, span: s, heard: heard, judges: judges}
			if err := p.fold(ctx, bounds); err != nil {
				return err
			}
			events += bounds.Next - bounds.Begin
		}
		for _, j := range judges {
			fmt.Fprintf(std.err, "%s%s of %s: %s, %s\n", j.name, counted(events, "event", "events"), counted(int64(len(properties.Partitions)), "partition", "partitions"),
				counted(j.tally.Calls, "call", "calls"), counted(j.tally.Findings, "finding", "findings"))
		}
		return nil
	})
}
