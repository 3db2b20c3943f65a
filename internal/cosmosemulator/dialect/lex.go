package dialect

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	end kind = iota
	word
	number
	text
	param
	symbol
)

type token struct {
	kind kind
	text string // a word as it stands, a string's value, a symbol, a parameter with @
	num  float64
	at   int // byte in the query
}

// Symbols of more than one byte come before their beginnings.
var symbols = []string{"!=", "<>", "<=", ">=", "||", "??", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ".", ":", "?"}

// lex takes a query apart.
func lex(query string) ([]token, error) {
	var out []token
	for at := 0; at < len(query); {
		rest := query[at:]
		c, size := utf8.DecodeRuneInString(rest)
		var t token
		var n int
		var err error
		switch {
		case unicode.IsSpace(c):
			at += size
			continue
		case strings.HasPrefix(rest, "--"):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				at += i
				continue
			}
			at = len(query)
			continue
		case c == '"' || c == '\'':
			t, n, err = lexString(rest)
		case c >= '0' && c <= '9':
			t, n, err = lexNumber(rest)
		case c == '@':
			n = 1 + wordLength(rest[1:])
			t = token{kind: param, text: rest[:n]}
		case wordLength(rest) > 0:
			n = wordLength(rest)
			t = token{kind: word, text: rest[:n]}
		default:
			for _, s := range symbols {
				if strings.HasPrefix(rest, s) {
					t, n = token{kind: symbol, text: s}, len(s)
					break
				}
			}
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, refuse("Syntax error, incorrect syntax near %q.", string(c))
		}
		t.at = at
		out = append(out, t)
		at += n
	}
	return append(out, token{kind: end, at: len(query)}), nil
}

func wordLength(s string) int {
	for i, c := range s {
		if c != '_' && !unicode.IsLetter(c) && (i == 0 || !unicode.IsDigit(c)) {
			return i
		}
	}
	return len(s)
}

// lexString reads a string in either quotes, with JSON's escapes.
func lexString(s string) (token, int, error) {
	quote := s[0]
	var b strings.Builder
	b.WriteByte('"')
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			b.WriteByte('"')
			var value string
			if err := json.Unmarshal([]byte(b.String()), &value); err != nil {
				return token{}, 0, refuse("The string %.40s has an escape that is not known.", s[:i+1])
			}
			return token{kind: text, text: value}, i + 1, nil
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '\'' {
				b.WriteByte('\'')
				continue
			}
			b.WriteByte('\\')
			b.WriteByte(s[i])
		case c == '"':
			b.WriteString(`\"`)
		case c < ' ':
			b.WriteString(`\u00` + strconv.FormatInt(int64(c>>4), 16) + strconv.FormatInt(int64(c&15), 16))
		default:
			b.WriteByte(c)
		}
	}
	return token{}, 0, refuse("Syntax error, the string %.20q has no end.", s)
}

func lexNumber(s string) (token, int, error) {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.' || s[n]|0x20 == 'e' || (s[n] == '-' || s[n] == '+') && s[n-1]|0x20 == 'e') {
		n++
	}
	f, err := strconv.ParseFloat(s[:n], 64)
	if err != nil {
		return token{}, 0, refuse("%.40q is no number.", s[:n])
	}
	return token{kind: number, num: f}, n, nil
}
