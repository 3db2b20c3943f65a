package incident_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
)

// list is a store that is a list.
type list struct{ all []*incident.Incident }

func (l *list) List(_ context.Context, q incident.Query) (incident.Page, error) {
	return incident.Select(l.all, q)
}

func (l *list) Get(_ context.Context, id string) (*incident.Incident, error) {
	for _, i := range l.all {
		if i.ID == id {
			return i, nil
		}
	}
	return nil, incident.ErrNotFound
}

func (l *list) Put(_ testing.TB, all ...*incident.Incident) {
	for _, i := range all {
		l.all = append(slices.DeleteFunc(l.all, func(o *incident.Incident) bool { return o.ID == i.ID }), i)
	}
}

func TestSelect(t *testing.T) {
	incidenttest.Run(t, func(*testing.T) incidenttest.Store { return &list{} })
}

func TestPlan_refuses_with_advice(t *testing.T) {
	for name, test := range map[string]struct {
		query     incident.Query
		parameter string
		advice    string
	}{
		"status":           {incident.Query{Statuses: []string{"New"}}, "status", "in-progress"},
		"severity":         {incident.Query{Severities: []detectors.Severity{9}}, "severity", "critical"},
		"sort":             {incident.Query{Sort: "openedAt"}, "sort", "-lastSeen"},
		"limit_too_high":   {incident.Query{Limit: 501}, "limit", "1 to 500"},
		"limit_negative":   {incident.Query{Limit: -1}, "limit", "1 to 500"},
		"times":            {incident.Query{From: 2000, To: 2000}, "from", "turn them round"},
		"long_text":        {incident.Query{Text: strings.Repeat("x", 513)}, "q", "at most 512"},
		"two_lines":        {incident.Query{Principal: "a\nb"}, "principal", "one line"},
		"no_text":          {incident.Query{Resource: "\xff"}, "resource", "UTF-8"},
		"cursor":           {incident.Query{Cursor: "x"}, "cursor", "nextCursor"},
		"cursor_too_long":  {incident.Query{Cursor: strings.Repeat("AAAA", 200)}, "cursor", "nextCursor"},
		"cursor_no_number": {incident.Query{Cursor: "YSBiIGM"}, "cursor", "nextCursor"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.query.Plan()
			var wrong *incident.QueryError
			if !errors.As(err, &wrong) || wrong.Parameter != test.parameter || !strings.Contains(wrong.Advice, test.advice) {
				t.Errorf("error %v, want one about %s that says %q", err, test.parameter, test.advice)
			}
		})
	}
}

// A cursor goes on with the same query however it was written.
func TestPlan_knows_its_query_again(t *testing.T) {
	one, two := &incident.Incident{ID: "2026-1", Title: "Öl"}, &incident.Incident{ID: "2026-2", Title: "öl"}
	page, err := incident.Select([]*incident.Incident{one, two}, incident.Query{Limit: 1, Text: "ÖL", Statuses: nil})
	if err != nil || page.NextCursor == nil {
		t.Fatalf("%+v, %v", page, err)
	}
	page, err = incident.Select([]*incident.Incident{one, two}, incident.Query{Text: "öl", Sort: incident.ByOpened, Cursor: *page.NextCursor})
	if err != nil || len(page.Items) != 1 || page.Items[0] != one {
		t.Errorf("%+v, %v", page, err)
	}
}

func FuzzPlan_cursor(f *testing.F) {
	f.Add("YSAxIGM", "x")
	f.Fuzz(func(t *testing.T, cursor, text string) {
		p, err := incident.Query{Cursor: cursor, Text: text}.Plan()
		var wrong *incident.QueryError
		if err != nil && !errors.As(err, &wrong) {
			t.Errorf("error %v is no QueryError", err)
		}
		if err == nil && cursor != "" && p.After == nil {
			t.Error("a cursor without effect")
		}
	})
}
