// Package deed is what the detectors of acts on a resource have in common.
//
// Such acts are rare, and which of them are an attacker's shows in who did
// them and from where. Simulated benign life has too few to measure, so their
// bits are assumed: a base for the act, and so many for each point of its
// strangeness ([detectors.Profile.Strangeness]).
package deed

import (
	"fmt"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// State is the memory of a detector of acts.
type State struct {
	Said stat.Latch
	Done stat.Rate // such acts
}

// Weight is how acts of a sort weigh.
type Weight struct {
	// Base is the bits of the act itself, where it is rare on the resource; below 0 where
	// all do it, and only a strange actor in a strange place tells.
	Base     float64
	PerPoint float64 // bits of each point of strangeness
	// Routine is how many such acts a day make the base worth nothing.
	Routine float64
}

// Observe judges an act of a sort on a resource.
func Observe(before *detectors.Profile, e detectors.Event, own *State, sort detectors.Deed, w Weight) (detectors.Finding, bool) {
	act, ok := e.(*detectors.Act)
	if !ok || act.Deed() != sort || !act.Succeeded {
		return detectors.Finding{}, false
	}
	day := int64(act.Time / detectors.Day)
	days := float64(before.ActAge(act.Time)) / float64(detectors.Day)
	perDay := own.Done.Past / (days + 1)
	own.Done.Add(day)
	points := before.Strangeness(act)
	bits := w.PerPoint*points + w.Base
	if w.Routine > 0 {
		bits -= w.Base * min(1, perDay/w.Routine)
	}
	if !own.Said.Raise(day, bits, detectors.MinBits) {
		return detectors.Finding{}, false
	}
	who := act.Actor.Name
	if who == "" {
		who = act.Actor.Key()
	}
	if who == "" {
		who = "somebody whom the log does not name"
	}
	f := detectors.Finding{
		Time:    act.Time,
		Bits:    bits,
		Summary: fmt.Sprintf("%s by %s from %s, %s", act.Operation, who, &act.From, judgement(points)),
		Observed: detectors.Facts{
			"operation": act.Operation, "actor": who, "application": act.Actor.AppID, "network": act.From.String(), "strangeness": points, "target": act.Target,
		},
		Usual: detectors.Facts{"actors": others(before, act), "actsPerDay": perDay},
	}
	if act.From.Known() && act.From.Kind != detectors.Azure && before.Networks.Find(act.From.Prefix) == nil {
		f.Networks = []detectors.Network{act.From}
	}
	return f, true
}

// judgement is the strangeness in words.
func judgement(points float64) string {
	switch {
	case points >= 4:
		return "whom and which place nobody knows there"
	case points >= 1.7:
		return "who or whose place is new there"
	}
	return "who is known there"
}

// others is who acts on the resource most, but for the actor.
func others(before *detectors.Profile, act *detectors.Act) []string {
	names := before.Actors.Usual(4, act.Time)
	return slices.DeleteFunc(names, func(name string) bool { return name == act.Actor.Key() })
}
