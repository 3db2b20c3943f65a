// Package incident fuses findings into incidents: what the detectors say about
// one principal in one episode becomes one risk, one severity, one title and
// one estimate of the loss.
//
// The engine keeps an [Episode] per principal and feeds it in log order:
// [Episode.Add] for each finding, [Episode.Concern] and [Episode.ConcernUsage]
// for the principal's calls and their tokens, [Episode.Tick] as time passes.
// [Episode.Take] hands out what changed and has to be written. An episode
// begins with a finding of at least [Floor] bits and ends when [Life] has
// passed since its last one; the next finding begins another incident.
//
// How findings weigh is in fusion.go and, with the reasoning, in
// docs/decisions/0004-fusion.md. Risk and severity of an incident are the
// highest that its episode reached: an incident does not fall back.
//
// The loss is reckoned from list prices ([Prices]) over the calls that the
// incident is about, from its first finding on. It is unknown where no such
// call could be priced, and a lower bound where some could not.
//
// The package has no clock and does no I/O. The same events give the same
// incidents, byte for byte, and an Episode that was saved and restored goes on
// as if it had not been. The order of events matters: it is the log's.
package incident

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/keywarden/keywarden/detectors"
)

// Incident is one episode on one principal. Encoded as JSON it is the line
// that replay prints and the API returns; [Incident.MarshalDocument] is the
// form with all its evidence. An Incident shares its facts with the Episode
// that it came from: do not modify it.
type Incident struct {
	// ID is the year and a hash of the principal and the time of the episode's
	// first finding. The year is that finding's too, even where OpenedAt falls
	// into the next, so that an ID is fixed from the first finding on.
	ID string `json:"id"`

	Principal  detectors.Principal   `json:"principal"`  // of the first finding
	Principals []detectors.Principal `json:"principals"` // all that findings were about, in order of appearance

	Severity detectors.Severity `json:"severity"` // the highest that was reached
	Risk     float64            `json:"risk"`     // bits, the highest that was reached, cut to a tenth
	Status   string             `json:"status"`   // StatusNew; an analyst's case has the status of the day
	Verdict  *string            `json:"verdict"`  // nil; an analyst's case has it
	Title    string             `json:"title"`    // at most 120 characters, without secrets

	Certainty string `json:"certainty"` // what the principals are, and how sure the log is of that
	Why       string `json:"why"`       // what makes the severity: bits by family, and the rung that they are over
	Harmless  string `json:"harmless"`  // ordinary causes of it, and what of it somebody has to know; "" where none is known

	OpenedAt  detectors.Time `json:"openedAt"`  // when the severity first reached medium; where it never did, when the risk was highest
	FirstSeen detectors.Time `json:"firstSeen"` // first and last event that the incident is about
	LastSeen  detectors.Time `json:"lastSeen"`

	LossUSD  *float64  `json:"lossUSD"`  // in whole cents; nil when unknown, a lower bound when known in part
	Findings []Finding `json:"findings"` // one per detector, the strongest first

	Evidence []Evidence `json:"-"` // per detector, in the order of Findings
}

// Statuses of an incident that no analyst has touched.
const (
	StatusNew        = "new"
	StatusSuppressed = "suppressed" // found while baselines were warmed with an archive: nobody is told
)

// Finding is the strongest finding of one detector.
type Finding struct {
	Detector string         `json:"detector"`
	Time     detectors.Time `json:"time"`
	Bits     float64        `json:"bits"`  // cut to a tenth
	Count    int            `json:"count"` // findings of this detector in the episode
	Summary  string         `json:"summary"`
	Observed Facts          `json:"observed"` // never nil
	Usual    Facts          `json:"usual"`    // never nil
}

// Compare orders incidents as replay prints them: by OpenedAt, then by ID.
func Compare(a, b *Incident) int {
	return cmp.Or(cmp.Compare(a.OpenedAt, b.OpenedAt), cmp.Compare(a.ID, b.ID))
}

// document is the stored form: the line and all evidence.
type document struct {
	*Incident
	Evidence []Evidence `json:"evidence"`
}

// MarshalDocument is the incident as JSON with its evidence: the keys of the
// line and "evidence".
func (i *Incident) MarshalDocument() ([]byte, error) {
	return json.Marshal(document{i, i.Evidence})
}

// UnmarshalDocument reads what MarshalDocument writes.
func (i *Incident) UnmarshalDocument(data []byte) error {
	var read Incident
	d := document{Incident: &read}
	if err := json.Unmarshal(data, &d); err != nil {
		return fmt.Errorf("incident: read document: %w", err)
	}
	*i = read
	i.Evidence = d.Evidence
	return nil
}
