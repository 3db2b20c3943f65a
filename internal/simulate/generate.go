package simulate

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
)

// window is the step of the simulation.
const window = 10 * detectors.Minute

// source is what makes calls or acts: a benign life, an administration or a campaign.
type source interface {
	// window makes those from now until end, in any order.
	window(now, end detectors.Time, emit func(*call))
}

// Generate simulates a run and hands every delivery to deliver, in order of
// delivery; an error of deliver ends the run and is returned as it is. Other
// errors are of the options, and say what to change. The Delivery is the
// callee's to keep.
func Generate(options Options, deliver func(Delivery) error) (Truth, error) {
	o, err := options.withDefaults()
	if err != nil {
		return Truth{}, fmt.Errorf("simulate: %w", err)
	}
	truth := Truth{}
	t := newTown(&o, func(l Lookalike) { truth.Lookalikes = append(truth.Lookalikes, l) })
	lives := t.populate(&truth)
	attacks, err := t.plan(lives, &truth)
	if err != nil {
		return Truth{}, fmt.Errorf("simulate: %w", err)
	}
	var sources []source
	for _, l := range lives {
		sources = append(sources, l)
	}
	for _, company := range t.order {
		for _, on := range company.resources {
			sources = append(sources, newAdministration(&o, on))
		}
	}
	for _, a := range attacks {
		sources = append(sources, a)
	}

	carrier := newCarrier(&o, deliver)
	recorder := newRecorder(&o, carrier, &truth)
	emit := recorder.record
	for now := o.start(); now < o.end(); now += window {
		for _, s := range sources {
			s.window(now, now+window, emit)
		}
		if err := carrier.flush(now + window); err != nil {
			return truth, err
		}
	}
	err = carrier.flush(o.end() + (ringMinutes-1)*detectors.Minute)
	truth.Deliveries = carrier.sent
	return truth, err
}

// populate makes the lives of all principals.
func (t *town) populate(truth *Truth) []*life {
	lives := make([]*life, t.options.Principals)
	ordinals := map[detectors.PrincipalKind]int{}
	for i := range lives {
		r := stream(t.options.Seed, fmt.Sprintf("principal/%d", i))
		who := t.principal(i, r)
		lives[i] = newLife(t, who, i, ordinals[who.Kind], r)
		ordinals[who.Kind]++
		truth.Principals = append(truth.Principals, Resident{Principal: who.Principal, Archetype: who.archetype, Country: who.on.company.home})
	}
	return lives
}
