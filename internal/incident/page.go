package incident

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Page is a part of what a Query asks for. Encoded as JSON it is what the API
// answers.
//
// The pages of one query, each with the cursor of the one before, have every
// incident that stayed as it is once. One that comes in between, or whose risk
// or last event changes, is on a later page where its new place is there.
type Page struct {
	Items      []*Incident `json:"items"`      // in order; never nil
	NextCursor *string     `json:"nextCursor"` // nil on the last page
}

// Page makes the page of what was found beyond the plan's mark: in order, and
// one more than the limit where there are more.
func (p *Plan) Page(found []*Incident) Page {
	page := Page{Items: found[:min(len(found), p.Limit)]}
	if page.Items == nil {
		page.Items = []*Incident{}
	}
	if len(found) > p.Limit {
		next := cursorAt(p.Sort.markOf(page.Items[p.Limit-1]), p.identity())
		page.NextCursor = &next
	}
	return page
}

// Select answers a query from a list of all incidents, in any order.
func Select(all []*Incident, q Query) (Page, error) {
	p, err := q.Plan()
	if err != nil {
		return Page{}, err
	}
	var found []*Incident
	for _, i := range all {
		if p.Match(i) && p.Beyond(i) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, p.Compare)
	return p.Page(found[:min(len(found), p.Limit+1)]), nil
}

// identity tells queries apart whose pages do not go together.
func (p *Plan) identity() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %q %q %q %d %d %q %q",
		p.Statuses, p.Severities, p.Principal, p.Resource, p.Detector, p.From, p.To, p.Text, p.Sort))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// cursorAt is a mark, and the query that it belongs to, as text that nobody is to read.
func cursorAt(m Mark, query string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %s %s", query, strconv.FormatFloat(m.Value, 'g', -1, 64), m.ID))
}

// maxCursor is more than any cursor has, in bytes.
const maxCursor = 512

func openCursor(text, query string) (*Mark, error) {
	data, err := base64.RawURLEncoding.Strict().DecodeString(text[:min(len(text), maxCursor+1)])
	parts := strings.SplitN(string(data), " ", 3)
	if err != nil || len(text) > maxCursor || len(parts) != 3 {
		return nil, errCursor
	}
	value, err := strconv.ParseFloat(parts[1], 64)
	if err != nil || math.IsNaN(value) || parts[2] == "" || !utf8.ValidString(parts[2]) {
		return nil, errCursor
	}
	if parts[0] != query {
		return nil, wrong("cursor", "it belongs to another query: keep all filters and the order of the first page, or begin again without")
	}
	return &Mark{value, parts[2]}, nil
}

var errCursor = wrong("cursor", "it is not one that was given out: take nextCursor as it is, or begin again without")
