package amqp

import (
	"encoding/binary"
	"fmt"
)

// A writer encodes the fields of a composite value one after another. Fields
// that are null at the end are left out.
type writer struct {
	b     []byte
	start int
	count int
	nulls int
}

// compose appends a composite value: its descriptor and the list of the fields
// that write puts.
func compose(b []byte, code uint64, write func(*writer)) []byte {
	b = Append(append(b, codeDescribed), code)
	w := writer{}
	w.b, w.start = open(append(b, codeList32), codeList32)
	write(&w)
	return closed(w.b, codeList32, w.start, w.count)
}

func (w *writer) null() { w.nulls++ }

// next makes room for a field that is not null.
func (w *writer) next() {
	for ; w.nulls > 0; w.nulls-- {
		w.b = append(w.b, codeNull)
		w.count++
	}
	w.count++
}

func (w *writer) value(v any) {
	if v == nil {
		w.null()
		return
	}
	w.next()
	w.b = Append(w.b, v)
}

func (w *writer) uint(v uint32) {
	w.next()
	code := codeOf(v)
	w.b = appendUint(append(w.b, code), code, uint64(v))
}

func (w *writer) optionalUint(v *uint32) {
	if v == nil {
		w.null()
		return
	}
	w.uint(*v)
}

func (w *writer) binary(v []byte) {
	if v == nil {
		w.null()
		return
	}
	w.next()
	code := shortest(false, len(v) < 256, 0, codeBinary8, codeBinary32)
	w.b = append(appendSize(append(w.b, code), code, len(v)), v...)
}

// flag writes true, or nothing.
func (w *writer) flag(v bool) {
	if !v {
		w.null()
		return
	}
	w.next()
	w.b = append(w.b, codeTrue)
}

// text writes a string that means nothing where it is empty.
func (w *writer) text(v string) {
	if v == "" {
		w.null()
		return
	}
	w.value(v)
}

func (w *writer) symbol(v Symbol) {
	if v == "" {
		w.null()
		return
	}
	w.value(v)
}

func (w *writer) symbols(v []Symbol) {
	if v == nil {
		w.null()
		return
	}
	array := Array{Code: codeSymbol32}
	for _, symbol := range v {
		array.Items = append(array.Items, symbol)
	}
	w.value(array)
}

func (w *writer) entries(v Map) {
	if v == nil {
		w.null()
		return
	}
	w.value(v)
}

// composite writes a composite value, or nothing.
func (w *writer) composite(code uint64, present bool, write func(*writer)) {
	if !present {
		w.null()
		return
	}
	w.next()
	w.b = compose(w.b, code, write)
}

// A reader decodes the fields of a composite value one after another. After
// the first field that cannot be read it keeps the error and reads nothing.
type reader struct {
	b     []byte
	left  int
	index int
	err   error
}

// fields is the fields of a list: the value of a composite value.
func fields(b []byte) (r *reader, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, ErrTruncated
	}
	code, b := b[0], b[1:]
	body, rest, err := split(code, b)
	if err != nil {
		return nil, nil, err
	}
	switch code {
	case codeList0:
		return &reader{}, rest, nil
	case codeList8, codeList32:
		count, body, err := elements(code, body)
		if err != nil {
			return nil, nil, err
		}
		return &reader{b: body, left: count}, rest, nil
	}
	return nil, nil, fmt.Errorf("%w: a composite value that is no list", ErrMalformed)
}

// optional is the next field where it is a T, or nil where it is null or left
// out.
func optional[T any](r *reader) *T {
	if r.err != nil || r.left == 0 {
		return nil
	}
	value, rest, err := Decode(r.b)
	if err != nil {
		r.err = err
		return nil
	}
	r.b = rest
	r.left--
	r.index++
	if value == nil {
		return nil
	}
	v, ok := value.(T)
	if !ok {
		r.err = fmt.Errorf("%w: field %d is of type %T", ErrMalformed, r.index, value)
		return nil
	}
	return &v
}

// field is the next field where it is a T, or otherwise where it is null or
// left out.
func field[T any](r *reader, otherwise T) T {
	if v := optional[T](r); v != nil {
		return *v
	}
	return otherwise
}

// required is the next field, which must be there.
func required[T any](r *reader) T {
	v := optional[T](r)
	if v == nil {
		if r.err == nil {
			r.err = fmt.Errorf("%w: field %d is missing", ErrMalformed, r.index)
		}
		var zero T
		return zero
	}
	return *v
}

// symbols is a field that may hold one symbol or several.
func (r *reader) symbols() []Symbol {
	switch v := field[any](r, nil).(type) {
	case nil:
		return nil
	case Symbol:
		return []Symbol{v}
	case Array:
		symbols := make([]Symbol, len(v.Items))
		for i, item := range v.Items {
			symbol, ok := item.(Symbol)
			if !ok {
				r.err = fmt.Errorf("%w: field %d holds a %T among symbols", ErrMalformed, r.index, item)
				return nil
			}
			symbols[i] = symbol
		}
		return symbols
	default:
		r.err = fmt.Errorf("%w: field %d is of type %T", ErrMalformed, r.index, v)
		return nil
	}
}

// address is a field that holds the address of a node; only strings are.
func (r *reader) address() string {
	return field(r, "")
}

// composite reads a composite value with a descriptor, and says whether there
// was one.
func (r *reader) composite(code uint64, read func(*reader)) bool {
	if r.err != nil || r.left == 0 {
		return false
	}
	if len(r.b) > 0 && r.b[0] == codeNull {
		field[any](r, nil)
		return false
	}
	found, inner, rest, err := composite(r.b)
	if err == nil && found != code {
		err = fmt.Errorf("%w: field %d is a composite value of code %#x", ErrMalformed, r.index+1, found)
	}
	if err == nil {
		read(inner)
		err = inner.err
	}
	if err != nil {
		r.err = err
		return false
	}
	r.b = rest
	r.left--
	r.index++
	return true
}

// composite is the code and the fields of the composite value that b begins
// with, and what follows it.
func composite(b []byte) (code uint64, r *reader, rest []byte, err error) {
	code, b, err = Descriptor(b)
	if err != nil {
		return 0, nil, nil, err
	}
	r, rest, err = fields(b)
	return code, r, rest, err
}

// Descriptor is the numeric descriptor that a described value begins with, and
// the value.
func Descriptor(b []byte) (code uint64, value []byte, err error) {
	if len(b) < 3 {
		return 0, nil, ErrTruncated
	}
	if b[0] != codeDescribed {
		return 0, nil, fmt.Errorf("%w: not a described value", ErrMalformed)
	}
	switch {
	case b[1] == codeSmallUlong:
		return uint64(b[2]), b[3:], nil
	case b[1] == codeUlong0:
		return 0, b[2:], nil
	case b[1] == codeUlong && len(b) >= 10:
		return binary.BigEndian.Uint64(b[2:]), b[10:], nil
	}
	return 0, nil, fmt.Errorf("%w: a descriptor that is no number", ErrMalformed)
}
