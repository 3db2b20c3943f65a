// Package patch is the partial document update of Cosmos DB: up to ten operations (add, set, replace, remove, incr,
// move) that are all done or none, and a condition.
//
// Paths are JSON pointers: /a/b/0, with ~1 for / and ~0 for ~, - for the end of an array. What the operations do where
// something is missing or is an array is what the service documents: add inserts into an array where set overwrites;
// replace, remove and move need what they name; incr makes what is missing. None may touch the id, a system property
// or the partition key. Errors are of type *Error and are answered with 400.
package patch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MaxOperations is how many operations a patch may have.
const MaxOperations = 10

// Error says why a patch cannot be read or done.
type Error struct{ Message string }

// Error implements error.
func (e *Error) Error() string { return e.Message }

func refuse(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// Patch is a parsed request body.
type Patch struct {
	Condition  string // a WHERE clause with FROM, "" is none
	Operations []Operation
}

// Operation is one step.
type Operation struct {
	Op    string
	Path  []string
	From  []string // move only
	Value any      // decoded JSON, numbers as json.Number
}

// Parse reads the body of a PATCH request; keys are the paths of the container's partition key.
func Parse(body []byte, keys [][]string) (Patch, error) {
	var wire struct {
		Condition  string `json:"condition"`
		Operations []struct {
			Op    string          `json:"op"`
			Path  string          `json:"path"`
			From  string          `json:"from"`
			Value json.RawMessage `json:"value"`
		} `json:"operations"`
	}
	if err := json.Unmarshal(body, &wire); err != nil {
		return Patch{}, refuse("The patch request cannot be read: it is {\"condition\":…,\"operations\":[{\"op\":…,\"path\":…,\"value\":…}]}.")
	}
	if len(wire.Operations) == 0 || len(wire.Operations) > MaxOperations {
		return Patch{}, refuse("The patch request has %d operations: it must have 1 to %d.", len(wire.Operations), MaxOperations)
	}
	p := Patch{Condition: wire.Condition}
	for i, w := range wire.Operations {
		op := Operation{Op: strings.ToLower(w.Op)}
		var err error
		if op.Path, err = parsePath(w.Path, keys); err != nil {
			return Patch{}, err
		}
		switch op.Op {
		case "remove":
		case "move":
			op.From, err = parsePath(w.From, keys)
			if err == nil && len(op.From) < len(op.Path) && slices.Equal(op.From, op.Path[:len(op.From)]) {
				err = refuse("Patch operation %d moves %q into itself.", i, w.From)
			}
		case "add", "set", "replace", "incr":
			op.Value, err = parseValue(w.Value)
		default:
			err = refuse("Patch operation %d is %q: it must be add, set, replace, remove, incr or move.", i, w.Op)
		}
		if err != nil {
			return Patch{}, err
		}
		p.Operations = append(p.Operations, op)
	}
	return p, nil
}

// parseValue decodes a value; the SDKs leave out a null one.
func parseValue(raw json.RawMessage) (any, error) {
	if raw == nil {
		return nil, nil
	}
	return Decode(raw)
}

// Decode reads JSON with its numbers as they stand.
func Decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, refuse("The JSON cannot be read: %v", err)
	}
	return v, nil
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// parsePath takes a path apart and refuses those that lead to what a patch must not change.
func parsePath(path string, keys [][]string) ([]string, error) {
	if len(path) < 2 || path[0] != '/' {
		return nil, refuse("The patch path %q is not allowed: it begins with / and names a property.", path)
	}
	parts := strings.Split(path[1:], "/")
	for i := range parts {
		parts[i] = unescape.Replace(parts[i])
	}
	switch parts[0] {
	case "id", "_rid", "_self", "_etag", "_ts", "_attachments":
		return nil, refuse("The patch path %q is not allowed: the id and system properties cannot be patched.", path)
	}
	for _, key := range keys {
		n := min(len(key), len(parts))
		if slices.Equal(key[:n], parts[:n]) {
			return nil, refuse("The patch path %q is not allowed: the partition key cannot be patched.", path)
		}
	}
	return parts, nil
}

// Apply does the operations on an item's JSON and returns the JSON that comes out.
func (p Patch) Apply(body []byte) ([]byte, error) {
	doc, err := Decode(body)
	if err != nil {
		return nil, err
	}
	for i, op := range p.Operations {
		if doc, err = op.apply(doc); err != nil {
			return nil, refuse("Patch operation %d (%s /%s): %v", i, op.Op, strings.Join(op.Path, "/"), err)
		}
	}
	return json.Marshal(doc)
}

func (op Operation) apply(doc any) (any, error) {
	switch op.Op {
	case "remove":
		return edit(doc, op.Path, remove)
	case "move":
		value, ok := lookup(doc, op.From)
		if !ok {
			return nil, refuse("there is nothing at /%s", strings.Join(op.From, "/"))
		}
		doc, err := edit(doc, op.From, remove)
		if err != nil {
			return nil, err
		}
		return edit(doc, op.Path, add(value))
	case "add":
		return edit(doc, op.Path, add(op.Value))
	case "set":
		return edit(doc, op.Path, set(op.Value))
	case "replace":
		return edit(doc, op.Path, replace(op.Value))
	}
	return edit(doc, op.Path, increment(op.Value))
}

// lookup is what a path leads to.
func lookup(v any, path []string) (any, bool) {
	for _, name := range path {
		switch at := v.(type) {
		case map[string]any:
			inner, ok := at[name]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(at) {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// A step changes the member name of an object or array and returns what that has become.
type step func(parent any, name string) (any, error)

// edit does a step where a path ends and returns the changed document.
func edit(v any, path []string, do step) (any, error) {
	if len(path) == 1 {
		return do(v, path[0])
	}
	inner, ok := lookup(v, path[:1])
	if !ok {
		return nil, refuse("there is no %q", path[0])
	}
	changed, err := edit(inner, path[1:], do)
	if err != nil {
		return nil, err
	}
	switch at := v.(type) {
	case map[string]any:
		at[path[0]] = changed
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil {
			return nil, err
		}
		at[i] = changed
	}
	return v, nil
}

// index reads the place in an array of n that may be its end.
func index(name string, n int) (int, error) {
	if name == "-" {
		return n, nil
	}
	i, err := strconv.Atoi(name)
	if err != nil || i < 0 || i > n {
		return 0, refuse("%q is no place in an array of %d", name, n)
	}
	return i, nil
}

func add(value any) step {
	return func(parent any, name string) (any, error) {
		switch at := parent.(type) {
		case map[string]any:
			at[name] = value
			return at, nil
		case []any:
			i, err := index(name, len(at))
			if err != nil {
				return nil, err
			}
			return slices.Insert(at, i, value), nil
		}
		return nil, refuse("its parent is no object or array")
	}
}

func set(value any) step {
	return func(parent any, name string) (any, error) {
		if at, ok := parent.([]any); ok {
			i, err := index(name, len(at))
			if err != nil {
				return nil, err
			}
			if i < len(at) {
				at[i] = value
				return at, nil
			}
		}
		return add(value)(parent, name)
	}
}

func replace(value any) step {
	return func(parent any, name string) (any, error) {
		if _, ok := lookup(parent, []string{name}); !ok {
			return nil, refuse("there is nothing to replace")
		}
		return set(value)(parent, name)
	}
}

func remove(parent any, name string) (any, error) {
	if _, ok := lookup(parent, []string{name}); !ok {
		return nil, refuse("there is nothing to remove")
	}
	switch at := parent.(type) {
	case map[string]any:
		delete(at, name)
	case []any:
		i, err := index(name, len(at))
		if err != nil {
			return nil, err
		}
		return slices.Delete(at, i, i+1), nil
	}
	return parent, nil
}

func increment(by any) step {
	return func(parent any, name string) (any, error) {
		delta, ok := by.(json.Number)
		if !ok {
			return nil, refuse("the value is no number")
		}
		old, ok := lookup(parent, []string{name})
		if !ok {
			return set(delta)(parent, name)
		}
		number, ok := old.(json.Number)
		if !ok {
			return nil, refuse("what is there is no number")
		}
		sum, err := plus(number, delta)
		if err != nil {
			return nil, err
		}
		return set(sum)(parent, name)
	}
}

// plus adds whole numbers exactly while the sum is below 2⁵³, as a double can tell no more apart.
func plus(a, b json.Number) (json.Number, error) {
	x, err1 := a.Int64()
	y, err2 := b.Int64()
	const exact = 1 << 53
	if err1 == nil && err2 == nil && max(x, y) < exact && min(x, y) > -exact {
		return json.Number(strconv.FormatInt(x+y, 10)), nil
	}
	f, err1 := a.Float64()
	g, err2 := b.Float64()
	sum := f + g
	if err1 != nil || err2 != nil || math.IsInf(sum, 0) {
		return "", refuse("the sum is out of range")
	}
	text, err := json.Marshal(sum)
	return json.Number(text), err
}
