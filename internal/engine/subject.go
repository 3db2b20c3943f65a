package engine

import (
	"errors"
	"hash/fnv"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// subject is whom incidents are about: a principal, or the resource itself.
type subject struct {
	caller
	home     *resource
	chunk    *chunk
	scope    detectors.Scope
	profile  detectors.Profile
	memories []detectors.Memory // by detector; nil where it has none yet
	foreign  []saved            // memories that no detector here can read: kept as they are
	episode  incident.Episode
	guarded  bool   // an incident of medium severity or above is open
	alarmed  bool   // it is in the list of the worker of a partition
	size     int64  // in memory, roughly, in bytes
	name     uint32 // a hash of the caller
}

// saved is the memory of a detector as bytes.
type saved struct {
	id      string
	version int
	data    []byte
}

// newSize is about what a subject takes that was not saved yet.
const newSize = 6 << 10

func newSubject(r *resource, c caller) *subject {
	s := &subject{home: r, memories: make([]detectors.Memory, len(r.Detectors)), size: newSize}
	s.profile.Principal = detectors.Principal{Kind: c.Kind, ID: c.ID, Resource: r.id}
	switch c.Kind {
	case detectors.ResourcePrincipal:
		s.scope = detectors.PerResource
	case detectors.Operator:
		s.scope, s.profile.Principal = detectors.PerOperator, operatorOf(r.id)
	default:
		s.profile.Resource = &r.itself.profile
	}
	s.identify(c)
	if r.Scale != nil {
		s.profile.Scale = r.Scale(s.profile.Principal)
	}
	r.size += s.size
	return s
}

// identify sets who the subject is, and what follows from it.
func (s *subject) identify(c caller) {
	h := fnv.New32a()
	_, _ = h.Write(append([]byte{byte(c.Kind)}, c.ID...)) // never fails
	s.caller, s.name = c, h.Sum32()
	s.profile.Caller = 1 << (s.name % 64)
}

// voice is who calls from a network's organisation.
func (s *subject) voice(from *detectors.Network) uint32 {
	return (s.name ^ from.ASN*2654435761) | 1
}

// memory is what detector i remembers of the subject.
func (s *subject) memory(i int) detectors.Memory {
	if s.memories[i] == nil {
		s.memories[i] = s.home.Detectors[i].NewMemory()
	}
	return s.memories[i]
}

// add takes a finding into the episode. What an incident of medium severity
// accuses is not learned as usual while it is open.
func (s *subject) add(d *detectors.Detector, f detectors.Finding) {
	if s.home.place != nil && !s.alarmed {
		s.alarmed = true
		s.home.alarmed = append(s.home.alarmed, s)
	}
	before := s.episode.ID()
	s.episode.Add(s.profile.Principal, d, f)
	if !s.home.Quiet {
		s.episode.Announce()
	} else if s.episode.ID() != before {
		s.episode.Suppress()
	}
	if s.episode.Severity() >= detectors.Medium && !s.episode.Vouched() {
		if !s.guarded {
			s.profile.Guard = f.Time
		}
		s.guarded, s.profile.Guarded = true, true
		s.profile.Accuse(s.episode.Accused(), f.Time)
	}
}

// concern counts an event that the open incident is about.
func (s *subject) concern(e detectors.Event, prices *incident.Prices) {
	if !s.episode.Open() {
		return
	}
	s.episode.Tick(e.When())
	if s.guarded && s.episode.Severity() < detectors.Medium {
		s.guarded, s.profile.Guarded = false, false
	}
	switch e := e.(type) {
	case *detectors.Call:
		s.episode.Concern(e, prices)
	case *detectors.Usage:
		s.episode.ConcernUsage(e, prices)
	}
}

var errState = errors.New("saved state is cut off or corrupt: move the store away and replay the logs into a new one")
