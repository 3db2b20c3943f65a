package web

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// listIncidents answers a page of incidents, without their evidence.
func (s *server) listIncidents(r *http.Request) (answer, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return answer{}, err
	}
	page, err := s.Incidents.List(r.Context(), q)
	if err != nil {
		return answer{}, err
	}
	return document(http.StatusOK, page), nil
}

// getIncident answers an incident with its evidence.
func (s *server) getIncident(r *http.Request) (answer, error) {
	found, err := s.Incidents.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return answer{}, err
	}
	whole, err := found.MarshalDocument()
	if err != nil {
		return answer{}, fmt.Errorf("web: incident %s: %w", found.ID, err)
	}
	return document(http.StatusOK, json.RawMessage(whole)).tagged(r), nil
}
