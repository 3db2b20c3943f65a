package store

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/keywarden/keywarden/internal/cosmosemulator/epk"
)

// Limits of the service.
const (
	MaxItemBytes = 2 << 20 // an item, as JSON
	MaxIDBytes   = 1023    // an item's id
	maxKeyBytes  = 2048    // a partition key value

	maxTTL     = 1<<31 - 1
	maxNesting = 128 // objects and arrays in one another

	maxTransactionBytes = 16 << 20 // items that a batch reads and writes; this store's own
)

// A document is an item's JSON as the client sent it, without white space and system properties.
type document struct {
	id     string
	ttl    int64  // seconds; -1 never, 0 not given
	values []any  // of the partition key
	open   []byte // the JSON without its last brace
}

// parseDocument reads an item and finds what the store must know of it.
func parseDocument(body []byte, paths [][]string) (document, error) {
	if len(body) > MaxItemBytes {
		return document{}, Refuse(413, 0, "Request size is too large: an item may have %d bytes, this one has %d.", MaxItemBytes, len(body))
	}
	var compact bytes.Buffer
	compact.Grow(len(body))
	if err := json.Compact(&compact, body); err != nil || !utf8.Valid(body) {
		return document{}, Refuse(400, 0, "The request payload is invalid. Ensure to provide a valid request payload.")
	}
	if compact.Len() == 0 || compact.Bytes()[0] != '{' {
		return document{}, Refuse(400, 0, "The input content is invalid because it is not a JSON object.")
	}
	if nesting(compact.Bytes()) > maxNesting {
		return document{}, Refuse(400, 0, "The input content is nested more than %d levels deep.", maxNesting)
	}
	doc := document{open: make([]byte, 1, compact.Len()+256)}
	doc.open[0] = '{'
	roots := map[string]json.RawMessage{}
	for name, member := range members(compact.Bytes()) {
		switch name {
		case "_rid", "_self", "_etag", "_attachments", "_ts", "_lsn":
			continue
		}
		if len(doc.open) > 1 {
			doc.open = append(doc.open, ',')
		}
		doc.open = append(doc.open, member.text...)
		if name == "id" || name == "ttl" || isRoot(paths, name) {
			roots[name] = member.value
		}
	}
	return doc, doc.find(roots, paths)
}

// nesting is how deep objects and arrays stand in one another, in valid JSON.
func nesting(text []byte) (deepest int) {
	depth, quoted := 0, false
	for at := 0; at < len(text); at++ {
		switch c := text[at]; {
		case quoted && c == '\\':
			at++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

func isRoot(paths [][]string, name string) bool {
	for _, p := range paths {
		if p[0] == name {
			return true
		}
	}
	return false
}

// find takes id, time to live and partition key out of the members that hold them.
func (doc *document) find(roots map[string]json.RawMessage, paths [][]string) error {
	if json.Unmarshal(roots["id"], &doc.id) != nil || doc.id == "" {
		return Refuse(400, 0, "The input content is invalid because the required properties - 'id; ' - are missing.")
	}
	if len(doc.id) > MaxIDBytes {
		return Refuse(400, 0, "The id has %d bytes, the most are %d.", len(doc.id), MaxIDBytes)
	}
	if raw, ok := roots["ttl"]; ok && string(raw) != "null" {
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil || n == 0 || n < -1 || n > maxTTL {
			return Refuse(400, 0, "The input ttl '%.40s' is invalid. Ensure to provide a nonzero positive 32-bit integer or -1.", raw)
		}
		doc.ttl = n
	}
	for _, path := range paths {
		v, err := valueAt(roots[path[0]], path[1:])
		if err != nil {
			return err
		}
		doc.values = append(doc.values, v)
	}
	return nil
}

// valueAt is the partition key component under a path; a missing one is epk.Undefined.
func valueAt(raw json.RawMessage, path []string) (any, error) {
	if raw == nil {
		return epk.Undefined{}, nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, Refuse(400, 0, "The partition key of the document cannot be read: a number is out of range.")
	}
	for _, name := range path {
		object, _ := v.(map[string]any)
		inner, ok := object[name]
		if !ok {
			return epk.Undefined{}, nil
		}
		v = inner
	}
	switch v.(type) {
	case map[string]any, []any:
		return nil, Refuse(400, 0, "The partition key of the document is an object or an array: it must be a string, a number, true, false or null.")
	}
	return v, nil
}

// seal ends the document with the system properties of a version.
func (doc *document) seal(container *Container, seq uint64, etag string, ts int64) []byte {
	rid := itemRID(container.RID, seq)
	b := append(doc.open, `,"_rid":"`...)
	b = append(append(b, rid...), `","_self":"`...)
	b = append(append(append(b, container.self...), "docs/"...), rid...)
	b = append(b, `/","_etag":"\"`...)
	b = append(append(b, unquote(etag)...), `\"","_attachments":"attachments/","_ts":`...)
	return append(strconv.AppendInt(b, ts, 10), '}')
}

// A field is a member of an object: as it stands, and its value.
type field struct {
	text  []byte
	value json.RawMessage
}

// members goes through the members of an object that is valid JSON without white space.
func members(object []byte) func(yield func(string, field) bool) {
	return func(yield func(string, field) bool) {
		for at := 1; at < len(object)-1; at++ { // the brace or comma before a member is at at-1
			start := at
			at = endOfValue(object, at)
			quoted := object[start:at]
			at++ // the colon
			value := at
			at = endOfValue(object, at)
			if !yield(nameOf(quoted), field{text: object[start:at], value: object[value:at]}) {
				return
			}
		}
	}
}

func nameOf(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	var name string
	_ = json.Unmarshal(quoted, &name) // it is valid
	return name
}

// endOfValue is where the value that begins at at ends.
func endOfValue(text []byte, at int) int {
	depth := 0
	for ; at < len(text); at++ {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
			if depth == 0 {
				return at + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return at + 1 + min(depth, 0) // a scalar ends before the bracket of what holds it
			}
		case ',', ':':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

// splitPath takes a partition key path like /a/"b c" apart.
func splitPath(path string) ([]string, error) {
	if len(path) < 2 || path[0] != '/' || len(path) > 1024 {
		return nil, Refuse(400, 0, "The partition key path %q is not allowed: it begins with / and names a property.", path)
	}
	parts := strings.Split(path[1:], "/")
	for i, p := range parts {
		parts[i] = strings.Trim(p, `"`)
		if parts[i] == "" || parts[i] == "*" || parts[i] == "?" || parts[i] == "[]" {
			return nil, Refuse(400, 0, "The partition key path %q is not allowed.", path)
		}
	}
	return parts, nil
}
