package front

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/internal/functionshost/app"
)

// route is the template of one HTTP function.
type route struct {
	function app.Function
	segments []segment
}

// segment is a literal, a parameter or the rest of the path.
type segment struct {
	literal  string
	name     string // of a parameter
	optional bool
	rest     bool
	holds    func(string) bool // nil = anything
}

// constraints are those of ASP.NET that a route may name.
var constraints = map[string]func(string) bool{
	"int":   func(s string) bool { _, err := strconv.ParseInt(s, 10, 32); return err == nil },
	"long":  func(s string) bool { _, err := strconv.ParseInt(s, 10, 64); return err == nil },
	"bool":  func(s string) bool { return strings.EqualFold(s, "true") || strings.EqualFold(s, "false") },
	"alpha": regexp.MustCompile(`^[A-Za-z]*$`).MatchString,
	"guid":  regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`).MatchString,
}

// routesOf reads the routes of a package, the more special ones first.
func routesOf(a *app.App) (routes []route, problems []error) {
	for _, f := range a.Functions {
		if !f.IsHTTP() || f.Disabled {
			continue
		}
		template := f.Name
		if f.Trigger.Route != nil {
			template = *f.Trigger.Route
		}
		if a.Host.RoutePrefix != "" && !strings.HasPrefix(template, "/") {
			template = a.Host.RoutePrefix + "/" + template
		}
		r, err := parseRoute(f, strings.Trim(template, "/"))
		if err != nil {
			problems = append(problems, fmt.Errorf("function %s: route %q: %w; it is not served", f.Name, template, err))
			continue
		}
		routes = append(routes, r)
	}
	slices.SortStableFunc(routes, func(a, b route) int { return slices.CompareFunc(a.segments, b.segments, compare) })
	return routes, problems
}

// compare orders literals before parameters before the rest of a path.
func compare(a, b segment) int { return a.rank() - b.rank() }

func (s segment) rank() int {
	switch {
	case s.literal != "":
		return 0
	case s.rest:
		return 3
	case s.holds != nil:
		return 1
	}
	return 2
}

func parseRoute(f app.Function, template string) (route, error) {
	r := route{function: f}
	if strings.HasPrefix(strings.ToLower(template), "admin") {
		return r, fmt.Errorf("the host refuses a route that begins with admin")
	}
	for part := range strings.SplitSeq(template, "/") {
		inner, braced := strings.CutPrefix(part, "{")
		if !braced {
			r.segments = append(r.segments, segment{literal: part})
			continue
		}
		inner, closed := strings.CutSuffix(inner, "}")
		if !closed {
			return r, fmt.Errorf("%q mixes text and a parameter, which is not stood in for", part)
		}
		s := segment{}
		inner, s.rest = cutStars(inner)
		inner, s.optional = strings.CutSuffix(inner, "?")
		name, constraint, constrained := strings.Cut(inner, ":")
		if s.name = name; constrained {
			if s.holds = constraints[constraint]; s.holds == nil {
				return r, fmt.Errorf("the constraint %q is not stood in for", constraint)
			}
		}
		r.segments = append(r.segments, s)
	}
	return r, nil
}

func cutStars(inner string) (string, bool) {
	name := strings.TrimLeft(inner, "*")
	return name, name != inner
}

// match finds the function of a path, whatever its case.
func (f *Front) match(path, method string) (app.Function, map[string]string, bool) {
	segments := strings.Split(strings.TrimSuffix(path[1:], "/"), "/")
	if len(segments) > 1 && slices.Contains(segments, "") {
		return app.Function{}, nil, false
	}
	for _, r := range f.routes {
		params, ok := r.match(segments)
		if ok && (len(r.function.Trigger.Methods) == 0 ||
			slices.ContainsFunc(r.function.Trigger.Methods, func(m string) bool { return strings.EqualFold(m, method) })) {
			return r.function, params, true
		}
	}
	return app.Function{}, nil, false
}

func (r route) match(path []string) (map[string]string, bool) {
	params := map[string]string{}
	for i, s := range r.segments {
		switch {
		case s.rest:
			if i < len(path) {
				params[s.name] = strings.Join(path[i:], "/")
			}
			return params, true
		case i >= len(path):
			if !s.optional {
				return nil, false
			}
		case s.literal != "":
			if !strings.EqualFold(s.literal, path[i]) {
				return nil, false
			}
		case path[i] == "" || s.holds != nil && !s.holds(path[i]):
			return nil, false
		default:
			params[s.name] = path[i]
		}
	}
	return params, len(path) <= len(r.segments)
}
