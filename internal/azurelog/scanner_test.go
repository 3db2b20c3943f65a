package azurelog

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

const goodRecord = `{"category":"Audit","time":"2026-09-07T00:00:35Z"}`

func zip(t *testing.T, data ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, part := range data {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestScanner(t *testing.T) {
	lines := repeated(200, "\n", requestResponse)
	t.Run("layouts_say_the_same", func(t *testing.T) {
		want, _ := NewDecoder().Decode(nil, Block{Data: lines})
		array := append([]byte("["), repeated(199, ",\n", requestResponse)...)
		array = append(append(array, requestResponse(199)...), ']')
		for name, data := range map[string][]byte{
			"lines":        lines,
			"no_last_line": bytes.TrimSuffix(lines, []byte("\n")),
			"crlf":         repeated(200, "\r\n", requestResponse),
			"joined":       repeated(200, "", requestResponse),
			"array":        array,
			"envelope":     []byte(`{"source":"x","records":` + string(array) + `,"end":{"a":[1]}}`),
			"mark":         append([]byte("\xEF\xBB\xBF"), lines...),
			"gzip":         zip(t, lines[:5000], lines[5000:]),
		} {
			t.Run(name, func(t *testing.T) {
				for _, size := range []int{100, 3000, blockSize} {
					got, bad, err := read(t, bytes.NewReader(data), size, MaxRecord)
					if !errors.Is(err, io.EOF) || len(bad) > 0 {
						t.Fatalf("error %v, poison %v", err, bad)
					}
					if diff := cmp.Diff(want, got, ignorePlace); diff != "" {
						t.Fatal(diff)
					}
				}
			})
		}
	})
	t.Run("nothing", func(t *testing.T) {
		if got, bad, err := read(t, strings.NewReader(""), blockSize, MaxRecord); !errors.Is(err, io.EOF) || len(got)+len(bad) > 0 {
			t.Errorf("%v, %v, %v", got, bad, err)
		}
	})
	t.Run("cut_gzip", func(t *testing.T) {
		data := zip(t, repeated(5000, "\n", requestResponse))
		got, _, err := read(t, bytes.NewReader(data[:len(data)/2]), blockSize, MaxRecord)
		if len(got) < 1000 || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("%d fragments, %v", len(got), err)
		}
	})
	t.Run("damaged_gzip", func(t *testing.T) {
		data := zip(t, lines)
		data[len(data)-8] ^= 1
		if got, _, err := read(t, bytes.NewReader(data), blockSize, MaxRecord); len(got) != 200 || !errors.Is(err, gzip.ErrChecksum) {
			t.Errorf("%d fragments, %v", len(got), err)
		}
		if _, _, err := read(t, bytes.NewReader(data[:5]), blockSize, MaxRecord); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("failing_source", func(t *testing.T) {
		broken := errors.New("disk on fire")
		got, bad, err := read(t, io.MultiReader(strings.NewReader(goodRecord+"\n"+`{"a`), iotest.ErrReader(broken)), blockSize, MaxRecord)
		if len(got) != 1 || len(bad) != 1 || !errors.Is(err, broken) {
			t.Errorf("%d fragments, poison %v, error %v", len(got), bad, err)
		}
	})
}

func TestScannerTooLong(t *testing.T) {
	const limit = 4096
	filler := strings.Repeat("x", 10*limit)
	for name, long := range map[string]string{
		"record":     `{"a":"` + filler + `","b":[{},{"c":1}]}`,
		"string":     `{"a":"` + filler,
		"garbage":    filler,
		"quoted":     `"` + filler,
		"space":      `{"a":1` + strings.Repeat("\n ", 5*limit) + `x`,
		"in_records": `{"a":"` + strings.Repeat(`\"},{\"`, limit) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			before, after := goodRecord+"\n", "\n"+goodRecord+"\n"+goodRecord
			if name == "in_records" {
				before, after = `{"records":[`+goodRecord+",", ","+goodRecord+","+goodRecord+"]}"
			}
			got, bad, err := read(t, strings.NewReader(before+long+after), 1000, limit)
			if !errors.Is(err, io.EOF) || len(got) != 3 || len(bad) != 1 {
				t.Fatalf("%d fragments, %d poison, %v", len(got), len(bad), err)
			}
			p := bad[0]
			if p.Offset != int64(len(before)) || p.Length < int64(len(long)) || p.Length > int64(len(long)+1) || len(p.Around) != maxAround {
				t.Errorf("%+v, want %d bytes at %d", p, len(long), len(before))
			}
			if p.SHA256 != sha256.Sum256([]byte((long + after)[:p.Length])) {
				t.Error("not the hash of the record")
			}
		})
	}
	t.Run("in_bounded_memory", func(t *testing.T) {
		const length = 100 << 20
		line := io.MultiReader(strings.NewReader(`{"a":"`), io.LimitReader(letters{}, length), strings.NewReader("\"}\n"+goodRecord))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, bad, err := read(t, line, blockSize, MaxRecord)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, io.EOF) || len(got) != 1 || len(bad) != 1 || bad[0].Length != length+8 {
			t.Fatalf("%d fragments, poison %v, %v", len(got), bad, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4*MaxRecord {
			t.Errorf("%d MiB allocated", used>>20)
		}
	})
}

// letters is an endless source of the letter x.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestScannerBounds(t *testing.T) {
	record := append(requestResponse(1), ',')
	endless := io.MultiReader(strings.NewReader(`{"records":[`), io.LimitReader(&cycle{data: record}, 64<<20))
	s := NewScanner(endless)
	var read int64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for {
		b, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Data) > blockSize {
			t.Fatalf("a block of %d bytes", len(b.Data))
		}
		read += int64(len(b.Data))
		b.Release()
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; read < 64<<20 || used > 40<<20 {
		t.Errorf("%d bytes read in %d allocated: released memory is not used again", read, used)
	}
}

// cycle repeats data.
type cycle struct {
	data []byte
	at   int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.data[c.at:])
	c.at = (c.at + n) % len(c.data)
	return n, nil
}
