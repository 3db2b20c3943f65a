package dialect

import "math"

// undefined is the value of what is not there.
type undefined struct{}

func defined(v any) bool { return v != any(undefined{}) }

// expr is an expression. It evaluates to a decoded JSON value or to undefined.
type expr interface {
	eval(s *scope) (any, error)
}

// scope is what an expression is evaluated on.
type scope struct {
	params Params
	doc    any
	folds  []any // the results of the query's aggregates, by slot
}

type (
	literal   struct{ v any }
	variable  struct{ name string }
	parameter struct{ name string }
	property  struct{ of, name expr }
	arrayOf   struct{ of []expr }
	objectOf  struct{ members []column }
	aggregate struct {
		fold string
		of   expr
		slot int
	}
	call struct {
		do   func(args []any) (any, error)
		args []expr
	}
)

func (e *literal) eval(*scope) (any, error)     { return e.v, nil }
func (e *variable) eval(s *scope) (any, error)  { return s.doc, nil }
func (e *aggregate) eval(s *scope) (any, error) { return s.folds[e.slot], nil }

func (e *parameter) eval(s *scope) (any, error) {
	v, ok := s.params[e.name]
	if !ok {
		return nil, refuse("The parameter %.40s has no value.", e.name)
	}
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	}
	return v, nil
}

func (e *property) eval(s *scope) (any, error) {
	of, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	name, err := e.name.eval(s)
	if err != nil {
		return nil, err
	}
	switch of := of.(type) {
	case map[string]any:
		if key, ok := name.(string); ok {
			if v, ok := of[key]; ok {
				return v, nil
			}
		}
	case []any:
		if i, ok := name.(float64); ok && i >= 0 && i < float64(len(of)) && i == math.Trunc(i) {
			return of[int(i)], nil
		}
	}
	return undefined{}, nil
}

func (e *arrayOf) eval(s *scope) (any, error) {
	out := make([]any, 0, len(e.of))
	for _, element := range e.of {
		v, err := element.eval(s)
		if err != nil {
			return nil, err
		}
		if defined(v) {
			out = append(out, v)
		}
	}
	return bounded(out, nil)
}

func (e *objectOf) eval(s *scope) (any, error) {
	out := make(map[string]any, len(e.members))
	for _, m := range e.members {
		v, err := m.e.eval(s)
		if err != nil {
			return nil, err
		}
		if defined(v) {
			out[m.name] = v
		}
	}
	return bounded(out, nil)
}

func (e *call) eval(s *scope) (any, error) {
	args := make([]any, len(e.args))
	for i, a := range e.args {
		v, err := a.eval(s)
		if err != nil {
			return nil, err
		}
		args[i] = v
	}
	return e.do(args)
}

// maxResult is about how many bytes of JSON a query may make of one document.
const maxResult = 4 << 20

// bounded refuses a value that would be larger than any page: documents are small, but a query can repeat them.
func bounded(v any, err error) (any, error) {
	left := maxResult
	if err == nil && !fits(v, &left) {
		return nil, refuse("The query makes a result of more than %d bytes of one document.", maxResult)
	}
	return v, err
}

// fits takes the size of a value from what is left.
func fits(v any, left *int) bool {
	*left -= 8
	switch v := v.(type) {
	case string:
		*left -= len(v)
	case []any:
		for _, element := range v {
			if !fits(element, left) {
				return false
			}
		}
	case map[string]any:
		for name, member := range v {
			*left -= len(name)
			if !fits(member, left) {
				return false
			}
		}
	}
	return *left >= 0
}
