package dialect

import "strings"

// expression is any expression; the loosest is ? : and ??.
func (p *parser) expression() (expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, refuse("The query is nested too deeply.")
	}
	defer func() { p.depth-- }()
	e, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.symbol("??") {
		other, err := p.expression()
		return &coalesce{e, other}, err
	}
	if !p.symbol("?") {
		return e, nil
	}
	yes, err := p.expression()
	if err != nil {
		return nil, err
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	no, err := p.expression()
	return &conditional{e, yes, no}, err
}

func (p *parser) or() (expr, error) { return p.chain("OR", p.and) }

func (p *parser) and() (expr, error) { return p.chain("AND", p.not) }

// chain is operands with AND or OR between them.
func (p *parser) chain(op string, operand func() (expr, error)) (expr, error) {
	first, err := operand()
	if err != nil || !p.isKeyword(op) {
		return first, err
	}
	all := &logical{and: op == "AND", operands: []expr{first}}
	for p.keyword(op) {
		e, err := operand()
		if err != nil {
			return nil, err
		}
		all.operands = append(all.operands, e)
	}
	return all, nil
}

func (p *parser) not() (expr, error) {
	if !p.keyword("NOT") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, refuse("The query is nested too deeply.")
	}
	defer func() { p.depth-- }()
	e, err := p.not()
	return &not{e}, err
}

func (p *parser) comparison() (expr, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	for _, op := range []string{"=", "!=", "<>", "<=", ">=", "<", ">"} {
		if p.symbol(op) {
			right, err := p.sum()
			if op == "<>" {
				op = "!="
			}
			return &binary{op, left, right}, err
		}
	}
	negated := p.keyword("NOT")
	var e expr
	switch {
	case p.keyword("IN"):
		e, err = p.in(left)
	case p.keyword("BETWEEN"):
		e, err = p.between(left)
	case p.keyword("LIKE"):
		var pattern expr
		if pattern, err = p.sum(); p.isKeyword("ESCAPE") {
			return nil, refuse("ESCAPE is not supported by this stand-in.")
		}
		e = &like{left, pattern}
	case negated:
		return nil, p.unexpected()
	default:
		return left, nil
	}
	if negated {
		e = &not{e}
	}
	return e, err
}

func (p *parser) in(left expr) (expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	list, err := p.list()
	if err != nil {
		return nil, err
	}
	return &in{left, list}, p.expect(")")
}

func (p *parser) between(left expr) (expr, error) {
	low, err := p.sum()
	if err != nil {
		return nil, err
	}
	if !p.keyword("AND") {
		return nil, p.unexpected()
	}
	high, err := p.sum()
	return &logical{and: true, operands: []expr{&binary{">=", left, low}, &binary{"<=", left, high}}}, err
}

func (p *parser) sum() (expr, error) { return p.operators([]string{"+", "-", "||"}, p.product) }

func (p *parser) product() (expr, error) { return p.operators([]string{"*", "/", "%"}, p.unary) }

// operators are operands with left-associative operators between them.
func (p *parser) operators(ops []string, operand func() (expr, error)) (expr, error) {
	e, err := operand()
	for count := 0; err == nil; count++ {
		if count > maxDepth {
			return nil, refuse("The expression is too long.")
		}
		op := ""
		for _, o := range ops {
			if p.symbol(o) {
				op = o
				break
			}
		}
		if op == "" {
			return e, nil
		}
		var right expr
		right, err = operand()
		e = &binary{op, e, right}
	}
	return nil, err
}

func (p *parser) unary() (expr, error) {
	if !p.symbol("-") {
		return p.postfix()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, refuse("The query is nested too deeply.")
	}
	defer func() { p.depth-- }()
	e, err := p.unary()
	if l, ok := e.(*literal); ok {
		if f, ok := l.v.(float64); ok {
			return &literal{-f}, err
		}
	}
	return &binary{"-", &literal{0.0}, e}, err
}

// postfix is a value with .name and [e] behind it.
func (p *parser) postfix() (expr, error) {
	e, err := p.primary()
	for count := 0; err == nil; count++ {
		if count > maxDepth {
			return nil, refuse("The path is too long.")
		}
		switch {
		case p.symbol("."):
			t := p.take()
			if t.kind != word {
				p.next--
				return nil, p.unexpected()
			}
			e = &property{e, &literal{t.text}}
		case p.symbol("["):
			var name expr
			if name, err = p.expression(); err == nil {
				e, err = &property{e, name}, p.expect("]")
			}
		default:
			return e, nil
		}
	}
	return nil, err
}

func (p *parser) primary() (expr, error) {
	t := p.peek()
	switch t.kind {
	case number:
		p.next++
		return &literal{t.num}, nil
	case text:
		p.next++
		return &literal{t.text}, nil
	case param:
		p.next++
		return &parameter{t.text}, nil
	case word:
		return p.word()
	}
	switch {
	case p.symbol("("):
		if p.isKeyword("SELECT") {
			return nil, refuse("Subqueries are not supported by this stand-in.")
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	case p.symbol("["):
		return p.array()
	case p.symbol("{"):
		return p.object()
	}
	return nil, p.unexpected()
}

// word is a literal, a function or a name.
func (p *parser) word() (expr, error) {
	switch strings.ToLower(p.peek().text) {
	case "true":
		p.next++
		return &literal{true}, nil
	case "false":
		p.next++
		return &literal{false}, nil
	case "null":
		p.next++
		return &literal{nil}, nil
	case "undefined":
		p.next++
		return &literal{undefined{}}, nil
	case "exists", "array", "all":
		if following := p.tokens[p.next+1]; following.text == "(" {
			return nil, refuse("%s is not supported by this stand-in.", strings.ToUpper(p.peek().text))
		}
	case "udf":
		return nil, refuse("User-defined functions are not supported by this stand-in.")
	}
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	if p.symbol("(") {
		return p.call(name)
	}
	p.variables = append(p.variables, name)
	return &variable{name}, nil
}

func (p *parser) call(name string) (expr, error) {
	var args []expr
	if !p.symbol(")") {
		var err error
		if args, err = p.list(); err != nil {
			return nil, err
		}
		if err := p.expect(")"); err != nil {
			return nil, err
		}
	}
	upper := strings.ToUpper(name)
	if folds[upper] {
		if !p.selects || len(args) != 1 {
			return nil, refuse("%s takes one value and is supported in SELECT only.", upper)
		}
		a := &aggregate{fold: upper, of: args[0], slot: len(p.q.aggregates)}
		p.q.aggregates = append(p.q.aggregates, a)
		return a, nil
	}
	f, ok := functions[upper]
	if !ok {
		return nil, refuse("'%.40s' is not a function that this stand-in knows.", name)
	}
	if len(args) < f.least || len(args) > f.most {
		return nil, refuse("%s takes %d to %d values, not %d.", upper, f.least, f.most, len(args))
	}
	return &call{f.do, args}, nil
}

func (p *parser) array() (expr, error) {
	a := &arrayOf{}
	if p.symbol("]") {
		return a, nil
	}
	var err error
	if a.of, err = p.list(); err != nil {
		return nil, err
	}
	return a, p.expect("]")
}

func (p *parser) object() (expr, error) {
	o := &objectOf{}
	for !p.symbol("}") {
		t := p.take()
		if t.kind != text && t.kind != word {
			p.next--
			return nil, p.unexpected()
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		e, err := p.expression()
		if err != nil {
			return nil, err
		}
		o.members = append(o.members, column{name: t.text, e: e})
		if !p.symbol(",") && p.peek().text != "}" {
			return nil, p.unexpected()
		}
	}
	return o, nil
}
