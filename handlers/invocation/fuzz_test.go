package invocation

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzDecode: whatever the body, nothing panics, and what is decoded keeps its promises.
func FuzzDecode(f *testing.F) {
	for _, c := range captures[captured](f, "invocations.jsonl") {
		f.Add([]byte(c.Body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, as := range []Encoding{Binary, Text} {
			b, err := DecodeBatch(bytes.Clone(body), as)
			for i := 1; err == nil && i < len(b.Events); i++ {
				if b.Events[i].Sequence <= b.Events[i-1].Sequence {
					t.Errorf("event %d after %d", b.Events[i].Sequence, b.Events[i-1].Sequence)
				}
			}
			b.attributes()
		}
		_, _ = DecodeTimer(bytes.Clone(body))
		d, _ := DecodeDocuments(bytes.Clone(body))
		for _, item := range d.Items {
			if item[0] != '{' {
				t.Errorf("a document that is no object: %q", item)
			}
		}
	})
}

// FuzzEvents: what the host encodes is what is decoded.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("{}"), []byte("\xff\x00"), "616008", "hub/π", int64(59), int64(1767225602250))
	f.Add([]byte(""), []byte(`"\\"`), `"\`, "\u2028\x01", int64(-3), int64(0))
	f.Fuzz(func(t *testing.T, a, b []byte, offset, hub string, sequence, ms int64) {
		if !utf8.ValidString(offset) || !utf8.ValidString(hub) || sequence > 1<<62 {
			t.Skip("no hub has such a name, offset or sequence")
		}
		enqueued := time.UnixMilli(ms % (1 << 47)).UTC() // until the year 6429
		if enqueued.Year() <= 1 {
			enqueued = time.Time{}
		}
		want := batchOf("7", Event{Sequence: sequence, Offset: offset, Enqueued: enqueued, Body: a},
			Event{Sequence: sequence + 1, Offset: offset, Enqueued: enqueued, Body: b, Properties: json.RawMessage(`{"k":"[]"}`)})
		want.Hub, want.Retry = hub, Retry{Count: 3, Max: -1}
		got, err := DecodeEvents(asHost(t, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// FuzzUnquote: a string says what encoding/json reads in it.
func FuzzUnquote(f *testing.F) {
	for _, s := range []string{`""`, `"a"`, `"\u00e9\n\\\""`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dA\ud83d\ud83d\ude00"`, `"é\/"`, `"\\\\"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text = bytes.TrimSpace(text)
		var want string
		if !utf8.Valid(text) || !isString(text) || json.Unmarshal(text, &want) != nil {
			t.Skip("encoding/json reads no text here, so there is nothing to compare with")
		}
		c := cursor{b: text}
		value, err := c.value()
		if err != nil || len(value) != len(text) {
			t.Fatalf("%q ends at %d: %v", text, len(value), err)
		}
		got, err := unquote(bytes.Clone(value))
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	})
}
