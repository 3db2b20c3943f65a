package store

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// value draws any JSON value.
func value(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.SampledFrom([]string{`"`, `\`, `},{`, `[]`, `:`, ` `, "\u2028"}), func(s string) any { return s }),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), func(f float64) any { return f }),
		rapid.SampledFrom([]any{nil, true, false}),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 3), func(a []any) any { return a }),
		rapid.Map(rapid.MapOfN(rapid.String(), rapid.Deferred(func() *rapid.Generator[any] { return value(depth - 1) }), 0, 3), func(m map[string]any) any { return m }),
	)...)
}

func TestParseDocument_keeps_every_member_but_the_system_ones(t *testing.T) {
	container := &Container{RID: childRID(childRID("", 1), 2), self: "dbs/a/colls/b/"}
	rapid.Check(t, func(t *rapid.T) {
		doc := rapid.MapOfN(rapid.String(), value(3), 0, 6).Draw(t, "doc")
		doc["id"], doc["_etag"], doc["_ts"] = "1", "mine", 3.0
		delete(doc, "ttl")
		doc["pk"] = map[string]any{"a": "deep"}
		text, err := json.MarshalIndent(doc, " ", "\t")
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parseDocument(text, [][]string{{"pk", "a"}})
		if err != nil {
			t.Fatal(err)
		}
		if parsed.id != "1" || parsed.ttl != 0 || !reflect.DeepEqual(parsed.values, []any{"deep"}) {
			t.Fatalf("id %q, ttl %d, key %v", parsed.id, parsed.ttl, parsed.values)
		}
		var got map[string]any
		if err := json.Unmarshal(parsed.seal(container, 7, `"e"`, 9), &got); err != nil {
			t.Fatal(err)
		}
		if got["_etag"] != `"e"` || got["_ts"] != 9.0 {
			t.Fatalf("system properties: %v", got)
		}
		for name, want := range doc {
			switch name {
			case "_rid", "_self", "_etag", "_attachments", "_ts", "_lsn":
				continue
			}
			if !reflect.DeepEqual(got[name], want) {
				t.Fatalf("member %q is %v, was %v", name, got[name], want)
			}
		}
	})
}

// Whatever is in the file, reading it ends, with no more records than fit, and says where.
func FuzzReadJournal(f *testing.F) {
	whole := []byte(magic)
	for _, r := range []*record{{Database: &Resource{ID: "db", RID: "AAAAAQ=="}}, {Drop: "AAAAAQ=="}} {
		b, err := frame(r)
		if err != nil {
			f.Fatal(err)
		}
		whole = append(whole, b...)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add([]byte(strings.Replace(string(whole), "db", "dc", 1)))
	f.Add(append([]byte(magic), 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		records := 0
		end, err := readJournal(bytes.NewReader(file), int64(len(file)), func(*record) error {
			records++
			return nil
		})
		if end > int64(len(file)) || err == nil && end != int64(len(file)) {
			t.Fatalf("end %d of %d, %v", end, len(file), err)
		}
		if most := (len(file) - len(magic)) / 8; records > max(most, 0) {
			t.Fatalf("%d records in %d bytes", records, len(file))
		}
	})
}

func TestSplitPath(t *testing.T) {
	for path, want := range map[string][]string{
		"/a": {"a"}, "/a/b": {"a", "b"}, `/"a b"/c`: {"a b", "c"}, "a": nil, "/": nil, "": nil, "/a/": nil, "/*": nil, "/a//b": nil, "/a/[]": nil,
	} {
		got, err := splitPath(path)
		if (err == nil) != (want != nil) || want != nil && !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %q, %v; want %q", path, got, err, want)
		}
	}
}
