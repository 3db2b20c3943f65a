package dialect

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what a query may ask of the machine; the service's own are 512 KB and about as deep.
const (
	maxLength = 512 << 10
	maxDepth  = 100
)

// Parse reads a query.
func Parse(query string) (*Query, error) {
	p, err := newParser(query)
	if err != nil {
		return nil, err
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if err := q.checkGroups(); err != nil {
		return nil, err
	}
	return q, p.done()
}

// ParseCondition reads the condition of a patch: FROM … WHERE ….
func ParseCondition(condition string) (*Query, error) {
	p, err := newParser(condition)
	if err != nil {
		return nil, err
	}
	q := &Query{all: true}
	p.q = q
	if err := p.from(); err != nil {
		return nil, err
	}
	if p.keyword("WHERE") {
		if q.where, err = p.expression(); err != nil {
			return nil, err
		}
	}
	return q, p.done()
}

type parser struct {
	tokens  []token
	next    int
	depth   int
	q       *Query
	selects bool // inside SELECT, where aggregates may be

	variables []string // the names that must be the documents' alias
}

func newParser(query string) (*parser, error) {
	if len(query) > maxLength {
		return nil, refuse("The query has %d bytes, the most are %d.", len(query), maxLength)
	}
	tokens, err := lex(query)
	return &parser{tokens: tokens}, err
}

func (p *parser) peek() token { return p.tokens[p.next] }

func (p *parser) take() token {
	t := p.tokens[p.next]
	if t.kind != end {
		p.next++
	}
	return t
}

func (p *parser) isKeyword(name string) bool {
	t := p.peek()
	return t.kind == word && strings.EqualFold(t.text, name)
}

// keyword takes a word if it is the next.
func (p *parser) keyword(name string) bool {
	if p.isKeyword(name) {
		p.next++
		return true
	}
	return false
}

// symbol takes a symbol if it is the next.
func (p *parser) symbol(s string) bool {
	if t := p.peek(); t.kind == symbol && t.text == s {
		p.next++
		return true
	}
	return false
}

func (p *parser) unexpected() error {
	t := p.peek()
	if t.kind == end {
		return refuse("Syntax error, the query ends where something must follow.")
	}
	what := t.text
	if t.kind == number {
		what = strconv.FormatFloat(t.num, 'g', -1, 64)
	}
	return refuse("Syntax error, incorrect syntax near %.40q at byte %d.", what, t.at)
}

func (p *parser) expect(s string) error {
	if !p.symbol(s) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) done() error {
	if p.peek().kind != end {
		return p.unexpected()
	}
	for _, name := range p.variables {
		if name != p.q.alias {
			return refuse("Identifier %.40q could not be resolved.", name)
		}
	}
	return nil
}

// reserved words are no names.
var reserved = []string{"SELECT", "FROM", "WHERE", "JOIN", "IN", "GROUP", "ORDER", "BY", "OFFSET", "LIMIT", "AND", "OR", "NOT", "BETWEEN", "LIKE",
	"TOP", "DISTINCT", "VALUE", "AS", "ASC", "DESC", "EXISTS", "ESCAPE"}

func (p *parser) name() (string, error) {
	t := p.peek()
	if t.kind != word || slices.Contains(reserved, strings.ToUpper(t.text)) {
		return "", p.unexpected()
	}
	p.next++
	return t.text, nil
}

// query is a whole query.
func (p *parser) query() (*Query, error) {
	p.q = &Query{}
	if !p.keyword("SELECT") {
		return nil, p.unexpected()
	}
	p.q.distinct = p.keyword("DISTINCT")
	if p.keyword("TOP") {
		n, err := p.count()
		if err != nil {
			return nil, err
		}
		p.q.top = &n
	}
	p.selects = true
	if err := p.columns(); err != nil {
		return nil, err
	}
	p.selects = false
	if err := p.from(); err != nil {
		return nil, err
	}
	return p.q, p.clauses()
}

// clauses are what follows FROM.
func (p *parser) clauses() (err error) {
	if p.keyword("WHERE") {
		if p.q.where, err = p.expression(); err != nil {
			return err
		}
	}
	if p.keyword("GROUP") {
		if !p.keyword("BY") {
			return p.unexpected()
		}
		if p.q.groups, err = p.list(); err != nil {
			return err
		}
	}
	if p.keyword("ORDER") {
		if err := p.orderBy(); err != nil {
			return err
		}
	}
	if p.keyword("OFFSET") {
		if p.q.offset, err = p.count(); err != nil {
			return err
		}
		if !p.keyword("LIMIT") {
			return p.unexpected()
		}
		n, err := p.count()
		if err != nil {
			return err
		}
		p.q.limit = &n
	}
	return nil
}

func (p *parser) orderBy() error {
	if !p.keyword("BY") {
		return p.unexpected()
	}
	for {
		e, err := p.expression()
		if err != nil {
			return err
		}
		o := order{by: e, Order: Order{Path: pathOf(e)}}
		if len(o.Path) == 0 {
			return refuse("Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.")
		}
		if o.Descending = p.keyword("DESC"); !o.Descending {
			p.keyword("ASC")
		}
		p.q.orders = append(p.q.orders, o)
		if !p.symbol(",") {
			return nil
		}
	}
}

// count is a number of results.
func (p *parser) count() (int, error) {
	t := p.peek()
	if t.kind == param {
		return 0, refuse("TOP, OFFSET and LIMIT take numbers in this stand-in, no parameters.")
	}
	if t.kind != number || t.num != math.Trunc(t.num) || t.num > math.MaxInt32 {
		return 0, p.unexpected()
	}
	p.next++
	return int(t.num), nil
}

func (p *parser) columns() error {
	if p.symbol("*") {
		p.q.all = true
		return nil
	}
	p.q.value = p.keyword("VALUE")
	for {
		folds := len(p.q.aggregates)
		e, err := p.expression()
		if err != nil {
			return err
		}
		c := column{e: e, name: p.columnName(e), folds: len(p.q.aggregates) > folds}
		if p.keyword("AS") {
			if c.name, err = p.name(); err != nil {
				return err
			}
		} else if name, err := p.name(); err == nil {
			c.name = name
		}
		p.q.columns = append(p.q.columns, c)
		if p.q.value || !p.symbol(",") {
			return nil
		}
	}
}

// columnName is the last name of a path, else $ and a number.
func (p *parser) columnName(e expr) string {
	switch e := e.(type) {
	case *property:
		if name, ok := e.name.(*literal); ok {
			if s, ok := name.v.(string); ok {
				return s
			}
		}
	case *variable:
		return e.name
	}
	return "$" + strconv.Itoa(len(p.q.columns)+1)
}

// from is FROM name [alias].
func (p *parser) from() error {
	if !p.keyword("FROM") {
		return p.unexpected()
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	if p.isKeyword("IN") || p.peek().text == "." || p.peek().text == "[" {
		return refuse("FROM over a part of the documents is not supported by this stand-in.")
	}
	p.q.alias = name
	if p.keyword("AS") {
		if p.q.alias, err = p.name(); err != nil {
			return err
		}
	} else if alias, err := p.name(); err == nil {
		p.q.alias = alias
	}
	if p.isKeyword("JOIN") {
		return refuse("JOIN is not supported by this stand-in.")
	}
	return nil
}

// list is one expression or more with commas.
func (p *parser) list() (all []expr, err error) {
	for {
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		if all = append(all, e); !p.symbol(",") {
			return all, nil
		}
	}
}
