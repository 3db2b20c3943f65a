package dialect

import (
	"math"
	"strings"
	"unicode/utf8"
)

// function is a built-in function with how many values it takes. Values of a type that it does not take make it
// undefined.
type function struct {
	least, most int
	do          func(args []any) (any, error)
}

var functions = map[string]function{
	"CONTAINS":       {2, 3, overText(strings.Contains)},
	"STARTSWITH":     {2, 3, overText(strings.HasPrefix)},
	"ENDSWITH":       {2, 3, overText(strings.HasSuffix)},
	"STRINGEQUALS":   {2, 3, overText(func(a, b string) bool { return a == b })},
	"LOWER":          {1, 1, ofText(func(s string) any { return strings.ToLower(s) })},
	"UPPER":          {1, 1, ofText(func(s string) any { return strings.ToUpper(s) })},
	"LENGTH":         {1, 1, ofText(func(s string) any { return float64(utf8.RuneCountInString(s)) })},
	"CONCAT":         {2, 100, concat},
	"ABS":            {1, 1, ofNumber(math.Abs)},
	"CEILING":        {1, 1, ofNumber(math.Ceil)},
	"FLOOR":          {1, 1, ofNumber(math.Floor)},
	"ROUND":          {1, 1, ofNumber(math.Round)},
	"ARRAY_CONTAINS": {2, 3, arrayContains},
	"ARRAY_LENGTH":   {1, 1, arrayLength},
	"IS_DEFINED":     {1, 1, is(func(r int) bool { return r != rankUndefined })},
	"IS_NULL":        {1, 1, is(func(r int) bool { return r == rankNull })},
	"IS_BOOL":        {1, 1, is(func(r int) bool { return r == rankBool })},
	"IS_NUMBER":      {1, 1, is(func(r int) bool { return r == rankNumber })},
	"IS_STRING":      {1, 1, is(func(r int) bool { return r == rankString })},
	"IS_ARRAY":       {1, 1, is(func(r int) bool { return r == rankArray })},
	"IS_OBJECT":      {1, 1, is(func(r int) bool { return r == rankObject })},
	"IS_PRIMITIVE":   {1, 1, is(func(r int) bool { return r > rankUndefined && r < rankArray })},
}

func is(kind func(rank int) bool) func([]any) (any, error) {
	return func(args []any) (any, error) { return kind(rank(args[0])), nil }
}

// overText is a comparison of two strings; a third value that is true is to ignore case.
func overText(holds func(a, b string) bool) func([]any) (any, error) {
	return func(args []any) (any, error) {
		a, ok := args[0].(string)
		b, also := args[1].(string)
		if !ok || !also {
			return undefined{}, nil
		}
		if len(args) == 3 && args[2] == any(true) {
			a, b = strings.ToLower(a), strings.ToLower(b)
		}
		return holds(a, b), nil
	}
}

func ofText(f func(string) any) func([]any) (any, error) {
	return func(args []any) (any, error) {
		if s, ok := args[0].(string); ok {
			return f(s), nil
		}
		return undefined{}, nil
	}
}

func ofNumber(f func(float64) float64) func([]any) (any, error) {
	return func(args []any) (any, error) {
		if n, ok := args[0].(float64); ok {
			return f(n), nil
		}
		return undefined{}, nil
	}
}

func concat(args []any) (any, error) {
	parts := make([]string, len(args))
	size := 0
	for i, v := range args {
		s, ok := v.(string)
		if !ok {
			return undefined{}, nil
		}
		parts[i] = s
		size += len(s)
	}
	if size > maxResult {
		return nil, refuse("The query makes a string of more than %d bytes.", maxResult)
	}
	return strings.Join(parts, ""), nil
}

// arrayContains looks for a value; a third value that is true takes objects that have at least the wanted members.
func arrayContains(args []any) (any, error) {
	list, ok := args[0].([]any)
	if !ok || !defined(args[1]) {
		return undefined{}, nil
	}
	partial := len(args) == 3 && args[2] == any(true)
	for _, v := range list {
		if compare(v, args[1]) == 0 || partial && includes(v, args[1]) {
			return true, nil
		}
	}
	return false, nil
}

// includes says whether an object has the members of another one.
func includes(v, wanted any) bool {
	object, ok := v.(map[string]any)
	members, also := wanted.(map[string]any)
	if !ok || !also {
		return false
	}
	for name, member := range members {
		if has, ok := object[name]; !ok || compare(has, member) != 0 && !includes(has, member) {
			return false
		}
	}
	return true
}

func arrayLength(args []any) (any, error) {
	if list, ok := args[0].([]any); ok {
		return float64(len(list)), nil
	}
	return undefined{}, nil
}
