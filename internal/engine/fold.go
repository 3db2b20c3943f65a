package engine

import (
	"context"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/incident"
)

// Fold judges fragments that are decoded already, in one goroutine and in
// memory: what a simulation makes is judged without being written first.
type Fold struct {
	w    *worker
	pace Pace
}

// NewFold is a Fold that has judged nothing. Of the engine's store it uses nothing.
func (e *Engine) NewFold() *Fold {
	alone := *e
	alone.Store, alone.Workers = NewMemory(), 1
	return &Fold{w: newWorker(context.Background(), &run{Engine: &alone, kept: inStore{alone.Store}, rules: new(Rules)})}
}

// Take judges a fragment at the given time of the log, which must not go back.
// It fills in what the tables know of the fragment's address.
func (f *Fold) Take(fragment *azurelog.Fragment, clock detectors.Time) {
	locate(fragment, f.w.Locate)
	f.w.rules = f.w.rules.begun(clock)
	f.w.now, f.w.pulse = clock, f.pace.Pulse
	if clock > f.pace.Now {
		f.listen(clock)
	}
	f.w.resource(fragment.Resource).take(fragment, clock)
	for i := range f.w.sighted {
		s := &f.w.sighted[i]
		f.w.resource(routeOf(s.From.Prefix)).see(s, clock)
	}
	f.w.sighted = f.w.sighted[:0]
	f.w.rules = f.w.rules.housed(f.w.stays)
	f.w.stays = f.w.stays[:0]
}

// Obey has a command be in force from the next fragment on. It must be one that Check passes.
func (f *Fold) Obey(c *detectors.Command) { f.w.rules = f.w.rules.With(c) }

// listen moves the log's clock, and once an hour of it looks who is silent.
func (f *Fold) listen(clock detectors.Time) {
	hour := f.pace.Now / detectors.Hour
	f.pace.Now = clock
	f.pace.hear(clock)
	if clock/detectors.Hour > hour {
		f.w.tick(clock, f.w.pulse)
	}
}

// Tally counts what became of the fragments.
func (f *Fold) Tally() Tally { return f.w.tally }

// Incidents are the incidents that changed since the last call, sorted as incident.Compare does.
func (f *Fold) Incidents() []*incident.Incident {
	var all []*incident.Incident
	for _, r := range f.w.resources {
		all = append(all, r.itself.episode.Take()...)
		all = append(all, r.takeJoint()...)
		for _, c := range r.chunks {
			for _, p := range c.subjects {
				all = append(all, p.episode.Take()...)
			}
		}
	}
	slices.SortFunc(all, incident.Compare)
	return all
}
