package web

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// parameters are those of a list of incidents, each with what it sets.
var parameters = map[string]func(q *incident.Query, value string) error{
	"status":    func(q *incident.Query, v string) error { q.Statuses = strings.Split(v, ","); return nil },
	"severity":  setSeverities,
	"principal": func(q *incident.Query, v string) error { q.Principal = v; return nil },
	"resource":  func(q *incident.Query, v string) error { q.Resource = v; return nil },
	"detector":  func(q *incident.Query, v string) error { q.Detector = v; return nil },
	"from":      func(q *incident.Query, v string) error { return setTime(&q.From, "from", v) },
	"to":        func(q *incident.Query, v string) error { return setTime(&q.To, "to", v) },
	"q":         func(q *incident.Query, v string) error { q.Text = v; return nil },
	"sort":      func(q *incident.Query, v string) error { q.Sort = incident.Sort(v); return nil },
	"limit":     setLimit,
	"cursor":    func(q *incident.Query, v string) error { q.Cursor = v; return nil },
}

// parameterNames are for messages, in the order of the documentation.
const parameterNames = "status, severity, principal, resource, detector, from, to, q, sort, limit and cursor"

// parseQuery reads the query of an address. Its error is an *incident.QueryError.
func parseQuery(raw string) (incident.Query, error) {
	var q incident.Query
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, &incident.QueryError{Parameter: "query", Advice: "it cannot be read: encode values with %XX, and join parameters with &"}
	}
	for name, all := range values {
		set := parameters[name]
		switch {
		case set == nil:
			return q, &incident.QueryError{Parameter: fmt.Sprintf("%.40q", name), Advice: "there is no such parameter: there are " + parameterNames}
		case len(all) > 1:
			return q, &incident.QueryError{Parameter: name, Advice: "it is there twice: write several values with commas, where it takes several"}
		case all[0] == "":
			return q, &incident.QueryError{Parameter: name, Advice: "it is empty: write a value, or leave it out"}
		}
		if err := set(&q, all[0]); err != nil {
			return q, err
		}
	}
	return q, nil
}

func setSeverities(q *incident.Query, value string) error {
	for name := range strings.SplitSeq(value, ",") {
		var s detectors.Severity
		if err := s.UnmarshalText([]byte(name)); err != nil {
			return &incident.QueryError{Parameter: "severity", Advice: fmt.Sprintf("%.40q is none: write one or several of info, low, medium, high, critical, with commas", name)}
		}
		if !slices.Contains(q.Severities, s) {
			q.Severities = append(q.Severities, s)
		}
	}
	return nil
}

// setTime reads a time or a day, in UTC.
func setTime(t *detectors.Time, parameter, value string) error {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if parsed, err := time.Parse(layout, value); err == nil && parsed.Year() >= 1970 && parsed.UnixMilli() > 0 {
			*t = detectors.TimeOf(parsed)
			return nil
		}
	}
	return &incident.QueryError{Parameter: parameter, Advice: fmt.Sprintf("%.40q is no time: write 2026-11-25T10:00:00Z (a + of an offset as %%2B), or a day in UTC as 2026-11-25", value)}
}

func setLimit(q *incident.Query, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > incident.MaxLimit {
		return &incident.QueryError{Parameter: "limit", Advice: fmt.Sprintf("%.40q is none: write a number from 1 to %d", value, incident.MaxLimit)}
	}
	q.Limit = n
	return nil
}
