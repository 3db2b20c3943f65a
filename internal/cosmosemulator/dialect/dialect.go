// Package dialect parses and evaluates the part of Cosmos DB's query language that this project's stand-in answers.
//
//	SELECT [DISTINCT] [TOP n] { * | VALUE e | e [[AS] name], … } FROM name [[AS] alias]
//	  [WHERE e] [GROUP BY e, …] [ORDER BY e [ASC|DESC], …] [OFFSET n LIMIT n]
//
// Expressions have properties (c.a, c["a"], c.list[0]), parameters (@name), literals, objects and arrays, AND OR NOT,
// = != <> < <= > >=, IN, BETWEEN, LIKE, ??, ? :, + - * / %, ||, the functions listed in functions.go, and the aggregates
// COUNT, SUM, AVG, MIN and MAX. Everything else is refused with an *Error that names it: JOIN, subqueries, EXISTS,
// user-defined functions, full text, geography, vectors.
//
// A value that is missing is undefined, which is neither true nor false: conditions that meet it do not hold, not even
// negated, and projections leave it out. Comparing values of different types is undefined, except that ORDER BY sorts
// undefined, null, booleans, numbers, strings, arrays and objects one after the other.
//
// Documents are decoded JSON with numbers as float64.
package dialect

import (
	"fmt"
	"slices"
)

// Error says why a query is refused, for the body of a 400.
type Error struct{ Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// Params are the values of a query's parameters by name, with @; numbers may be float64, int or int64.
type Params map[string]any

// Query is a parsed query. It may be used by many goroutines.
type Query struct {
	distinct bool
	top      *int
	all      bool // SELECT *
	value    bool // SELECT VALUE
	columns  []column
	alias    string // of the document
	where    expr   // nil is none
	groups   []expr
	orders   []order
	offset   int
	limit    *int

	aggregates []*aggregate // of the columns, in the order of their slots
}

type column struct {
	name  string
	e     expr
	folds bool // it has an aggregate
}

type order struct {
	Order
	by expr
}

// Order is what ORDER BY sorts by: a property of the documents.
type Order struct {
	Path       []string
	Descending bool
}

// Orders are the properties that ORDER BY sorts by.
func (q *Query) Orders() (all []Order) {
	for _, o := range q.orders {
		all = append(all, o.Order)
	}
	return all
}

// Refusal is what the gateway cannot serve across partitions; "" is that it can.
func (q *Query) Refusal() string {
	switch {
	case len(q.orders) > 0:
		return "ORDER BY"
	case q.top != nil:
		return "TOP"
	case q.limit != nil:
		return "OFFSET LIMIT"
	case len(q.groups) > 0:
		return "GROUP BY"
	case q.distinct:
		return "DISTINCT"
	case len(q.aggregates) > 0:
		return "an aggregate"
	}
	return ""
}

// PartitionKey is the value of every level of the partition key that WHERE demands by equality; ok is that it is all.
func (q *Query) PartitionKey(paths [][]string, params Params) (values []any, ok bool) {
	if q.where == nil {
		return nil, false
	}
	conditions := []expr{q.where}
	if all, isAnd := q.where.(*logical); isAnd && all.and {
		conditions = all.operands
	}
	for _, path := range paths {
		found := false
		for _, c := range conditions {
			if v, ok := pinned(c, path, params); ok {
				values, found = append(values, v), true
				break
			}
		}
		if !found {
			return nil, false
		}
	}
	return values, true
}

// pinned is the value that a condition demands of a path.
func pinned(condition expr, path []string, params Params) (any, bool) {
	equal, ok := condition.(*binary)
	if !ok || equal.op != "=" {
		return nil, false
	}
	for _, sides := range [][2]expr{{equal.left, equal.right}, {equal.right, equal.left}} {
		if !slices.Equal(pathOf(sides[0]), path) {
			continue
		}
		switch sides[1].(type) {
		case *literal, *parameter:
			v, err := sides[1].eval(&scope{params: params})
			switch v.(type) {
			case nil, bool, float64, string:
				return v, err == nil
			}
		}
	}
	return nil, false
}

// pathOf is the path of an expression that is a property of the document; nil is that it is none.
func pathOf(e expr) (path []string) {
	for {
		switch at := e.(type) {
		case *variable:
			slices.Reverse(path)
			return path
		case *property:
			name, _ := at.name.(*literal)
			if name == nil {
				return nil
			}
			text, ok := name.v.(string)
			if !ok {
				return nil
			}
			path, e = append(path, text), at.of
		default:
			return nil
		}
	}
}

// Match is what a query that Refusal does not name makes of one document; ok false is nothing.
func (q *Query) Match(doc any, params Params) (result any, ok bool, err error) {
	s := &scope{params: params, doc: doc}
	if holds, err := q.holds(s); err != nil || !holds {
		return nil, false, err
	}
	result, err = q.project(s)
	return result, err == nil && defined(result), err
}

// Whole says whether the result of Match is the document as it is.
func (q *Query) Whole() bool { return q.all }

func (q *Query) holds(s *scope) (bool, error) {
	if q.where == nil {
		return true, nil
	}
	v, err := q.where.eval(s)
	return v == any(true), err
}

// project is the SELECT clause.
func (q *Query) project(s *scope) (any, error) {
	if q.all {
		return s.doc, nil
	}
	if q.value {
		v, err := q.columns[0].e.eval(s)
		return bounded(v, err)
	}
	out := make(map[string]any, len(q.columns))
	for _, c := range q.columns {
		v, err := c.e.eval(s)
		if err != nil {
			return nil, err
		}
		if defined(v) {
			out[c.name] = v
		}
	}
	return bounded(out, nil)
}
