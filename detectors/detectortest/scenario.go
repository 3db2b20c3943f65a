package detectortest

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

// player judges a script as the engine does: time passes, the detector judges, then the profile learns.
type player struct {
	detector *detectors.Detector
	memory   detectors.Memory
	profile  *detectors.Profile
	resource *detectors.Profile
	scale    *detectors.Scale
}

func newPlayer(d *detectors.Detector, s Scenario) *player {
	p := lives(s)
	p.detector, p.memory = d, d.NewMemory()
	return p
}

// lives is a player without a detector: it learns.
func lives(s Scenario) *player {
	const id = "/subscriptions/1/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a"
	p := &player{}
	p.resource = &detectors.Profile{Principal: detectors.Principal{Kind: detectors.ResourcePrincipal, ID: id, Resource: id}}
	p.profile = &detectors.Profile{Principal: detectors.Principal{Kind: s.Kind, ID: "p", Resource: id}, Resource: p.resource, Decoy: s.Decoy, Since: s.Since, Caller: 1 << 63}
	var premises *detectors.Premises
	for _, n := range s.Premises {
		premises = premises.With(detectors.Stay{Network: n.Prefix, Since: At(0, 0, 0), Until: At(100, 0, 0)})
	}
	for _, of := range []*detectors.Profile{p.resource, p.profile} {
		of.Premises, of.Clock = premises, At(100, 0, 0)
	}
	return p
}

// subject is whose profile the detector judges a step by, nil where it does
// not: it is a peer's, or of another scope.
func (p *player) subject(s step) *detectors.Profile {
	of, scope := p.profile, detectors.PerPrincipal
	switch s.event.(type) {
	case *detectors.Act, detectors.Tick:
		of, scope = p.resource, detectors.PerResource
	case *detectors.Sighting:
		scope = detectors.PerOperator
	}
	if s.peer || scope != p.detector.Scope {
		return nil
	}
	return of
}

// judge is what the detector finds in a step.
func (p *player) judge(s step) (detectors.Finding, bool) {
	of := p.subject(s)
	if of == nil {
		return detectors.Finding{}, false
	}
	of.Advance(s.event.When())
	return p.detector.Observe(of, s.event, p.memory)
}

// learn has the profiles learn a step that was judged.
func (p *player) learn(s step) {
	kind, caller := p.profile.Principal.Kind, p.profile.Caller
	switch e := s.event.(type) {
	case *detectors.Act:
		p.resource.Learn(e, false)
		p.resource.Watch(e, 0)
		return
	case detectors.Tick:
		p.resource.Learn(e, false)
		return
	case *detectors.Sighting:
		return
	}
	if s.peer {
		kind, caller = s.kind, 1<<s.who
	} else {
		p.profile.Learn(s.event, false)
	}
	if c, ok := s.event.(*detectors.Call); ok {
		p.resource.Hear(c.Time, uint32(kind)<<1|c.From.ASN<<4|1, 0)
		p.resource.LearnPeer(c, kind, caller, false)
	}
}

// watched is judge and, where it is checked, fails the test if the detector changes what it must not.
func (p *player) watched(t *testing.T, s step, checked bool) (detectors.Finding, bool) {
	t.Helper()
	of := p.subject(s)
	if !checked || of == nil {
		return p.judge(s)
	}
	of.Advance(s.event.When())
	profiles, event := p.profiles(), reflect.Indirect(reflect.ValueOf(s.event)).Interface()
	f, found := p.judge(s)
	if !bytes.Equal(p.profiles(), profiles) || !reflect.DeepEqual(reflect.Indirect(reflect.ValueOf(s.event)).Interface(), event) {
		t.Fatalf("the detector changed the profile or the event %+v", event)
	}
	return f, found
}

// profiles is the profile and that of the resource as they are saved.
func (p *player) profiles() []byte {
	b, _ := p.profile.AppendBinary(nil)
	b, _ = p.resource.AppendBinary(b)
	return b
}

// restore saves everything, and goes on with what is read back.
func (p *player) restore() error {
	for _, of := range []**detectors.Profile{&p.resource, &p.profile} {
		b, _ := (*of).AppendBinary(nil)
		fresh := &detectors.Profile{Scale: p.scale}
		if err := fresh.UnmarshalBinary(b); err != nil {
			return err
		}
		fresh.Decoy, fresh.Since, fresh.Caller = (*of).Decoy, (*of).Since, (*of).Caller
		fresh.Premises, fresh.Clock = (*of).Premises, (*of).Clock
		*of = fresh
	}
	p.profile.Resource = p.resource
	m, err := p.detector.ReadMemory(p.detector.Version, p.detector.AppendMemory(nil, p.memory))
	p.memory = m
	return err
}

// A script is saved and restored between any two of its first events and of the
// first of each abuse, and then now and then: 97 is prime to hours and days.
const (
	restoredFirst = 100
	restoredEvery = 97
)

func testScenario(t *testing.T, d *detectors.Detector, s Scenario, script *Script) {
	kept, restored := newPlayer(d, s), newPlayer(d, s)
	strongest := make([]float64, len(script.fires))
	tests := map[string]bool{}
	watch := *detectors.Embedded()
	watch.Watch = func(test string, _ detectors.Time, _ float64) { tests[test] = true }
	kept.profile.Scale = &watch

	since := 0 // where the script or the abuse began
	for i, step := range script.steps {
		if i > 0 && step.group != script.steps[i-1].group {
			since = i
		}
		check := i-since < restoredFirst || i%restoredEvery == 0
		if check {
			if err := restored.restore(); err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
		}
		f, found := kept.watched(t, step, check)
		again, foundAgain := restored.judge(step)
		if found != foundAgain || found && !reflect.DeepEqual(f, again) {
			t.Fatalf("event %d, saved and restored, has the finding\n%+v, %v\nwant\n%+v, %v", i, again, foundAgain, f, found)
		}
		kept.learn(step)
		restored.learn(step)
		if !found {
			continue
		}
		testFinding(t, d, step.event, f)
		if step.group > 0 {
			strongest[step.group-1] = max(strongest[step.group-1], f.Bits)
			continue
		}
		if f.Bits >= s.Below {
			t.Errorf("event %d at %s: %.1f bits where less than %v were promised: %s", i, f.Time, f.Bits, s.Below, f.Summary)
		}
	}
	if !bytes.Equal(kept.profiles(), restored.profiles()) || !reflect.DeepEqual(kept.memory, restored.memory) {
		t.Error("what is remembered at the end is another where it was saved and restored")
	}
	for i, bits := range script.fires {
		if strongest[i] < bits {
			t.Errorf("the abuse is found with %.1f bits, want %v or more", strongest[i], bits)
		}
	}
	for test := range tests {
		if test != d.ID && !strings.HasPrefix(test, d.ID+"/") {
			t.Errorf("test %q must be called %q, or begin with %q", test, d.ID, d.ID+"/")
		}
	}
}

// testFinding holds a finding to its form.
func testFinding(t *testing.T, d *detectors.Detector, e detectors.Event, f detectors.Finding) {
	t.Helper()
	if f.Detector != d.ID || f.Time != e.When() || f.Bits < detectors.MinBits || f.Summary == "" || len(f.Observed) == 0 || len(f.Usual) == 0 {
		t.Errorf("incomplete finding: %+v", f)
	}
	if !hasFigure(f.Observed) || !hasFigure(f.Usual) {
		t.Errorf("no figure among what was observed (%v) or is usual (%v): an analyst compares numbers", f.Observed, f.Usual)
	}
	for name, fact := range f.Observed {
		if !isFact(fact) {
			t.Errorf("fact %s is a %T", name, fact)
		}
	}
	for name, fact := range f.Usual {
		if !isFact(fact) {
			t.Errorf("fact %s is a %T", name, fact)
		}
		for _, n := range f.Networks {
			if strings.Contains(fmt.Sprint(fact), n.Prefix.String()) {
				t.Errorf("fact %s says that the accused network %s is usual: %v", name, n.Prefix, fact)
			}
		}
	}
}

func hasFigure(facts detectors.Facts) bool {
	for _, fact := range facts {
		if _, ok := fact.(float64); ok {
			return true
		}
	}
	return false
}

func isFact(fact any) bool {
	switch fact.(type) {
	case float64, string, []string:
		return true
	}
	return false
}
