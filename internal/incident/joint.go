package incident

import (
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// Joint is all that is known of one operator in one span of time: what makes an
// incident of several principals. Unlike an Episode it has no past: the same
// Joint is the same incident, in whatever order its parts came to be known.
type Joint struct {
	Operator    detectors.Principal
	Since       detectors.Time        // when the span begins; with the operator it makes the incident's id
	Principals  []detectors.Principal // that were touched, in the order of time
	First, Last detectors.Time        // touch
	Said        []Said                // in the order of time
}

// Said is a finding and whose it is.
type Said struct {
	*detectors.Detector
	detectors.Finding
}

// Incident is the incident, nil where nothing was said that counts. Its
// principals corroborate one another, as families do elsewhere: so its risk is
// what was found at most, and its severity follows.
func (j *Joint) Incident() *Incident {
	s := state{ID: identify(j.Operator, j.Since), FirstSeen: j.First, LastSeen: j.Last}
	for _, said := range j.Said {
		if !(said.Bits >= Floor) {
			continue
		}
		t := s.trace(said.Detector)
		if t == nil {
			continue
		}
		s.accuse(said.Networks)
		t.add(observe(said.Finding), said.Young)
		risk := min(said.Bits, MaxRisk)
		s.rise(weighing{At: said.Time, Risk: risk, Severity: min(grade(risk), said.Severity), Grounds: []ground{{Detector: said.ID, Bits: risk}}})
	}
	if len(s.Traces) == 0 {
		return nil
	}
	touched := slices.Clone(j.Principals[:min(len(j.Principals), maxPrincipals)])
	for i := range touched {
		p := &touched[i]
		p.ID, p.Resource = strings.ToValidUTF8(p.ID, "\uFFFD"), strings.ToValidUTF8(p.Resource, "\uFFFD")
	}
	s.Principals = slices.Repeat([]detectors.Principal{j.Operator}, max(len(touched), 1))
	i := (&Episode{s}).Incident()
	i.Principals = touched
	return i
}
