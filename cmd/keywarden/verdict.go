package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// verdictCommand says what an incident was.
type verdictCommand struct {
	Incident string `arg:"" help:"The incident's id."`
	Value    string `arg:"" enum:"true-positive,false-positive,benign" help:"true-positive, false-positive or benign."`
	saying
}

// Help is printed under --help.
func (*verdictCommand) Help() string {
	return `Says what an incident was, and changes what is judged from then on. After benign and false-positive the networks of the incident are usual for its principal, and it learns again. After true-positive what it did since the incident's first event is forgotten, as if it had never been met.

Examples:

  keywarden verdict --store sqlite:keywarden.db 2026-138ca0592de69546 benign
  . build/dev/env && keywarden verdict 2026-138ca0592de69546 true-positive`
}

// Run says on standard output what holds then.
func (c *verdictCommand) Run(ctx context.Context, std *streams) error {
	return c.serve(ctx, std, func(ctx context.Context, s *service) error {
		found, err := s.incident(ctx, c.Incident)
		if err != nil {
			return err
		}
		if found.Principal.Resource == "" {
			return fmt.Errorf("incident %s is about %s, which is behind several principals: give a verdict on their own incidents", c.Incident, principalName(found.Principal))
		}
		effect := "what it was about is usual"
		if c.Value == detectors.VerdictTruePositive {
			effect = "what it did since " + found.FirstSeen.String() + " is forgotten"
		}
		command := &detectors.Command{Verdict: &detectors.Verdict{
			Incident: found.ID, Principal: found.Principal, Value: c.Value, Since: found.FirstSeen, Networks: accused(found),
		}}
		return c.say(ctx, s, std, command, fmt.Sprintf("%s: %s of %s: %s", found.ID, c.Value, principalName(found.Principal), effect))
	})
}

// accused are the networks that the incident's evidence names.
func accused(i *incident.Incident) (all []netip.Prefix) {
	for _, e := range i.Evidence {
		for _, o := range []incident.Observation{e.First, e.Strongest, e.Last} {
			for _, n := range o.Networks {
				if p, err := netip.ParsePrefix(n.Prefix); err == nil && !slices.Contains(all, p) {
					all = append(all, p)
				}
			}
		}
	}
	return all
}
