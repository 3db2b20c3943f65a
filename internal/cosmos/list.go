package cosmos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/keywarden/keywarden/internal/incident"
)

// List answers a query. The error of one that is wrong is an *incident.QueryError.
//
// The service sorts within one partition only, which is a year: each year is
// read in order, page by page, and the years are merged.
func (c *Client) List(ctx context.Context, q incident.Query) (incident.Page, error) {
	plan, err := q.Plan()
	if err != nil {
		return incident.Page{}, err
	}
	years, err := c.years(ctx)
	if err != nil {
		return incident.Page{}, err
	}
	var streams []*stream
	for _, year := range years {
		if year <= lastYear(plan) {
			streams = append(streams, c.stream(year, plan))
		}
	}
	var found []*incident.Incident
	for len(found) <= plan.Limit {
		next, err := highest(ctx, streams, plan)
		if err != nil {
			return incident.Page{}, err
		}
		if next == nil {
			break
		}
		found = append(found, next)
	}
	return plan.Page(found), nil
}

// incidentID is what ids of incidents look like. Others may not be asked for:
// the service refuses some of them in ways of its own.
var incidentID = regexp.MustCompile(`^[0-9]{4}-[0-9a-f]{16}$`)

// Get returns an incident with its evidence, or incident.ErrNotFound.
func (c *Client) Get(ctx context.Context, id string) (*incident.Incident, error) {
	if !incidentID.MatchString(id) {
		return nil, incident.ErrNotFound
	}
	var document json.RawMessage
	if _, err := c.get(ctx, place{IncidentsContainer, IncidentYear(id), id}, &document); err != nil {
		if errors.Is(err, errMissing) {
			return nil, incident.ErrNotFound
		}
		return nil, err
	}
	i := new(incident.Incident)
	if err := i.UnmarshalDocument(document); err != nil {
		return nil, fmt.Errorf("cosmos: incident %s: %w", id, err)
	}
	return i, nil
}

// highest takes the next of all incidents from the streams; nil at their end.
func highest(ctx context.Context, streams []*stream, plan *incident.Plan) (*incident.Incident, error) {
	var of *stream
	for _, s := range streams {
		if err := s.fill(ctx); err != nil {
			return nil, err
		}
		if len(s.ahead) > 0 && (of == nil || plan.Compare(s.ahead[0], of.ahead[0]) < 0) {
			of = s
		}
	}
	if of == nil {
		return nil, nil
	}
	next := of.ahead[0]
	of.ahead = of.ahead[1:]
	return next, nil
}
