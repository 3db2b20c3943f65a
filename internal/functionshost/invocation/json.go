package invocation

import (
	"bytes"
	"encoding/json"
	"slices"
)

// An object is a JSON object that keeps the order of its members.
type object []member

type member struct {
	name  string
	value string // JSON
}

// set gives a member its value; a new one comes last.
func (o *object) set(name, value string) {
	if i := slices.IndexFunc(*o, func(m member) bool { return m.name == name }); i >= 0 {
		(*o)[i].value = value
		return
	}
	*o = append(*o, member{name, value})
}

func (o object) has(name string) bool {
	return slices.ContainsFunc(o, func(m member) bool { return m.name == name })
}

func (o object) String() string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(encode(m.name))
		b.WriteByte(':')
		b.WriteString(m.value)
	}
	b.WriteByte('}')
	return b.String()
}

// encode is v as .NET writes it: non-ASCII characters, <, > and & stay as they are.
func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null" // strings, numbers and structs of them always encode
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// inString is a JSON string that contains v as JSON: how the host hands over
// strings, numbers and arrays.
func inString(v any) string { return encode(encode(v)) }

// compact is text without insignificant space, and whether it is JSON at all.
func compact(text []byte) (string, bool) {
	var b bytes.Buffer
	err := json.Compact(&b, text)
	return b.String(), err == nil
}
