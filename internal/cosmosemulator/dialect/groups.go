package dialect

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
)

func (q *Query) grouped() bool { return len(q.groups) > 0 || len(q.aggregates) > 0 }

// checkGroups refuses columns that are neither an aggregate nor what is grouped by, and sorting of groups.
func (q *Query) checkGroups() error {
	if !q.grouped() {
		return nil
	}
	if q.all {
		return refuse("'SELECT *' is not valid with GROUP BY.")
	}
	if len(q.orders) > 0 {
		return refuse("ORDER BY is not supported with aggregates or GROUP BY.")
	}
	for _, c := range q.columns {
		same := func(g expr) bool { return reflect.DeepEqual(g, c.e) }
		if _, constant := c.e.(*literal); !c.folds && !constant && !slices.ContainsFunc(q.groups, same) {
			return refuse("Property reference '%.40s' is invalid in the select list because it is not contained in either an aggregate function or the GROUP BY clause.", c.name)
		}
	}
	return nil
}

// groups are the documents by what they are grouped by; without GROUP BY there is one group, even of no document.
type groups struct {
	query *Query
	by    map[string]*group
	all   []*group
}

type group struct {
	first *scope
	folds []fold
}

func newGroups(q *Query) *groups {
	g := &groups{query: q, by: map[string]*group{}}
	if len(q.groups) == 0 && len(q.aggregates) > 0 {
		g.group("", &scope{doc: undefined{}})
	}
	return g
}

func (g *groups) group(name string, s *scope) *group {
	if g.by[name] == nil {
		g.by[name] = &group{first: s, folds: make([]fold, len(g.query.aggregates))}
		g.all = append(g.all, g.by[name])
	}
	return g.by[name]
}

func (g *groups) add(s *scope) error {
	name := []byte{}
	for _, e := range g.query.groups {
		v, err := e.eval(s)
		if err != nil {
			return err
		}
		if defined(v) {
			text, err := json.Marshal(v)
			if err != nil {
				return refuse("A value to group by cannot be written: %v", err)
			}
			name = append(name, text...)
		}
		name = append(name, 0)
	}
	into := g.group(string(name), s)
	for i, a := range g.query.aggregates {
		v, err := a.of.eval(s)
		if err != nil {
			return err
		}
		into.folds[i].add(v)
	}
	return nil
}

func (g *groups) rows(params Params) (rows []row, err error) {
	for _, one := range g.all {
		s := &scope{params: params, doc: one.first.doc}
		for i, a := range g.query.aggregates {
			s.folds = append(s.folds, one.folds[i].result(a.fold))
		}
		if rows, err = g.query.appendRow(rows, s); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

var folds = map[string]bool{"COUNT": true, "SUM": true, "AVG": true, "MIN": true, "MAX": true}

// fold gathers what any of the aggregates needs. Undefined is left out.
type fold struct {
	count    int
	sum      float64
	other    bool // something was no number: SUM and AVG are undefined
	low, top any
}

func (f *fold) add(v any) {
	if !defined(v) {
		return
	}
	n, ok := v.(float64)
	f.sum += n
	f.other = f.other || !ok
	if f.count == 0 || compare(v, f.low) < 0 {
		f.low = v
	}
	if f.count == 0 || compare(v, f.top) > 0 {
		f.top = v
	}
	f.count++
}

func (f *fold) result(name string) any {
	switch {
	case name == "COUNT":
		return float64(f.count)
	case name == "SUM" && !f.other && !math.IsInf(f.sum, 0):
		return f.sum
	case f.count == 0:
		return undefined{}
	case name == "AVG" && !f.other && !math.IsInf(f.sum, 0):
		return f.sum / float64(f.count)
	case name == "MIN":
		return f.low
	case name == "MAX":
		return f.top
	}
	return undefined{}
}
