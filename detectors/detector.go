package detectors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Detector is one way of abusing a principal and how to recognise it. It is a
// value: its text is what the catalogue, an incident, the console and a card
// print, and its judgement is a function of what it is handed. It has no
// clock, does no I/O and logs nothing, so a replay judges as production did.
type Detector struct {
	Description

	judge judge
}

// Description is the text of a detector.
type Description struct {
	ID         string      // folder and package name, with hyphens
	Title      string      // what was seen, in at most six words
	Text       string      // what it recognises, how, and on which side it errs
	Severity   Severity    // the most that this detector can make of an incident by itself
	Family     Family      //
	Scope      Scope       // what one state of it belongs to
	Techniques []Technique // what an attacker does, in the frameworks' terms
	Benign     []string    // ordinary causes
	Triage     []string    // what an analyst checks, in order
	Version    int         // of the state's layout; a state of another version is not read

	// Sights: what it finds from a network that is not the principal's own tells
	// of whoever is there, and is a Sighting. Not for what a move of the owner's
	// own brings with it.
	Sights bool

	// Ageless: it holds nothing against what is usual, so it says as much of a
	// principal of whom nothing is known yet.
	Ageless bool
}

// Scope is what a detector keeps a state for.
type Scope uint8

// Scopes.
const (
	PerPrincipal Scope = iota // each principal by itself
	PerResource               // the acts on a resource
	PerOperator               // networks that touch several principals
)

var scopeNames = [...]string{"principal", "resource", "operator"}

// String is the scope in lower case.
func (s Scope) String() string { return scopeNames[s] }

// MarshalText is String.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Technique is one entry of a public catalogue of attacks.
type Technique struct {
	Framework string `json:"framework"` // "ATT&CK 17.1", "ATLAS 5.6.0" or "OWASP LLM 2025"
	ID        string `json:"id"`        // "T1078.004"
}

// New makes a detector of its text and its judgement.
//
// observe is handed the profile as it was before the event, the event, and the
// detector's own memory S of the principal (zero at first, kept between calls,
// saved and restored by the engine). It returns what it finds and whether it
// found anything. It must not keep the profile or the event.
//
// S must be of fixed size, as encoding/binary has it (no slice, map, string or
// pointer; no int or uint): so it is bounded under any stream, and saved
// without code of its own. The acceptance test in detectortest refuses others.
func New[S any](d Description, observe func(before *Profile, e Event, own *S) (Finding, bool)) *Detector {
	return &Detector{Description: d, judge: typed[S](observe)}
}

// Memory is a detector's own memory of one principal: a *S for New's S.
type Memory any

// NewMemory is the memory of a principal that the detector has not met.
func (d *Detector) NewMemory() Memory { return d.judge.zero() }

// Observe judges e, given the profile before e and the detector's own memory,
// and reports whether there is a finding.
func (d *Detector) Observe(before *Profile, e Event, own Memory) (Finding, bool) {
	f, found := d.judge.observe(before, e, own)
	if found {
		f.Detector = d.ID
		f.Young = !d.Ageless && before.Young(e.When())
		if f.Hand == AnyHand {
			f.Hand = hand(before, e)
		}
	}
	return f, found
}

// Wrap is a detector that judges as d does and has review see, and change, what
// is found. It is for measuring; review may be called from several goroutines.
func (d *Detector) Wrap(review func(before *Profile, e Event, f Finding, found bool) (Finding, bool)) *Detector {
	return &Detector{Description: d.Description, judge: reviewed{d, review}}
}

// reviewed is the judge of Wrap.
type reviewed struct {
	*Detector
	review func(*Profile, Event, Finding, bool) (Finding, bool)
}

func (r reviewed) zero() Memory { return r.NewMemory() }

func (r reviewed) observe(before *Profile, e Event, own Memory) (Finding, bool) {
	f, found := r.Observe(before, e, own)
	return r.review(before, e, f, found)
}

// ErrMemory is wrapped by the errors of ReadMemory.
var ErrMemory = errors.New("memory of a detector cannot be read")

// AppendMemory appends m, as fixed-size fields in little-endian order, to b.
// Zero bytes at the end are left out.
func (d *Detector) AppendMemory(b []byte, m Memory) []byte {
	n := len(b)
	b, err := binary.Append(b, binary.LittleEndian, m)
	if err != nil {
		panic("detectors: the memory of " + d.ID + " is not of fixed size: " + err.Error())
	}
	return append(b[:n], bytes.TrimRight(b[n:], "\x00")...)
}

// ReadMemory reads what AppendMemory wrote when the detector was of the given
// version. Where that is not the detector's own version, or b is too long to be
// such a memory, the error wraps ErrMemory: the caller keeps b for the program
// that wrote it, and the detector starts with NewMemory.
func (d *Detector) ReadMemory(version int, b []byte) (Memory, error) {
	if version != d.Version {
		return nil, fmt.Errorf("%s: %w: it is of version %d, this program's is %d", d.ID, ErrMemory, version, d.Version)
	}
	m := d.NewMemory()
	size := binary.Size(m)
	if len(b) > size {
		return nil, fmt.Errorf("%s: %w: it has %d bytes, version %d has at most %d", d.ID, ErrMemory, len(b), version, size)
	}
	padded := append(make([]byte, 0, size), b...)
	if _, err := binary.Decode(padded[:size], binary.LittleEndian, m); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", d.ID, ErrMemory, err)
	}
	return m, nil
}

// judge hides the type of a detector's memory.
type judge interface {
	zero() Memory
	observe(before *Profile, e Event, own Memory) (Finding, bool)
}

type typed[S any] func(before *Profile, e Event, own *S) (Finding, bool)

func (observe typed[S]) zero() Memory { return new(S) }

func (observe typed[S]) observe(before *Profile, e Event, own Memory) (Finding, bool) {
	return observe(before, e, own.(*S))
}
