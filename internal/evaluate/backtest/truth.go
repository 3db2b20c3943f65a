package backtest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/incident"
)

// Truth is the true positives that are known. The zero Truth knows none.
type Truth struct{ all []*known }

// known is one true positive: an incident by its id, or whatever an incident is
// about some principals and some time.
type known struct {
	name       string // where it was read, and what it is known by
	incident   string
	principals []detectors.Principal
	from, to   detectors.Time // 0: at any time
}

// line is a true positive as a line of a truth file has it. Keys of others are ignored.
type line struct {
	Incident   string                `json:"incident"`
	ID         string                `json:"id"`
	Principal  *detectors.Principal  `json:"principal"`
	Principals []detectors.Principal `json:"principals"`
	Since      detectors.Time        `json:"since"`
	FirstSeen  detectors.Time        `json:"firstSeen"`
	LastSeen   detectors.Time        `json:"lastSeen"`
	FirstCall  detectors.Time        `json:"firstCall"`
	LastCall   detectors.Time        `json:"lastCall"`
}

// ReadTruth reads true positives, one a line: the id of an incident; or an
// object of JSON, which may be an incident as replay prints it, a campaign as
// simulate writes it, {"incident":ID}, {"principal":{…}} or {"principals":[…]}.
// Empty lines, and those that begin with #, are passed over.
func ReadTruth(in io.Reader) (Truth, error) {
	var t Truth
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		k, err := read(text)
		if err != nil {
			return Truth{}, fmt.Errorf("line %d: %w", n, err)
		}
		k.name = fmt.Sprintf("line %d: %s", n, k.names())
		t.all = append(t.all, k)
	}
	return t, lines.Err()
}

func read(text string) (*known, error) {
	if !strings.HasPrefix(text, "{") {
		if strings.ContainsAny(text, " \t,") {
			return nil, fmt.Errorf("%q is neither the id of an incident nor a JSON object", text)
		}
		return &known{incident: text}, nil
	}
	var l line
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return nil, err
	}
	k := &known{incident: cmp.Or(l.Incident, l.ID), principals: l.Principals, from: max(l.Since, l.FirstSeen, l.FirstCall), to: max(l.LastSeen, l.LastCall)}
	if l.Principal != nil {
		k.principals = append(k.principals, *l.Principal)
	}
	if k.incident == "" && len(k.principals) == 0 {
		return nil, errors.New("it names neither an incident nor a principal: write an incident's id, or an object with incident, principal or principals")
	}
	return k, nil
}

// Learn takes in a verdict of true positive; others are passed over.
func (t *Truth) Learn(v *detectors.Verdict) {
	if v.Value == detectors.VerdictTruePositive {
		t.all = append(t.all, &known{name: "verdict: " + v.Incident, incident: v.Incident, principals: []detectors.Principal{v.Principal}, from: v.Since, to: v.Since})
	}
}

// About reports whether an incident, which may be nil, is one of a true positive.
func (t *Truth) About(i *incident.Incident) bool {
	for _, k := range t.all {
		if k.about(i) {
			return true
		}
	}
	return false
}

// mark notes the true positives that an incident is one of.
func (t *Truth) mark(i *incident.Incident, seen map[*known]bool) {
	for _, k := range t.all {
		if k.about(i) {
			seen[k] = true
		}
	}
}

// besides are the names of the true positives that are not in some.
func (t *Truth) besides(some map[*known]bool) (names []string) {
	for _, k := range t.all {
		if !some[k] {
			names = append(names, k.name)
		}
	}
	return names
}

func (t *Truth) len() int { return len(t.all) }

// names is what it is known by: its id, or else its principals.
func (k *known) names() string {
	if k.incident != "" {
		return k.incident
	}
	var ids []string
	for _, p := range k.principals {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, ", ")
}

func (k *known) about(i *incident.Incident) bool {
	if i == nil {
		return false
	}
	if k.incident != "" && k.incident == i.ID {
		return true
	}
	if k.from != 0 && i.LastSeen < k.from || k.to != 0 && i.FirstSeen > k.to {
		return false
	}
	for _, victim := range k.principals {
		for _, p := range append([]detectors.Principal{i.Principal}, i.Principals...) {
			if evaluate.About(p, victim) {
				return true
			}
		}
	}
	return false
}
