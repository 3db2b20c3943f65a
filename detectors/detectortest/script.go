package detectortest

import (
	"github.com/keywarden/keywarden/detectors"
)

// Scenario is a story of one principal that a detector judges.
//
// A scenario of abuse says with Script.Fires where the detector must speak. One
// without it is a near-miss: ordinary life that looks like the abuse. In both,
// no other event may have a finding of Below bits or more.
type Scenario struct {
	Name  string // snake_case
	Kind  detectors.PrincipalKind
	Below float64
	Decoy bool           // the principal's key was laid out to be stolen
	Since detectors.Time // when the watch began; zero where that is not known
	// Premises are networks in which others of the tenant are at home, from the beginning.
	Premises []detectors.Network
	Play     func(s *Script)
}

// Script is what happens in a scenario, in the order in which it is played.
type Script struct {
	steps []step
	fires []float64 // bits demanded of each group of steps
	group int       // of the next step, 1 for the first of fires; 0 for none
}

type step struct {
	event detectors.Event
	peer  bool // it is a call of a peer on the same resource
	kind  detectors.PrincipalKind
	who   uint // of the peers, below 63
	group int
}

// Call plays a call of the principal.
func (s *Script) Call(c detectors.Call) {
	s.steps = append(s.steps, step{event: &c, group: s.group})
}

// Usage plays tokens that come after their call.
func (s *Script) Usage(u detectors.Usage) {
	s.steps = append(s.steps, step{event: &u, group: s.group})
}

// Act plays an act on the resource. Detectors of resources judge it; the others
// know of it by what the resource's profile remembers.
func (s *Script) Act(a detectors.Act) {
	s.steps = append(s.steps, step{event: &a, group: s.group})
}

// Peer plays a call that a principal of the given kind makes on the same
// resource, the who-th of them. The detector does not judge it; the resource learns it.
func (s *Script) Peer(kind detectors.PrincipalKind, who uint, c detectors.Call) {
	s.steps = append(s.steps, step{event: &c, peer: true, kind: kind, who: who})
}

// Sight plays what a network is seen to do to a principal. Detectors of
// operators judge it.
func (s *Script) Sight(seen detectors.Sighting) {
	s.steps = append(s.steps, step{event: &seen, group: s.group})
}

// Elsewhere plays what the resource is told of its silence while others are
// logged until t.
func (s *Script) Elsewhere(until detectors.Time) {
	p := lives(Scenario{})
	for _, step := range s.steps {
		p.learn(step)
	}
	for tick, _ := p.resource.Awaited(); tick != 0 && tick.When() <= until; tick, _ = p.resource.Awaited() {
		told := step{event: tick, group: s.group}
		p.learn(told)
		s.steps = append(s.steps, told)
	}
}

// Fires demands that at least one of the events that play plays has a finding
// of the given bits or more.
func (s *Script) Fires(bits float64, play func()) {
	s.fires = append(s.fires, bits)
	s.group = len(s.fires)
	play()
	s.group = 0
}

// record is the script of a scenario.
func record(s Scenario) *Script {
	script := &Script{}
	s.Play(script)
	return script
}
