package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// toldAtOnce is how many sightings, or stays, are in one message.
const toldAtOnce = 200

// tell publishes what was sighted, and what has become premises by it.
func (p *Partition) tell(ctx context.Context) error {
	sighted, stays := p.w.sighted, p.w.stays
	p.w.sighted, p.w.stays = nil, nil
	if p.Publisher == nil {
		return nil
	}
	if err := p.tellSighted(ctx, sighted); err != nil {
		return err
	}
	for part := range slices.Chunk(stays, toldAtOnce) {
		for to := range p.Partitions {
			if err := p.Publisher.Publish(ctx, to, usagelog.AppendPremises(nil, part)); err != nil {
				return fmt.Errorf("engine: publish premises to partition %d of the usage hub: %w", to, err)
			}
		}
	}
	return nil
}

// tellSighted publishes sightings, each to the partition of its network.
func (p *Partition) tellSighted(ctx context.Context, sighted []detectors.Sighting) error {
	outs := make([][]detectors.Sighting, p.Partitions)
	for _, s := range sighted {
		to := usagelog.Partition(routeOf(s.From.Prefix), p.Partitions)
		outs[to] = append(outs[to], s)
	}
	for to, all := range outs {
		for part := range slices.Chunk(all, toldAtOnce) {
			if err := p.Publisher.Publish(ctx, to, usagelog.AppendSightings(nil, part)); err != nil {
				return fmt.Errorf("engine: publish sightings to partition %d of the usage hub: %w", to, err)
			}
		}
	}
	return nil
}
