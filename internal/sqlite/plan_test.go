package sqlite

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
)

// A page is read from an index in its order: not more of the table than the page needs.
func TestSelectIncidents_uses_an_index(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "plan.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test has what it wants
	all := incidenttest.Incidents(rand.New(rand.NewPCG(5, 5)), 200)
	if err := s.Commit(t.Context(), &engine.Batch{Incidents: all}); err != nil {
		t.Fatal(err)
	}
	for sort, column := range columns {
		for name, q := range map[string]incident.Query{"all": {}, "since": {From: all[0].OpenedAt}, "by_status": {Statuses: []string{"new"}}, "by_text": {Text: "x"}} {
			q.Sort, q.Limit = sort, 10
			page, err := s.List(t.Context(), incident.Query{Sort: sort, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			first, err := q.Plan()
			if err != nil {
				t.Fatal(err)
			}
			later := *first
			later.After = &incident.Mark{Value: page.Items[0].Risk, ID: page.Items[0].ID}
			for _, plan := range []*incident.Plan{first, &later} {
				if how := explain(t, s, plan); strings.Contains(how, "TEMP B-TREE") || !strings.Contains(how, "incidents_by_"+column) {
					t.Errorf("%s, %s: %s", name, sort, how)
				}
			}
		}
	}
}

// explain is how SQLite answers a plan.
func explain(t *testing.T, s *Store, p *incident.Plan) string {
	t.Helper()
	query, args := selectIncidents(p)
	rows, err := s.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var how []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		how = append(how, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(how, "; ")
}
