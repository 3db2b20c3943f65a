package dialect

import (
	"encoding/json"
	"iter"
	"slices"
)

// row is a result with what it is sorted by.
type row struct {
	result any
	by     []any
}

// Run is the whole result over documents. Sorting keeps the order of the documents among equals.
func (q *Query) Run(docs iter.Seq[any], params Params) ([]any, error) {
	rows, err := q.rows(docs, params)
	if err != nil {
		return nil, err
	}
	if len(q.orders) > 0 {
		slices.SortStableFunc(rows, q.order)
	}
	var out []any
	seen := map[string]bool{}
	for _, r := range rows {
		if q.distinct {
			text, err := json.Marshal(r.result)
			if err != nil {
				return nil, refuse("A result cannot be written: %v", err)
			}
			if seen[string(text)] {
				continue
			}
			seen[string(text)] = true
		}
		out = append(out, r.result)
	}
	if q.top != nil {
		out = out[:min(*q.top, len(out))]
	}
	if q.limit != nil {
		out = out[min(q.offset, len(out)):]
		out = out[:min(*q.limit, len(out))]
	}
	return out, nil
}

func (q *Query) order(a, b row) int {
	for i, o := range q.orders {
		c := compare(a.by[i], b.by[i])
		if o.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// rows are the results before they are sorted and cut.
func (q *Query) rows(docs iter.Seq[any], params Params) ([]row, error) {
	var rows []row
	g := newGroups(q)
	for doc := range docs {
		s := &scope{params: params, doc: doc}
		holds, err := q.holds(s)
		if err != nil {
			return nil, err
		}
		if !holds {
			continue
		}
		if q.grouped() {
			if err := g.add(s); err != nil {
				return nil, err
			}
			continue
		}
		if rows, err = q.appendRow(rows, s); err != nil {
			return nil, err
		}
	}
	if q.grouped() {
		return g.rows(params)
	}
	return rows, nil
}

// appendRow appends what a scope projects to, unless it is undefined.
func (q *Query) appendRow(rows []row, s *scope) ([]row, error) {
	result, err := q.project(s)
	if err != nil || !defined(result) {
		return rows, err
	}
	r := row{result: result, by: make([]any, len(q.orders))}
	for i, o := range q.orders {
		if r.by[i], err = o.by.eval(s); err != nil {
			return rows, err
		}
	}
	return append(rows, r), nil
}
