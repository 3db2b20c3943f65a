package cosmos

import (
	"context"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// stream is the incidents of one year that a plan asks for, in order.
type stream struct {
	pages *runtime.Pager[azcosmos.QueryItemsResponse]
	ahead []*incident.Incident // that were read
}

// stream begins to read a year.
func (c *Client) stream(year string, p *incident.Plan) *stream {
	query, parameters := selectIncidents(p)
	return &stream{pages: c.containers[IncidentsContainer].NewQueryItemsPager(query, azcosmos.NewPartitionKeyString(year),
		&azcosmos.QueryOptions{QueryParameters: parameters, PageSizeHint: int32(p.Limit + 1)})}
}

// fill reads on where nothing is ahead. A page may be empty without being the last.
func (s *stream) fill(ctx context.Context) error {
	for len(s.ahead) == 0 && s.pages.More() {
		page, err := s.pages.NextPage(ctx)
		if err != nil {
			return wrap("query "+IncidentsContainer, err)
		}
		for _, item := range page.Items {
			i := new(incident.Incident)
			if err := i.UnmarshalDocument(item); err != nil {
				return fmt.Errorf("cosmos: %w", err)
			}
			s.ahead = append(s.ahead, i)
		}
	}
	return nil
}

// sortedBy are the properties that incidents are sorted by. Each has a
// composite index with the id.
var sortedBy = map[incident.Sort]string{
	incident.ByOpened:   "c.keys.openedAt",
	incident.ByRisk:     "c.risk",
	incident.ByLastSeen: "c.keys.lastSeen",
}

// selectIncidents is a plan in the service's SQL, within one partition.
func selectIncidents(p *incident.Plan) (string, []azcosmos.QueryParameter) {
	var s selection
	s.anyOf("c.status", p.Statuses)
	s.anyOf("c.severity", names(p.Severities))
	s.and(p.Principal != "", "ARRAY_CONTAINS(c.keys.principals, @)", p.Principal)
	s.and(p.Resource != "", "ARRAY_CONTAINS(c.keys.resources, @)", p.Resource)
	s.and(p.Detector != "", "ARRAY_CONTAINS(c.keys.detectors, @)", p.Detector)
	s.and(p.From != 0, "c.keys.openedAt >= @", int64(p.From))
	s.and(p.To != 0, "c.keys.openedAt < @", int64(p.To))
	s.and(p.Text != "", "CONTAINS(c.keys.text, @)", p.Text)
	by := sortedBy[p.Sort]
	if p.After != nil {
		value, id := s.parameter(p.After.Value), s.parameter(p.After.ID)
		s.where = append(s.where, fmt.Sprintf("(%s < %s OR (%s = %s AND c.id < %s))", by, value, by, value, id))
	}
	query := "SELECT * FROM c"
	if len(s.where) > 0 {
		query += " WHERE " + strings.Join(s.where, " AND ")
	}
	return query + " ORDER BY " + by + " DESC, c.id DESC", s.parameters
}

// selection is the conditions of a query with their parameters.
type selection struct {
	where      []string
	parameters []azcosmos.QueryParameter
}

// parameter is the name of a new parameter of the value.
func (s *selection) parameter(value any) string {
	name := fmt.Sprintf("@p%d", len(s.parameters))
	s.parameters = append(s.parameters, azcosmos.QueryParameter{Name: name, Value: value})
	return name
}

// and adds a condition, where it is wanted; its "@" is the value.
func (s *selection) and(wanted bool, condition string, value any) {
	if wanted {
		s.where = append(s.where, strings.Replace(condition, "@", s.parameter(value), 1))
	}
}

func (s *selection) anyOf(property string, values []string) {
	if len(values) == 0 {
		return
	}
	parameters := make([]string, len(values))
	for i, v := range values {
		parameters[i] = s.parameter(v)
	}
	s.where = append(s.where, property+" IN ("+strings.Join(parameters, ", ")+")")
}

func names(severities []detectors.Severity) []string {
	all := make([]string, len(severities))
	for i, s := range severities {
		all[i] = s.String()
	}
	return all
}

// lastYear is the latest year whose incidents a plan can ask for: none opens
// before the year of its id begins.
func lastYear(p *incident.Plan) string {
	last := detectors.Time(1 << 47)
	if p.To != 0 {
		last = p.To - 1
	}
	if p.After != nil && p.Sort == incident.ByOpened {
		last = min(last, detectors.Time(p.After.Value))
	}
	return fmt.Sprintf("%04d", last.UTC().Year())
}
