// Package incidenttest is the test that every store of incidents must pass that
// is read by queries. The test of a store calls [Run] with a function that makes
// an empty one.
package incidenttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/internal/incident"
)

// Reader is a store as its readers see it.
type Reader interface {
	// List answers a query. The error of one that is wrong is an *incident.QueryError.
	List(ctx context.Context, q incident.Query) (incident.Page, error)

	// Get returns an incident with its evidence, or incident.ErrNotFound.
	Get(ctx context.Context, id string) (*incident.Incident, error)
}

// Store is a Reader, and how the engine writes what it reads: Put keeps
// incidents, each in place of the one of the same id.
type Store interface {
	Reader
	Put(t testing.TB, all ...*incident.Incident)
}

// Run tests a store. Each call of open must give one of its own, empty.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"new_is_empty":                             newIsEmpty,
		"get_finds_what_was_put":                   getFindsWhatWasPut,
		"query_gives_what_filter_and_sort_give":    queryGivesWhatFilterAndSortGive,
		"pages_stay_whole_while_incidents_come_in": pagesStayWholeWhileIncidentsComeIn,
		"refuses_a_wrong_query":                    refusesAWrongQuery,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func newIsEmpty(t *testing.T, s Store) {
	page, err := s.List(t.Context(), incident.Query{})
	if err != nil || page.Items == nil || len(page.Items) > 0 || page.NextCursor != nil {
		t.Errorf("page %+v, error %v: want an empty list and no cursor", page, err)
	}
}

func getFindsWhatWasPut(t *testing.T, s Store) {
	all := Incidents(rand.New(rand.NewPCG(1, 1)), 20)
	s.Put(t, all...)
	again := *all[3]
	again.Title, again.Risk = "Changed", 99
	s.Put(t, &again)
	all[3] = &again
	for _, want := range all {
		got, err := s.Get(t.Context(), want.ID)
		if err != nil {
			t.Fatalf("%s: %v", want.ID, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", want.ID, d)
		}
	}
	for _, id := range []string{"", " ", "x", "2026", "2026-", "2026-0000000000000000", "a/b", "%2F", "2026-é", all[0].ID + " ", all[0].ID + "'", "\x00\xff"} {
		if i, err := s.Get(t.Context(), id); !errors.Is(err, incident.ErrNotFound) {
			t.Errorf("%q: %v, error %v; want ErrNotFound", id, i, err)
		}
	}
}

func queryGivesWhatFilterAndSortGive(t *testing.T, s Store) {
	all := Incidents(rand.New(rand.NewPCG(2, 2)), 60)
	s.Put(t, all...)
	matched, asked := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t, all)
		want := expected(all, q)
		if at := rapid.IntRange(0, 4).Draw(t, "pages"); at > 0 {
			q.Limit = 1 + len(want)/at
		}
		got := pages(t, s, q, nil)
		asked++
		matched += min(len(want), 1)
		if d := cmp.Diff(ids(want), ids(got)); d != "" {
			t.Fatalf("%+v (-want +got):\n%s", q, d)
		}
		for n := range got {
			if d := cmp.Diff(line(t, want[n]), line(t, got[n])); d != "" {
				t.Fatalf("%s (-want +got):\n%s", want[n].ID, d)
			}
		}
	})
	if matched*3 < asked {
		t.Errorf("of %d queries %d found something: too few to tell", asked, matched)
	}
}

// pagesStayWholeWhileIncidentsComeIn: what is there from the first page to the
// last comes once, and what comes in between does so where it still can.
func pagesStayWholeWhileIncidentsComeIn(t *testing.T, s Store) {
	random := rand.New(rand.NewPCG(3, 3))
	coming := Incidents(random, 160)
	here := coming[:60]
	coming = coming[60:]
	s.Put(t, here...)
	for round := range 9 {
		q := incident.Query{Sort: []incident.Sort{incident.ByOpened, incident.ByRisk, incident.ByLastSeen}[round%3], Limit: 15 + random.IntN(40)}
		before := expected(here, q)
		got := pages(t, s, q, func() {
			n := min(len(coming), random.IntN(3))
			s.Put(t, coming[:n]...)
			here = append(here, coming[:n]...)
			coming = coming[n:]
		})
		if !slices.IsSortedFunc(got, order(q)) {
			t.Errorf("%+v: not in order", q)
		}
		count := map[string]int{}
		for _, i := range got {
			count[i.ID]++
		}
		for _, i := range before {
			if count[i.ID] != 1 {
				t.Errorf("%+v: %s, which stayed as it was, comes %d times", q, i.ID, count[i.ID])
			}
		}
		for id, n := range count {
			if n > 1 {
				t.Errorf("%+v: %s comes %d times", q, id, n)
			}
		}
	}
}

func refusesAWrongQuery(t *testing.T, s Store) {
	s.Put(t, Incidents(rand.New(rand.NewPCG(4, 4)), 5)...)
	first, err := s.List(t.Context(), incident.Query{Limit: 2})
	if err != nil || first.NextCursor == nil {
		t.Fatalf("page %+v, error %v", first, err)
	}
	for _, q := range []incident.Query{
		{Limit: 501},
		{Sort: "risk"},
		{Cursor: "???"},
		{Cursor: *first.NextCursor, Sort: incident.ByRisk},
		{Cursor: *first.NextCursor, Text: "x"},
	} {
		var wrong *incident.QueryError
		if _, err := s.List(t.Context(), q); !errors.As(err, &wrong) {
			t.Errorf("%+v: error %v, want a QueryError", q, err)
		}
	}
	if _, err := s.List(t.Context(), incident.Query{Limit: 3, Cursor: *first.NextCursor}); err != nil {
		t.Errorf("another limit: %v", err)
	}
}

// pages lists all pages; between two of them it calls between.
func pages(t rapid.TB, s Reader, q incident.Query, between func()) []*incident.Incident {
	var all []*incident.Incident
	for {
		page, err := s.List(context.Background(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		limit := q.Limit
		if limit == 0 {
			limit = incident.DefaultLimit
		}
		if len(page.Items) > limit || page.NextCursor != nil && len(page.Items) < limit {
			t.Fatalf("%+v: a page of %d, and more: %v", q, len(page.Items), page.NextCursor != nil)
		}
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all
		}
		q.Cursor = *page.NextCursor
		if between != nil {
			between()
		}
	}
}

func ids(all []*incident.Incident) []string {
	list := make([]string, len(all))
	for n, i := range all {
		list[n] = fmt.Sprintf("%s %s %v %v", i.ID, i.OpenedAt, i.Risk, i.LastSeen)
	}
	return list
}
