package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// List answers a query. The error of one that is wrong is an *incident.QueryError.
func (s *Store) List(ctx context.Context, q incident.Query) (incident.Page, error) {
	plan, err := q.Plan()
	if err != nil {
		return incident.Page{}, err
	}
	query, args := selectIncidents(plan)
	found, err := s.incidents(ctx, query, args...)
	if err != nil {
		return incident.Page{}, fmt.Errorf("sqlite: list incidents: %w", err)
	}
	return plan.Page(found), nil
}

// Get returns an incident with its evidence, or incident.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (*incident.Incident, error) {
	found, err := s.incidents(ctx, `SELECT document FROM incidents WHERE id = ?`, id)
	if err != nil {
		return nil, fmt.Errorf("sqlite: get incident: %w", err)
	}
	if len(found) == 0 {
		return nil, incident.ErrNotFound
	}
	return found[0], nil
}

// Incidents implements engine.Store.
func (s *Store) Incidents(ctx context.Context) ([]*incident.Incident, error) {
	all, err := s.incidents(ctx, `SELECT document FROM incidents ORDER BY opened_at, id`)
	if err != nil {
		return nil, fmt.Errorf("sqlite: read incidents: %w", err)
	}
	return all, nil
}

// incidents are those whose documents a query selects.
func (s *Store) incidents(ctx context.Context, query string, args ...any) ([]*incident.Incident, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*incident.Incident
	for rows.Next() {
		var document string
		i := new(incident.Incident)
		if err := rows.Scan(&document); err != nil {
			return nil, err
		}
		if err := i.UnmarshalDocument([]byte(document)); err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, rows.Err()
}

// columns are what incidents are sorted by.
var columns = map[incident.Sort]string{
	incident.ByOpened:   "opened_at",
	incident.ByRisk:     "risk",
	incident.ByLastSeen: "last_seen",
}

// selectIncidents is a plan in SQL, with its arguments.
func selectIncidents(p *incident.Plan) (string, []any) {
	where, args := []string{"TRUE"}, []any{}
	and := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if len(p.Statuses) > 0 {
		and("status IN "+marks(len(p.Statuses)), list(p.Statuses)...)
	}
	if len(p.Severities) > 0 {
		and("severity IN "+marks(len(p.Severities)), list(p.Severities)...)
	}
	for kind, value := range map[string]string{"principal": p.Principal, "resource": p.Resource, "detector": p.Detector} {
		if value != "" {
			and("id IN (SELECT incident FROM incident_keys WHERE kind = ? AND value = ?)", kind, value)
		}
	}
	if p.From != 0 {
		and("opened_at >= ?", int64(p.From))
	}
	if p.To != 0 {
		and("opened_at < ?", int64(p.To))
	}
	if p.Text != "" {
		and("instr(text, ?) > 0", p.Text)
	}
	column := columns[p.Sort]
	if p.After != nil {
		and("("+column+", id) < (?, ?)", p.After.Value, p.After.ID)
	}
	return "SELECT document FROM incidents WHERE " + strings.Join(where, " AND ") +
		" ORDER BY " + column + " DESC, id DESC LIMIT ?", append(args, p.Limit+1)
}

// marks are the places of n values in a list.
func marks(n int) string { return "(?" + strings.Repeat(", ?", n-1) + ")" }

func list[T any](values []T) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = v
	}
	return all
}

// putIncidents writes incidents as they are at a revision, each in place of the
// one of its id, and what they are found by.
func putIncidents(ctx context.Context, tx *sql.Tx, r engine.Revision, all []*incident.Incident) error {
	var keys [][]any
	for _, i := range all {
		k := i.Keys()
		for kind, values := range map[string][]string{"principal": k.Principals, "resource": k.Resources, "detector": k.Detectors} {
			for _, value := range values {
				keys = append(keys, []any{kind, value, i.ID})
			}
		}
	}
	return errors.Join(
		put(ctx, tx, `INSERT OR REPLACE INTO incidents (id, opened_at, last_seen, risk, severity, status, text, created, sequence, document)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, all, func(i *incident.Incident) ([]any, error) {
			document, err := i.MarshalDocument()
			k := i.Keys()
			return []any{i.ID, k.OpenedAt, k.LastSeen, i.Risk, int64(i.Severity), i.Status, k.Text, int64(r.Created), r.Sequence, string(document)}, err
		}),
		put(ctx, tx, `DELETE FROM incident_keys WHERE incident = ?`, all, func(i *incident.Incident) ([]any, error) { return []any{i.ID}, nil }),
		put(ctx, tx, `INSERT OR REPLACE INTO incident_keys (kind, value, incident) VALUES (?, ?, ?)`, keys, func(k []any) ([]any, error) { return k, nil }),
	)
}
