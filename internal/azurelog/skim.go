package azurelog

import "bytes"

// A stream is a flat sequence of pieces. A record is an object that is no
// envelope; what stands around records (white space, commas, brackets, the
// head {"records":[ and the tail ]} of an envelope) is passed over, in any
// order, so that a part of an envelope reads like the whole; anything else is
// garbage up to the end of its line or the next opening brace. The functions
// here find where pieces end without understanding them. The Scanner cuts by
// them and the Decoder recovers by them, so that both agree.
//
// In valid JSON a closing bracket and an opening one with only white space
// between them stand between two top-level values. Where that space holds a
// newline we call it a seam. No piece reaches over a seam, however broken.

// Bounds of what is understood.
const (
	maxDepth  = 128  // nesting of a record; a deeper one is poison
	maxHeader = 4096 // bytes of an envelope before its records
)

// outcome says what became of an attempt to find an end.
type outcome uint8

const (
	whole  outcome = iota // found
	more                  // the bytes end before
	broken                // this is no JSON value
)

// skim finds the end of a JSON value by its brackets and strings alone. It
// can be fed a value in parts.
type skim struct {
	base     int // nesting around the value
	depth    int
	inString bool
	escaped  bool // the next byte of the string belongs to an escape
	closed   bool // the last byte that is no white space closed a bracket
	newline  bool // a newline stood since then
}

// run goes on at b[i], and returns the index after the value's last byte, or
// where it broke.
func (s *skim) run(b []byte, i int) (int, outcome) {
	for i < len(b) {
		if s.inString {
			if s.escaped {
				s.escaped = false
				i++
				continue
			}
			if i = special(b, i); i == len(b) {
				break
			}
			switch b[i] {
			case '"':
				s.inString = false
			case '\\':
				s.escaped = true
			default:
				return i, broken
			}
			i++
			continue
		}
		switch shapes[b[i]] {
		case shapeQuote:
			s.inString, s.closed = true, false
		case shapeOpen:
			if s.depth++; s.base+s.depth > maxDepth || s.closed && s.newline {
				return i, broken
			}
			s.closed = false
		case shapeClose:
			if s.depth--; s.depth <= 0 {
				return i + 1, whole
			}
			s.closed, s.newline = true, false
		case shapeNewline:
			s.newline = true
		case shapeSpace:
		case shapeToken:
			s.closed = false
		default:
			return i, broken
		}
		i++
	}
	return i, more
}

// Shapes of bytes outside strings.
const (
	shapeNone = iota
	shapeSpace
	shapeNewline
	shapeToken
	shapeQuote
	shapeOpen
	shapeClose
)

var shapes = [256]uint8{
	' ': shapeSpace, '\t': shapeSpace, '\r': shapeSpace, '\n': shapeNewline,
	'"': shapeQuote, '{': shapeOpen, '[': shapeOpen, '}': shapeClose, ']': shapeClose,
	',': shapeToken, ':': shapeToken, '+': shapeToken, '-': shapeToken, '.': shapeToken, 'E': shapeToken,
	'0': shapeToken, '1': shapeToken, '2': shapeToken, '3': shapeToken, '4': shapeToken,
	'5': shapeToken, '6': shapeToken, '7': shapeToken, '8': shapeToken, '9': shapeToken,
	'a': shapeToken, 'e': shapeToken, 'f': shapeToken, 'l': shapeToken, 'n': shapeToken,
	'r': shapeToken, 's': shapeToken, 't': shapeToken, 'u': shapeToken,
}

// scalarEnd is the index after the number or literal at b[i].
func scalarEnd(b []byte, i int) int {
	for i < len(b) && shapes[b[i]] == shapeToken && b[i] != ',' && b[i] != ':' {
		i++
	}
	return i
}

// recordEnd is where the record that starts at b[i] ends. A broken one ends
// where something like a record starts again. last says that nothing comes
// after b; otherwise the outcome may be more.
func recordEnd(b []byte, i int, last bool) (int, outcome) {
	var s skim
	end, how := s.run(b, i)
	if how == whole || how == more && !last {
		return end, how
	}
	return resync(b, i+1, last)
}

// resync is the index at or after i from which reading can go on: a bracket
// that opens a line, or the comma in "},{" + quote.
func resync(b []byte, i int, last bool) (int, outcome) {
	end, how := len(b), more
	if last {
		how = whole
	}
	for from := i; ; {
		n := bytes.IndexByte(b[from:], '\n')
		if n < 0 {
			break
		}
		next := skipSpace(b, from+n)
		if next < len(b) && (b[next] == '{' || b[next] == '[') {
			end, how = next, whole
			break
		}
		from = next
	}
	if n := bytes.Index(b[i:end], []byte(`},{"`)); n >= 0 {
		return i + n + 1, whole
	}
	return end, how
}

// garbageEnd is where the garbage at b[i] ends: at a newline or an opening brace after i.
func garbageEnd(b []byte, i int, last bool) (int, outcome) {
	end, how := len(b), more
	if last {
		how = whole
	}
	if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
		end, how = i+n, whole
	}
	if n := bytes.IndexByte(b[i+1:end], '{'); n >= 0 {
		return i + 1 + n, whole
	}
	return end, how
}

// soft is how many bytes at b[i] are of what is passed over around records.
func soft(b []byte, i int) int {
	switch c := b[i]; {
	case space(c), c == ',', c == '[', c == ']', c == '}':
		return 1
	case c == 0xEF && bytes.HasPrefix(b[i:], byteOrderMark):
		return len(byteOrderMark)
	}
	return 0
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// header is the index after the opening bracket of an envelope's records, for
// an envelope that starts at b[i]. Before its records it may have members
// that are no object and no array.
func header(b []byte, i int) (int, outcome) {
	n, how := envelope(b[:min(len(b), i+maxHeader)], i)
	if how == more && len(b) >= i+maxHeader {
		how = broken
	}
	return n, how
}

// envelope is header without its bound.
func envelope(b []byte, i int) (int, outcome) {
	for {
		key, value, how := member(b, skipSpace(b, i+1))
		if how != whole {
			return value, how
		}
		if b[value] == '[' && string(key) == "records" {
			return value + 1, whole
		}
		if b[value] == '{' || b[value] == '[' {
			return value, broken
		}
		if i, how = valueEnd(b, value, 1); how != whole {
			return i, how
		}
		switch i = skipSpace(b, i); {
		case i == len(b):
			return i, more
		case b[i] != ',':
			return i, broken
		}
	}
}

// member is the key of the object's member at b[i], as it is written, and the
// index of its value's first byte.
func member(b []byte, i int) (key []byte, value int, how outcome) {
	if i >= len(b) {
		return nil, i, more
	}
	if b[i] != '"' {
		return nil, i, broken
	}
	end, _ := stringEnd(b, i+1)
	if end == len(b) {
		return nil, end, more
	}
	if b[end] != '"' {
		return nil, end, broken
	}
	key = b[i+1 : end]
	switch i = skipSpace(b, end+1); {
	case i == len(b):
		return nil, i, more
	case b[i] != ':':
		return nil, i, broken
	}
	if i = skipSpace(b, i+1); i == len(b) {
		return nil, i, more
	}
	return key, i, whole
}

// valueEnd is the index after the value at b[i], nested so deep.
func valueEnd(b []byte, i, depth int) (int, outcome) {
	switch b[i] {
	case '{', '[':
		s := skim{base: depth}
		return s.run(b, i)
	case '"':
		end, _ := stringEnd(b, i+1)
		if end == len(b) {
			return end, more
		}
		if b[end] != '"' {
			return end, broken
		}
		return end + 1, whole
	}
	end := scalarEnd(b, i)
	if end == len(b) {
		return end, more
	}
	if end == i {
		return end, broken
	}
	return end, whole
}

// tail is the index after the member of an envelope that follows its records
// at b[i]: a quoted key, a colon and a value.
func tail(b []byte, i int, last bool) (int, outcome) {
	_, value, how := member(b, i)
	if how != whole {
		return value, how
	}
	end, how := valueEnd(b, value, 0)
	if how == more && last && shapes[b[value]] == shapeToken {
		how = whole
	}
	return end, how
}

// pieceEnd is where the piece at b[i] ends.
func pieceEnd(b []byte, i int, last bool) (int, outcome) {
	if n := soft(b, i); n > 0 {
		return i + n, whole
	}
	switch b[i] {
	case '{':
		if end, how := header(b, i); how == whole || how == more && !last {
			return end, how
		}
		return recordEnd(b, i, last)
	case '"':
		if end, how := tail(b, i, last); how == whole || how == more && !last {
			return end, how
		}
	}
	return garbageEnd(b, i, last)
}

// cutPieces is the end of the last whole piece of b, 0 where there is none. It
// does not cut behind what is passed over, by which a broken piece ends.
func cutPieces(b []byte) int {
	cut := 0
	for i := 0; i < len(b); {
		end, how := pieceEnd(b, i, false)
		if how == more {
			break
		}
		if cut == 0 || soft(b, i) == 0 {
			cut = end
		}
		i = end
	}
	return cut
}

// cutSeam is the index of the opening bracket at the last seam of b, 0 where there is none.
func cutSeam(b []byte) int {
	for end := len(b); ; {
		n := bytes.LastIndexByte(b[:end], '\n')
		if n < 0 {
			return 0
		}
		next := skipSpace(b, n)
		for end = n; end > 0 && space(b[end-1]); end-- {
		}
		if end > 0 && (b[end-1] == '}' || b[end-1] == ']') && next < len(b) && (b[next] == '{' || b[next] == '[') {
			return next
		}
	}
}
