package invocation

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

var errCut = errors.New("the JSON ends in the middle")

// cursor goes through JSON text without making values of it. It tells where
// values begin and end, and checks no more than that takes.
type cursor struct {
	b []byte
	i int
}

// peek passes over white space and returns the next byte, 0 at the end.
func (c *cursor) peek() byte {
	for ; c.i < len(c.b); c.i++ {
		switch c.b[c.i] {
		case ' ', '\t', '\r', '\n':
		default:
			return c.b[c.i]
		}
	}
	return 0
}

// take passes over the byte want.
func (c *cursor) take(want byte) error {
	switch got := c.peek(); {
	case c.i == len(c.b):
		return errCut
	case got != want:
		return fmt.Errorf("no %q at byte %d of the JSON", want, c.i)
	}
	c.i++
	return nil
}

// value passes over one value of any kind and returns its text.
func (c *cursor) value() ([]byte, error) {
	first := c.peek()
	start := c.i
	switch first {
	case '"':
		if err := c.pastString(); err != nil {
			return nil, err
		}
	case '{', '[':
		if err := c.pastBrackets(); err != nil {
			return nil, err
		}
	default:
		for c.i < len(c.b) && !endsScalar[c.b[c.i]] {
			c.i++
		}
		switch {
		case start == len(c.b):
			return nil, errCut
		case start == c.i:
			return nil, fmt.Errorf("no value at byte %d of the JSON", start)
		}
	}
	return c.b[start:c.i], nil
}

// endsScalar are the bytes that end a number, true, false or null.
var endsScalar = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, ',': true, ':': true, ']': true, '}': true}

// pastString passes over a string that begins here.
func (c *cursor) pastString() error {
	for from := c.i + 1; ; {
		n := bytes.IndexByte(c.b[from:], '"')
		if n < 0 {
			return errCut
		}
		slashes := 0
		for ; slashes < n && c.b[from+n-1-slashes] == '\\'; slashes++ {
		}
		from += n + 1
		if slashes%2 == 0 {
			c.i = from
			return nil
		}
	}
}

// pastBrackets passes over an object or array that begins here, in any depth.
func (c *cursor) pastBrackets() error {
	for depth := 0; c.i < len(c.b); {
		switch c.b[c.i] {
		case '"':
			if err := c.pastString(); err != nil {
				return err
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		c.i++
		if depth == 0 {
			return nil
		}
	}
	return errCut
}

// list goes through what stands between two brackets, separated by commas, and
// nothing may follow.
func list(b []byte, opening, closing byte, item func(c *cursor) error) error {
	c := &cursor{b: b}
	if err := c.take(opening); err != nil {
		return err
	}
	for c.peek() != closing {
		if err := item(c); err != nil {
			return err
		}
		if c.peek() == closing {
			break
		}
		if err := c.take(','); err != nil {
			return err
		}
	}
	c.i++
	if c.peek(); c.i != len(b) {
		return fmt.Errorf("something follows the JSON at byte %d", c.i)
	}
	return nil
}

// members calls f with the key and the text of each member of an object.
func members(object []byte, f func(key string, value []byte) error) error {
	return list(object, '{', '}', func(c *cursor) error {
		if c.peek() != '"' {
			return fmt.Errorf("no key at byte %d of the JSON", c.i)
		}
		key, err := c.value()
		if err != nil {
			return err
		}
		if err := c.take(':'); err != nil {
			return err
		}
		value, err := c.value()
		if err != nil {
			return err
		}
		key, err = unquote(key)
		if err != nil {
			return err
		}
		return f(string(key), value)
	})
}

// elements returns the texts of an array's elements.
func elements(array []byte) ([][]byte, error) {
	var all [][]byte
	err := list(array, '[', ']', func(c *cursor) error {
		value, err := c.value()
		all = append(all, value)
		return err
	})
	return all, err
}

// isString reports whether the text of a value is that of a string.
func isString(value []byte) bool { return len(value) >= 2 && value[0] == '"' }

// unquote returns what a string says. It is written over the string's own
// text, which is lost. As in encoding/json, half a surrogate pair becomes
// U+FFFD; bytes that are no UTF-8 stay.
func unquote(s []byte) ([]byte, error) {
	if !isString(s) {
		return nil, errors.New("no string where the JSON must have one")
	}
	s = s[1 : len(s)-1]
	w := bytes.IndexByte(s, '\\')
	if w < 0 {
		return s, nil
	}
	for r := w; r < len(s); {
		if s[r] != '\\' {
			n := bytes.IndexByte(s[r:], '\\')
			if n < 0 {
				n = len(s) - r
			}
			w += copy(s[w:], s[r:r+n])
			r += n
			continue
		}
		char, size, err := escape(s[r:])
		if err != nil {
			return nil, err
		}
		r += size
		w += utf8.EncodeRune(s[w:r], char)
	}
	return s[:w], nil
}

// escapes are the escapes of one letter.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads the escape sequence, or pair of them, that s begins with.
func escape(s []byte) (char rune, size int, err error) {
	if len(s) < 2 {
		return 0, 0, errCut
	}
	if s[1] != 'u' {
		if char = rune(escapes[s[1]]); char == 0 {
			return 0, 0, fmt.Errorf("no escape sequence of JSON: %q", s[:2])
		}
		return char, 2, nil
	}
	char, err = unit(s)
	if err != nil || !utf16.IsSurrogate(char) {
		return char, 6, err
	}
	if second, err := unit(s[6:]); err == nil {
		if pair := utf16.DecodeRune(char, second); pair != utf8.RuneError {
			return pair, 12, nil
		}
	}
	return utf8.RuneError, 6, nil
}

// unit reads the UTF-16 unit of a \uXXXX that s begins with.
func unit(s []byte) (rune, error) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, errCut
	}
	n, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	if err != nil {
		return 0, fmt.Errorf("no escape sequence of JSON: %q", s[:6])
	}
	return rune(n), nil
}
