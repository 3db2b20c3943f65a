package azurelog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// failer is what rapid.T and testing.T have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// read decodes a stream in blocks of about size, by one Decoder each.
func read(t failer, r io.Reader, size, limit int) ([]Fragment, []Poison, error) {
	t.Helper()
	var fragments []Fragment
	var bad []Poison
	s := newScanner(r, size, limit)
	for end := int64(-1); ; {
		b, err := s.Next()
		if err != nil {
			return fragments, bad, err
		}
		if b.Offset <= end || b.Skipped == nil && len(b.Data) == 0 {
			t.Fatalf("block of %d bytes at %d after %d", len(b.Data), b.Offset, end)
		}
		end = b.Offset
		got, poisoned := NewDecoder().Decode(nil, b)
		b.Release()
		fragments, bad = append(fragments, got...), append(bad, poisoned...)
	}
}

// said is what there is to compare of poison: all but the ordinal, which counts by block.
func said(bad []Poison) []string {
	var all []string
	for _, p := range bad {
		all = append(all, fmt.Sprintf("%d+%d %x %v %q", p.Offset, p.Length, p.SHA256[:4], p.Err, p.Around))
	}
	return all
}

// checkSplits compares the blocks of a stream to the whole of it.
func checkSplits(t failer, data []byte, size int) {
	t.Helper()
	want, wantBad := NewDecoder().Decode(nil, Block{Data: data})
	got, gotBad, err := read(t, iotest.OneByteReader(bytes.NewReader(data)), size, len(data)+size+1)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, ignorePlace); diff != "" {
		t.Fatalf("blocks of %d of %q:\n%s", size, data, diff)
	}
	for i := range want {
		if want[i].Offset != got[i].Offset {
			t.Fatalf("offset %d, want %d", got[i].Offset, want[i].Offset)
		}
	}
	if diff := cmp.Diff(said(wantBad), said(gotBad)); diff != "" {
		t.Fatalf("blocks of %d of %q:\n%s", size, data, diff)
	}
}

// bits of streams of which hostile ones are made.
var scraps = []string{
	"\n", "\r\n", " ", ",", "{", "}", "[", "]", "\"", "\\", ":", "},{\"", "]}", `{"records":[`, `{"a":1,"records":[`,
	`{"category":"Trace"}`, `{"a":[{},{}]}`, `"tail":1`, `"tail":{"a":1}`, "null", "12", "garbage", "\xEF\xBB\xBF", "\x00",
	`{"category":"Audit","time":"2026-01-02T03:04:05Z","operationName":"ListKey"}`,
	`{"category":"Audit","time":"2199-01-02T03:04:05Z"}`,
	`{"time":"2026-01-02T03:04:05Z","properties":"{\"requestTime\":1,\"objectId\":\"x\"}","category":"RequestResponse"}`,
	`{"time":"2026-01-02T03:04:05Z","properties":{"requestTime":1,"objectId":"x"},"category":"RequestResponse"`,
	"{\n  \"category\": \"Trace\",\n  \"a\": {\n \"b\": [\n{\n}\n]\n}\n}",
}

func TestSplit(t *testing.T) {
	t.Run("at_the_deepest", func(t *testing.T) {
		for inner, want := range map[int]int{maxDepth - 2: 2, maxDepth - 1: 1} {
			record := `{"category":"RequestResponse","time":"2026-09-07T00:00:35Z","properties":{"a":` +
				strings.Repeat("[", inner) + strings.Repeat("]", inner) + `}},`
			data := []byte(record + goodRecord)
			checkSplits(t, data, 50)
			if got, _ := NewDecoder().Decode(nil, Block{Data: data}); len(got) != want {
				t.Errorf("%d arrays: %d fragments, want %d", inner, len(got), want)
			}
		}
	})
	t.Run("blocks_say_what_the_whole_says", rapid.MakeCheck(func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(scraps), 0, 40).Draw(t, "parts")
		var data []byte
		for _, part := range parts {
			data = append(data, part...)
		}
		checkSplits(t, data, rapid.IntRange(1, 200).Draw(t, "size"))
	}))
}

// seeds are the streams in testdata, one of each shape.
func seeds(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no seeds in testdata: %v", err)
	}
	all := make(map[string][]byte)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = data
	}
	return all
}

// A stream may end anywhere, and a Decoder that has read the like before
// predicts what comes: it must not read on where nothing does.
func TestDecode_of_every_beginning(t *testing.T) {
	streams := seeds(t)
	for _, spaced := range []string{`{"modelName": "m", "requestLength": 7, "x": [ 1 ]}`, `{ "requestTime" : 639243360328979860 , "modelName" : "m" }`} {
		streams[spaced] = []byte(`{"category":"RequestResponse","time":"2026-09-07T00:00:35Z","properties":` + string(appendString(nil, spaced)) + `}`)
	}
	for name, data := range streams {
		d := NewDecoder()
		whole, _ := d.Decode(nil, Block{Data: data})
		for n := range data {
			got, bad := d.Decode(nil, Block{Data: bytes.Clone(data[:n])[:n:n]})
			if len(got) > len(whole) || len(got)+len(bad) > len(whole)+8 {
				t.Fatalf("the first %d bytes of %s: %d fragments and %d pieces set aside, the whole has %d", n, name, len(got), len(bad), len(whole))
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data, uint8(100))
	}
	for _, scrap := range scraps {
		f.Add([]byte(scrap+"\n"+scrap), uint8(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint8) {
		if bytes.HasPrefix(data, []byte{0x1F, 0x8B}) {
			return
		}
		checkSplits(t, data, int(size)+1)
	})
}
