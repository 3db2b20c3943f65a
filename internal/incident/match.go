package incident

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/keywarden/keywarden/detectors"
)

// Keys are what a store finds an incident by, in the form that a [Plan] has
// them: texts in lower case, times in milliseconds since 1970. A store that
// cannot reckon them itself keeps them beside the incident.
type Keys struct {
	OpenedAt   int64    `json:"openedAt"`
	LastSeen   int64    `json:"lastSeen"`
	Principals []string `json:"principals"` // ids, each once
	Resources  []string `json:"resources"`  // ids, each once
	Detectors  []string `json:"detectors"`
	Text       string   `json:"text"` // all that Query.Text is looked for in, without control characters
}

// Keys returns the incident's.
func (i *Incident) Keys() Keys {
	k := Keys{OpenedAt: int64(i.OpenedAt), LastSeen: int64(i.LastSeen), Principals: []string{}, Resources: []string{}, Detectors: []string{}}
	for _, p := range append([]detectors.Principal{i.Principal}, i.Principals...) {
		k.Principals = include(k.Principals, fold(p.ID))
		k.Resources = include(k.Resources, fold(p.Resource))
	}
	texts := append(append([]string{fold(i.Title)}, k.Principals...), k.Resources...)
	for _, f := range i.Findings {
		k.Detectors = include(k.Detectors, fold(f.Detector))
		texts = include(texts, fold(f.Summary))
	}
	for n := range texts {
		texts[n] = strings.Map(printable, texts[n])
	}
	k.Text = strings.Join(texts, "\n")
	return k
}

func include(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// Match reports whether the incident is one that is asked for, on whichever page.
func (p *Plan) Match(i *Incident) bool {
	k := i.Keys()
	return (len(p.Statuses) == 0 || slices.Contains(p.Statuses, i.Status)) &&
		(len(p.Severities) == 0 || slices.Contains(p.Severities, i.Severity)) &&
		(p.From == 0 || i.OpenedAt >= p.From) &&
		(p.To == 0 || i.OpenedAt < p.To) &&
		(p.Principal == "" || slices.Contains(k.Principals, p.Principal)) &&
		(p.Resource == "" || slices.Contains(k.Resources, p.Resource)) &&
		(p.Detector == "" || slices.Contains(k.Detectors, p.Detector)) &&
		strings.Contains(k.Text, p.Text)
}

// Compare orders incidents as they are asked for.
func (p *Plan) Compare(a, b *Incident) int { return p.Sort.markOf(b).compare(p.Sort.markOf(a)) }

// Beyond reports whether the incident comes after all earlier pages.
func (p *Plan) Beyond(i *Incident) bool {
	return p.After == nil || p.Sort.markOf(i).compare(*p.After) < 0
}

func (s Sort) markOf(i *Incident) Mark {
	switch s {
	case ByRisk:
		return Mark{i.Risk, i.ID}
	case ByLastSeen:
		return Mark{float64(i.LastSeen), i.ID}
	default:
		return Mark{float64(i.OpenedAt), i.ID}
	}
}

func (m Mark) compare(o Mark) int {
	return cmp.Or(cmp.Compare(m.Value, o.Value), strings.Compare(m.ID, o.ID))
}
