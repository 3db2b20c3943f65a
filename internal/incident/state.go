package incident

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// version of the saved form. Another one is refused.
const version = 3

// state is an Episode as it is saved: going on when it has traces.
type state struct {
	Version    int                   `json:"v"`
	ID         string                `json:"id,omitempty"`
	Principals []detectors.Principal `json:"principals,omitempty"`
	Traces     []trace               `json:"traces,omitempty"`  // by detector, in order of appearance
	Accused    []netip.Prefix        `json:"accused,omitempty"` // sorted

	Latest    detectors.Time     `json:"latest"` // finding
	FirstSeen detectors.Time     `json:"firstSeen"`
	LastSeen  detectors.Time     `json:"lastSeen"`
	OpenedAt  detectors.Time     `json:"openedAt"`
	Risk      float64            `json:"risk"`
	Severity  detectors.Severity `json:"severity"`
	Worst     weighing           `json:"worst,omitzero"` // of those that make the severity, the one of the highest risk

	Totals totals  `json:"totals"`
	Loss   float64 `json:"loss,omitempty"`
	Priced bool    `json:"priced,omitempty"` // Loss is known, at least in part

	Suppressed bool `json:"suppressed,omitempty"` // nobody is told
	Vouched    bool `json:"vouched,omitempty"`    // an analyst finds it benign

	Changed bool       `json:"changed,omitempty"` // since Take
	Closed  []document `json:"closed,omitempty"`  // changed incidents of episodes that have ended since Take
}

// totals of the calls that an incident is about; floats, because they cannot overflow.
type totals struct {
	Calls  float64 `json:"calls,omitempty"`
	Images float64 `json:"images,omitempty"`
	Tokens float64 `json:"tokens,omitempty"` // prompt and completion

	First detectors.Time `json:"first,omitempty"` // call
	Last  detectors.Time `json:"last,omitempty"`
}

var (
	_ encoding.BinaryAppender    = (*Episode)(nil)
	_ encoding.BinaryUnmarshaler = (*Episode)(nil)
)

// AppendBinary appends the saved form of the episode: nothing where there is
// nothing to keep.
func (e *Episode) AppendBinary(b []byte) ([]byte, error) {
	if !e.Open() && len(e.s.Closed) == 0 {
		return b, nil
	}
	saved := e.s
	saved.Version = version
	data, err := json.Marshal(saved)
	if err != nil {
		return b, fmt.Errorf("incident: save episode: %w", err)
	}
	return append(b, data...), nil
}

// UnmarshalBinary restores what AppendBinary saved. On an error the episode is
// as it was.
func (e *Episode) UnmarshalBinary(data []byte) error {
	if len(data) == 0 {
		*e = Episode{}
		return nil
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("incident: restore episode: %w", err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("incident: restore episode: %w", err)
	}
	s.Version = 0
	e.s = s
	return nil
}

// check holds what the methods of an Episode rely on.
func (s *state) check() error {
	switch {
	case s.Version != version:
		return fmt.Errorf("version %d is not %d", s.Version, version)
	case len(s.Traces) > maxDetectors, len(s.Principals) > maxPrincipals, len(s.Accused) > maxAccused:
		return fmt.Errorf("%d detectors, %d principals or %d networks are too many", len(s.Traces), len(s.Principals), len(s.Accused))
	case (len(s.Traces) > 0) != (len(s.Principals) > 0), s.Changed && len(s.Traces) == 0:
		return fmt.Errorf("%d detectors do not go with %d principals", len(s.Traces), len(s.Principals))
	case len(s.Worst.Grounds) > detectors.Families+1, slices.ContainsFunc(s.Worst.Grounds, func(g ground) bool { return find(s.Traces, g.Detector) == nil }):
		return fmt.Errorf("%d grounds are too many, or of detectors that found nothing", len(s.Worst.Grounds))
	case !slices.IsSortedFunc(s.Accused, netip.Prefix.Compare):
		return fmt.Errorf("networks are not in order")
	}
	for _, t := range s.Traces {
		if int(t.Family) >= detectors.Families {
			return fmt.Errorf("detector %q is of an unknown family %d", t.Detector, t.Family)
		}
		for _, kept := range t.Accusations {
			if len(kept) > maxAccusations || slices.ContainsFunc(kept, func(a accusation) bool { return len(a.Networks) == 0 }) {
				return fmt.Errorf("detector %q has %d accusations, which are too many or of nobody", t.Detector, len(kept))
			}
		}
		for _, o := range []*Observation{&t.First, &t.Strongest, &t.Last} {
			if int(o.Hand) >= detectors.Hands {
				return fmt.Errorf("detector %q has seen an unknown hand %d", t.Detector, o.Hand)
			}
		}
	}
	for _, d := range s.Closed {
		if d.Incident == nil {
			return fmt.Errorf("an ended incident is empty")
		}
	}
	return nil
}
