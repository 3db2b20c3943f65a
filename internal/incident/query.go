package incident

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keywarden/keywarden/detectors"
)

// Query asks a store for incidents. The zero Query asks for those opened last.
// All that is set must hold. Texts are compared without regard to case.
type Query struct {
	Statuses   []string             // any of them; all where empty
	Severities []detectors.Severity // any of them; all where empty
	Principal  string               // id of one of the incident's principals
	Resource   string               // id of the resource of one of them
	Detector   string               // id of a detector with a finding
	From, To   detectors.Time       // OpenedAt is From or later, and before To; zero is no bound
	Text       string               // stands in the title, in an id of a principal or resource, or in a summary

	Sort   Sort   // ByOpened where ""
	Limit  int    // at most so many, up to MaxLimit; DefaultLimit where 0
	Cursor string // Page.NextCursor of the page before; "" begins
}

// Sort is an order of incidents, the highest first; among equals the highest ID.
type Sort string

// The orders.
const (
	ByOpened   Sort = "-openedAt"
	ByRisk     Sort = "-risk"
	ByLastSeen Sort = "-lastSeen"
)

var sorts = []Sort{ByOpened, ByRisk, ByLastSeen}

// Bounds of a Query.
const (
	DefaultLimit = 50
	MaxLimit     = 500
	maxQueryText = 512 // bytes of one of its texts
)

// Statuses are all that an incident can have, as an analyst works through them.
var Statuses = []string{StatusNew, "in-progress", "on-hold", StatusSuppressed, "resolved"}

// ErrNotFound says that a store has no incident of an ID.
var ErrNotFound = errors.New("incident: there is none of this id")

// QueryError says what is wrong with a Query, and what to write instead.
type QueryError struct {
	Parameter string // as the API calls it
	Advice    string
}

// Error implements error.
func (e *QueryError) Error() string { return e.Parameter + ": " + e.Advice }

func wrong(parameter, format string, args ...any) error {
	return &QueryError{parameter, fmt.Sprintf(format, args...)}
}

// Plan is a Query that was checked: its texts are in lower case, its lists
// sorted and its defaults filled in.
type Plan struct {
	Query
	After *Mark // the page begins beyond it; nil is the first page
}

// Mark is a place in an order: that of an incident.
type Mark struct {
	Value float64 // of what is sorted by: bits, or milliseconds since 1970
	ID    string
}

// Plan checks the query. Its error is a *QueryError.
func (q Query) Plan() (*Plan, error) {
	p := &Plan{Query: q}
	if err := p.fill(); err != nil {
		return nil, err
	}
	for _, text := range []struct {
		parameter string
		value     *string
	}{{"principal", &p.Principal}, {"resource", &p.Resource}, {"detector", &p.Detector}, {"q", &p.Text}} {
		if err := checkText(text.parameter, *text.value); err != nil {
			return nil, err
		}
		*text.value = fold(*text.value)
	}
	if q.Cursor == "" {
		return p, nil
	}
	mark, err := openCursor(q.Cursor, p.identity())
	if err != nil {
		return nil, err
	}
	p.After = mark
	return p, nil
}

// fill checks what is no text, and puts defaults where nothing is said.
func (p *Plan) fill() error {
	p.Sort = cmp.Or(p.Sort, ByOpened)
	p.Limit = cmp.Or(p.Limit, DefaultLimit)
	p.Statuses = slices.Compact(slices.Sorted(slices.Values(p.Statuses)))
	p.Severities = slices.Compact(slices.Sorted(slices.Values(p.Severities)))
	for _, s := range p.Statuses {
		if !slices.Contains(Statuses, s) {
			return wrong("status", "%.40q is none: write one or several of %s, with commas", s, strings.Join(Statuses, ", "))
		}
	}
	for _, s := range p.Severities {
		if s > detectors.Critical {
			return wrong("severity", "%d is none: write one or several of info, low, medium, high, critical, with commas", s)
		}
	}
	switch {
	case !slices.Contains(sorts, p.Sort):
		return wrong("sort", "%.40q is no order: write -openedAt, -risk or -lastSeen", p.Sort)
	case p.Limit < 1 || p.Limit > MaxLimit:
		return wrong("limit", "%d is out of bounds: write a number from 1 to %d", p.Limit, MaxLimit)
	case p.From != 0 && p.To != 0 && p.From >= p.To:
		return wrong("from", "%v is not before to, which is %v: turn them round", p.From, p.To)
	}
	return nil
}

func checkText(parameter, text string) error {
	switch {
	case len(text) > maxQueryText:
		return wrong(parameter, "it has %d bytes: write at most %d", len(text), maxQueryText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		return wrong(parameter, "it has bytes that are no text: write one line of UTF-8")
	}
	return nil
}

// fold is a text as queries compare it.
func fold(text string) string { return strings.ToLower(text) }
