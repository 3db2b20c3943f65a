package dialect

import (
	"math"
	"strings"
)

type (
	logical struct { // AND or OR
		and      bool
		operands []expr
	}
	not    struct{ of expr }
	binary struct {
		op          string
		left, right expr
	}
	in struct {
		left expr
		list []expr
	}
	like        struct{ left, pattern expr }
	coalesce    struct{ of, other expr }
	conditional struct{ of, yes, no expr }
)

// eval stops at the operand that decides: false for AND, true for OR. What is neither makes the whole undefined.
func (e *logical) eval(s *scope) (any, error) {
	var out any = e.and
	for _, operand := range e.operands {
		v, err := operand.eval(s)
		if err != nil {
			return nil, err
		}
		switch v {
		case !e.and:
			return v, nil
		case e.and:
		default:
			out = undefined{}
		}
	}
	return out, nil
}

func (e *not) eval(s *scope) (any, error) {
	v, err := e.of.eval(s)
	if b, ok := v.(bool); ok {
		return !b, err
	}
	return undefined{}, err
}

func (e *binary) eval(s *scope) (any, error) {
	left, err := e.left.eval(s)
	if err != nil {
		return nil, err
	}
	right, err := e.right.eval(s)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "=":
		return equal(left, right), nil
	case "!=":
		if same, ok := equal(left, right).(bool); ok {
			return !same, nil
		}
		return undefined{}, nil
	case "<", "<=", ">", ">=":
		return ordered(e.op, left, right), nil
	case "||":
		return concat([]any{left, right})
	}
	return arithmetic(e.op, left, right), nil
}

// equal is undefined for values of different types.
func equal(a, b any) any {
	if rank(a) != rank(b) || !defined(a) {
		return undefined{}
	}
	return compare(a, b) == 0
}

// ordered compares numbers, strings, booleans and null; arrays and objects have no order.
func ordered(op string, a, b any) any {
	if rank(a) != rank(b) || !defined(a) || rank(a) >= rankArray {
		return undefined{}
	}
	c := compare(a, b)
	switch op {
	case "<":
		return c < 0
	case "<=":
		return c <= 0
	case ">":
		return c > 0
	}
	return c >= 0
}

func arithmetic(op string, left, right any) any {
	a, ok := left.(float64)
	b, also := right.(float64)
	if !ok || !also {
		return undefined{}
	}
	var v float64
	switch op {
	case "+":
		v = a + b
	case "-":
		v = a - b
	case "*":
		v = a * b
	case "/":
		v = a / b
	case "%":
		v = math.Mod(a, b)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return undefined{}
	}
	return v
}

func (e *in) eval(s *scope) (any, error) {
	left, err := e.left.eval(s)
	if err != nil {
		return nil, err
	}
	var out any = false
	for _, member := range e.list {
		v, err := member.eval(s)
		if err != nil {
			return nil, err
		}
		switch equal(left, v) {
		case true:
			return true, nil
		case any(undefined{}):
			out = undefined{}
		}
	}
	return out, nil
}

func (e *like) eval(s *scope) (any, error) {
	left, err := e.left.eval(s)
	if err != nil {
		return nil, err
	}
	pattern, err := e.pattern.eval(s)
	text, ok := left.(string)
	p, also := pattern.(string)
	if err != nil || !ok || !also {
		return undefined{}, err
	}
	if strings.ContainsAny(p, "[]") {
		return nil, refuse("LIKE with [ ] is not supported by this stand-in.")
	}
	return matchLike([]rune(text), []rune(p)), nil
}

// matchLike matches % with anything and _ with one character. After a mismatch only the last % tries again, so that
// the time is at most the product of the lengths.
func matchLike(text, pattern []rune) bool {
	t, p, retry, any := 0, 0, 0, -1
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			any, retry = p, t
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == text[t]):
			t++
			p++
		case any >= 0:
			retry++
			t, p = retry, any+1
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}

func (e *coalesce) eval(s *scope) (any, error) {
	v, err := e.of.eval(s)
	if err != nil || defined(v) {
		return v, err
	}
	return e.other.eval(s)
}

func (e *conditional) eval(s *scope) (any, error) {
	v, err := e.of.eval(s)
	if err != nil {
		return nil, err
	}
	if v == any(true) {
		return e.yes.eval(s)
	}
	return e.no.eval(s)
}
