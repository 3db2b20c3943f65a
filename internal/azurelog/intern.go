package azurelog

import "unicode/utf8"

// Bounds of a table of interned strings. A table that is full starts over:
// strings already given out stay valid.
const (
	maxInterned      = 1 << 16
	maxInternedBytes = 8 << 20
)

// interner interns strings: equal bytes give one string, without an allocation from the second time on.
type interner struct {
	table map[string]string
	size  int
}

// of is b as a valid UTF-8 string, each invalid byte replaced by U+FFFD.
func (n *interner) of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := n.table[string(b)]; ok {
		return s
	}
	raw := string(b)
	s := raw
	if !utf8.ValidString(raw) {
		s = string([]rune(raw))
	}
	n.put(raw, s)
	return s
}

// put remembers that the bytes of raw stand for s.
func (n *interner) put(raw, s string) {
	if n.size += len(raw) + len(s); n.table == nil || len(n.table) >= maxInterned || n.size > maxInternedBytes {
		n.table, n.size = make(map[string]string), len(raw)+len(s)
	}
	n.table[raw] = s
}
