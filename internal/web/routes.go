package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is an address and what is done there. In a pattern {id} is any one
// segment.
type route struct {
	method, pattern string
	open            bool // without a role
	do              func(*server, *http.Request) (answer, error)
}

var routes = []route{
	{method: http.MethodGet, pattern: "/api/incidents", do: (*server).listIncidents},
	{method: http.MethodGet, pattern: "/api/incidents/{id}", do: (*server).getIncident},
	{method: http.MethodGet, pattern: "/api/coverage", do: (*server).coverage},
	{method: http.MethodGet, pattern: "/api/healthz", open: true, do: (*server).healthz},
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := s.answer(r)
	if err != nil {
		a = s.problem(r, err)
	}
	a.write(w, r)
}

// answer finds the route of a request, looks who asks, and does what is asked.
func (s *server) answer(r *http.Request) (answer, error) {
	at, allowed := find(r)
	switch {
	case at == nil && len(allowed) == 0:
		return answer{}, fail("not-found", "There is nothing at this address.")
	case at == nil:
		methods := strings.Join(allowed, ", ")
		return answer{}, &failure{code: "method-not-allowed", detail: "Of use here: " + methods + ".", header: http.Header{"Allow": {methods}}}
	case at.open:
		return at.do(s, r)
	}
	if err := s.require(r, Reader); err != nil {
		return answer{}, err
	}
	return at.do(s, r)
}

// find is the route of a request, with its path value set; without one, the
// methods that its address has, if it is one.
func find(r *http.Request) (*route, []string) {
	var allowed []string
	for i := range routes {
		id, ok := match(routes[i].pattern, r.URL.EscapedPath())
		if !ok {
			continue
		}
		if m := routes[i].method; m == r.Method || m == http.MethodGet && r.Method == http.MethodHead {
			r.SetPathValue("id", id)
			return &routes[i], nil
		}
		allowed = append(allowed, routes[i].method)
		if routes[i].method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	slices.Sort(allowed)
	return nil, slices.Compact(allowed)
}

// match compares a path with a pattern, segment by segment, and returns what
// stands at {id}.
func match(pattern, path string) (id string, ok bool) {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return "", false
	}
	for i := range want {
		segment, err := url.PathUnescape(got[i])
		switch {
		case err != nil:
			return "", false
		case want[i] == "{id}" && segment != "":
			id = segment
		case want[i] != segment:
			return "", false
		}
	}
	return id, true
}

// require fails where whoever asks has not the role.
func (s *server) require(r *http.Request, role string) error {
	who, err := s.Authorize(r)
	if err != nil {
		return err
	}
	if !slices.Contains(who.Roles, role) {
		return fail("forbidden", "This needs the role "+role+": an administrator gives it in the app registration.")
	}
	return nil
}
