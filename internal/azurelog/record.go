package azurelog

import "bytes"

// value is a member of the record that is being read.
type value struct {
	text    []byte // of a string its content as it is written, else the JSON
	at      int    // of text in the block, or of the string that it came from
	record  uint32 // the record it belongs to; another one's value is stale
	kind    kind
	escaped bool // text holds escapes
}

// kind is what a value is in JSON.
type kind uint8

const (
	kindNone kind = iota // absent, or null
	kindString
	kindNumber
	kindLiteral
	kindObject
	kindArray
)

// maxDrift is how many unknown properties of one record are counted.
const maxDrift = 8

// object reads the object at b[i] and keeps the members that are used. It
// returns the index after it, or -1 and leaves the reason in d.flaw. Of an
// envelope it is the index after its records' opening bracket, and d.envelope
// is set. What is not used is not checked beyond brackets and strings.
func (d *Decoder) object(b []byte, start int, p place, depth int) int {
	i := skipSpace(b, start+1)
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for n := 0; ; n++ {
		if i >= len(b) || b[i] != '"' {
			return d.fail("a key is expected", i)
		}
		key, f, end := d.predicted(b, i+1, '"', p, n)
		if f == fUnknown {
			var escaped bool
			if end, escaped = stringEnd(b, i+1); !closes(b, end) {
				return d.fail("a string is not closed", end)
			}
			if key = b[i+1 : end]; escaped {
				f = find(p, d.unescaped(key))
			} else {
				f = d.lookup(p, n, key)
			}
		}
		if i = end + 1; i >= len(b) || b[i] != ':' {
			if i = skipSpace(b, i); i >= len(b) || b[i] != ':' {
				return d.fail("a colon is expected", i)
			}
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		if i >= len(b) {
			return d.fail("a value is missing", i)
		}
		if b[i] == '[' && p == inRecord && string(key) == "records" {
			if end, how := header(b, start); how == whole {
				d.envelope = true
				return end
			}
		}
		if i = d.member(b, i, f, depth); i < 0 {
			return -1
		}
		if f == fUnknown && p == inProperties {
			d.unknown(key)
		}
		if i < len(b) && b[i] <= ' ' {
			i = skipSpace(b, i)
		}
		switch {
		case i >= len(b):
			return d.fail("the record ends too early", i)
		case b[i] == '}':
			return i + 1
		case b[i] != ',':
			return d.fail("a comma is expected", i)
		}
		if i++; i < len(b) && b[i] != '"' {
			i = skipSpace(b, i)
		}
	}
}

// member reads the value at b[i], keeps it as f and returns the index after it.
func (d *Decoder) member(b []byte, i int, f field, depth int) int {
	c := b[i]
	if f >= fProperties {
		d.forget(inside[f])
		switch {
		case c == '{':
			return d.object(b, i, inside[f], depth+1)
		case c == '"' && i+1 < len(b) && b[i+1] == '{':
			return d.embedded(b, i, f)
		case f == fProperties && c != 'n' && !bytes.HasPrefix(b[i:], []byte(`""`)):
			d.odd(f)
		}
	}
	if c == '"' {
		end, escaped := stringEnd(b, i+1)
		if !closes(b, end) {
			return d.fail("a string is not closed", end)
		}
		d.set(f, b[i+1:end], i, kindString, escaped)
		return end + 1
	}
	end, how := valueEnd(b, i, depth)
	if how != whole {
		return d.fail("a value is not readable", end)
	}
	d.set(f, b[i:end], i, kindOf(c), false)
	return end
}

// embedded reads the JSON string at b[i] that holds the object f.
func (d *Decoder) embedded(b []byte, i int, f field) int {
	p, from := inside[f], len(d.drift)
	if end := d.escapedObject(b, i+1, p); end > 0 {
		return end
	}
	d.forget(p)
	end, _ := stringEnd(b, i+1)
	if !closes(b, end) {
		return d.fail("a string is not closed", end)
	}
	inner := d.unescaped(b[i+1 : end])
	d.drift = d.drift[:from]
	if d.within == 0 {
		d.at = i
	}
	d.within++
	n := d.object(inner, 0, p, 1)
	d.within--
	if n < 0 || skipSpace(inner, n) != len(inner) {
		d.forget(p)
		d.drift = d.drift[:from]
		d.odd(f)
	}
	return end + 1
}

// escapedObject reads a flat object in a JSON string without unescaping it:
// members of strings without escapes of their own, numbers, literals and
// arrays of one number. It returns 0 for any other, with a part of it read,
// else the index after the quote that closes the string.
func (d *Decoder) escapedObject(b []byte, i int, p place) int {
	i++
	for n := 0; i+2 < len(b); n++ {
		for b[i] == ' ' && i+2 < len(b) {
			i++
		}
		if b[i] != '\\' || b[i+1] != '"' {
			return 0
		}
		start := i + 2
		_, f, end := d.predicted(b, start, '\\', p, n)
		if f == fUnknown {
			end = special(b, start)
		}
		if end+3 >= len(b) || b[end] != '\\' || b[end+1] != '"' || b[end+2] != ':' {
			return 0
		}
		if f == fUnknown {
			if f = d.lookup(p, n, b[start:end]); f == fUnknown {
				d.unknown(b[start:end])
			}
		}
		if f >= fProperties {
			return 0
		}
		if i = end + 3; b[i] == ' ' && i+1 < len(b) {
			i++
		}
		switch at, c := i, b[i]; c {
		case '\\':
			start = i + 2
			end = special(b, start)
			if end+2 >= len(b) || b[i+1] != '"' || b[end] != '\\' || b[end+1] != '"' {
				return 0
			}
			d.set(f, b[start:end], at, kindString, false)
			i = end + 2
		case '[':
			end = scalarEnd(b, i+1)
			if end == len(b) || b[end] != ']' {
				return 0
			}
			i = end + 1
			d.set(f, b[at:i], at, kindArray, false)
		default:
			if i = scalarEnd(b, i); i == at {
				return 0
			}
			d.set(f, b[at:i], at, kindOf(c), false)
		}
		switch {
		case i+1 >= len(b):
			return 0
		case b[i] == '}' && b[i+1] == '"':
			return i + 2
		case b[i] != ',':
			return 0
		}
		i++
	}
	return 0
}

// set keeps the value at an index as f, where f is used at all. It writes the
// parts of the value one by one: that is measurably faster than to copy it.
func (d *Decoder) set(f field, text []byte, at int, k kind, escaped bool) {
	if f <= fUnused {
		return
	}
	if d.within > 0 {
		at = d.at
	}
	v := &d.values[f]
	v.text, v.at, v.record, v.kind, v.escaped = text, at, d.record, k, escaped
}

// kindOf is the kind of a value that starts with c and is no string.
func kindOf(c byte) kind {
	switch {
	case c == '{':
		return kindObject
	case c == '[':
		return kindArray
	case c == '-' || c >= '0' && c <= '9':
		return kindNumber
	case c == 'n':
		return kindNone
	}
	return kindLiteral
}

// forget drops what was read in p: of two equal keys the last one counts.
func (d *Decoder) forget(p place) {
	if d.entered&(1<<p) != 0 {
		for _, f := range names[p] {
			d.values[f].kind = kindNone
			if f >= fProperties {
				d.forget(inside[f])
			}
		}
	}
	d.entered |= 1 << p
}

// unknown remembers a property that was never seen.
func (d *Decoder) unknown(key []byte) {
	if len(d.drift) < maxDrift {
		d.drift = append(d.drift, d.names.of(key))
	}
}

// odd remembers that f has a shape that was never seen.
func (d *Decoder) odd(f field) {
	if len(d.drift) < maxDrift {
		d.drift = append(d.drift, shapeNames[f])
	}
}

// fail leaves the reason why a record cannot be read, and is -1.
func (d *Decoder) fail(what string, at int) int {
	if d.within > 0 {
		at = d.at
	}
	d.flaw = flaw{what, at}
	return -1
}

// unescaped is a JSON string's content without its escapes, valid until the next record.
func (d *Decoder) unescaped(s []byte) []byte {
	from := len(d.scratch)
	d.scratch = unescape(d.scratch, s)
	return d.scratch[from:len(d.scratch):len(d.scratch)]
}

// text is the string, number or literal that f holds; nil where it holds none.
func (d *Decoder) text(f field) []byte {
	v := &d.values[f]
	if v.record != d.record || v.kind == kindNone || v.kind >= kindObject {
		return nil
	}
	if v.escaped {
		v.text, v.escaped = d.unescaped(v.text), false
	}
	return v.text
}

// name is the interned text of f.
func (d *Decoder) name(f field) string { return d.intern(f, d.text(f)) }

// intern is b as a string. Mostly it is what it was the last time for f.
func (d *Decoder) intern(f field, b []byte) string {
	if last := &d.last[f]; *last != string(b) {
		*last = d.names.of(b)
		return *last
	}
	return d.last[f]
}

// raw is the text of f, or the JSON of an object or array.
func (d *Decoder) raw(f field) []byte {
	v := &d.values[f]
	if v.record != d.record || v.kind == kindNone {
		return nil
	}
	return v.text
}

// number is the whole number that f holds, as a number, a string or an array of one of them.
func (d *Decoder) number(f field) (int64, bool) {
	v := &d.values[f]
	if v.record != d.record || v.kind == kindNone {
		return 0, false
	}
	text := v.text
	if v.kind == kindArray {
		text = bytes.Trim(text, "[] \t\r\n\"")
	}
	n, ok := parseInt(text)
	if !ok && len(text) > 0 {
		d.odd(f)
	}
	return n, ok
}

// count is a number that cannot be negative; -1 where there is none.
func (d *Decoder) count(f field) int64 {
	if n, ok := d.number(f); ok && n >= 0 {
		return n
	}
	return -1
}
