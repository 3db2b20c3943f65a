package invocation

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// largeBatch is a full batch of the host: 100 events of 10 KB.
func largeBatch(b *testing.B) []byte {
	events := make([]Event, 100)
	for i := range events {
		events[i] = first(strings.Repeat(`{"category":"RequestResponse","x":1}`, 280))
		events[i].Sequence = int64(i)
	}
	return asHost(b, batchOf("2", events...))
}

func BenchmarkDecodeEvents(b *testing.B) {
	sent := largeBatch(b)
	body := make([]byte, len(sent))
	b.SetBytes(int64(len(sent)))
	b.ReportAllocs()
	for b.Loop() {
		copy(body, sent) // decoding writes over it
		if _, err := DecodeEvents(body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeEvents_plain is the yardstick: encoding/json, of the bodies alone.
func BenchmarkDecodeEvents_plain(b *testing.B) {
	sent := largeBatch(b)
	b.SetBytes(int64(len(sent)))
	b.ReportAllocs()
	for b.Loop() {
		var got struct {
			Data     struct{ Events string }
			Metadata map[string]json.RawMessage
		}
		if err := json.NewDecoder(bytes.NewReader(sent)).Decode(&got); err != nil {
			b.Fatal(err)
		}
		var bodies [][]byte
		if err := json.Unmarshal([]byte(got.Data.Events), &bodies); err != nil {
			b.Fatal(err)
		}
	}
}
