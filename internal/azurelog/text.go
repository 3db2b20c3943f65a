package azurelog

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Bytes repeated in a word, for the search of eight bytes at a time.
const (
	ones    = 0x0101010101010101
	highs   = 0x8080808080808080
	quotes  = '"' * ones
	slashes = '\\' * ones
	spaces  = ' ' * ones
)

// special is the index at or after i of the first byte that cannot stand
// plainly inside a JSON string: a quote, a backslash or a control character;
// len(b) where there is none.
func special(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		q, s := w^quotes, w^slashes
		if m := ((q-ones)&^q | (s-ones)&^s | (w-spaces)&^w) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

// stringEnd is the index of the quote that closes the string whose content
// starts at i, and whether the content holds escapes. Where the string is not
// closed it is the index of the control character in it, or len(b).
func stringEnd(b []byte, i int) (end int, escaped bool) {
	for {
		i = special(b, i)
		if i >= len(b) || b[i] != '\\' {
			return i, escaped
		}
		escaped = true
		if i += 2; i > len(b) {
			return len(b), true
		}
	}
}

// closes reports whether b[i] is a quote.
func closes(b []byte, i int) bool { return i < len(b) && b[i] == '"' }

// space reports whether c is white space in JSON.
func space(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// skipSpace is the index at or after i of the first byte that is no white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && space(b[i]) {
		i++
	}
	return i
}

// unescape appends the content of a JSON string to dst, with its escapes
// resolved. What is no valid escape stands for itself, or for U+FFFD.
func unescape(dst, s []byte) []byte {
	for {
		i := 0
		for i < len(s) && s[i] != '\\' {
			if i = special(s, i); i < len(s) && s[i] != '\\' {
				i++
			}
		}
		dst = append(dst, s[:i]...)
		if s = s[i:]; len(s) < 2 {
			return dst
		}
		switch c := s[1]; c {
		case 'b', 'f', 'n', 'r', 't':
			dst = append(dst, controls[c])
		case 'u':
			r, n := escapedRune(s)
			dst, s = utf8.AppendRune(dst, r), s[n:]
			continue
		default:
			dst = append(dst, c)
		}
		s = s[2:]
	}
}

var controls = [...]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escapedRune is the rune that the escape \uXXXX at the start of s, or a pair
// of surrogates, stands for, and the length of it all.
func escapedRune(s []byte) (rune, int) {
	r := hexRune(s)
	if r < 0 {
		return utf8.RuneError, 2
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if low := hexRune(s[6:]); low >= 0 {
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

// hexRune is the number in an escape \uXXXX, -1 where s does not start with one.
func hexRune(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range s[2:6] {
		digit := hexDigit(c)
		if digit > 15 {
			return -1
		}
		r = r<<4 | rune(digit)
	}
	return r
}

// hexDigit is the value of a hexadecimal digit, 255 for other bytes.
func hexDigit(c byte) byte { return hexDigits[c] }

var hexDigits = func() (table [256]byte) {
	for i := range table {
		table[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		table[c], table[upper(byte(c))] = byte(i), byte(i)
	}
	return table
}()

// upper is c in upper case where it is an ASCII letter.
func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c &^ 0x20
	}
	return c
}

// lower is c in lower case where it is an ASCII letter.
func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// appendLower appends s to dst with its ASCII letters in lower case.
func appendLower(dst, s []byte) []byte {
	for _, c := range s {
		dst = append(dst, lower(c))
	}
	return dst
}

// foldEqual reports whether b is s, whatever the case of b's ASCII letters; s
// is in lower case.
func foldEqual(b []byte, s string) bool {
	return len(b) == len(s) && foldPrefix(b, s)
}

// foldPrefix reports whether b starts with s, which is in lower case.
func foldPrefix(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	for i := range len(s) {
		if lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}
