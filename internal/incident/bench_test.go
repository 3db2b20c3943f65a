package incident

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

// BenchmarkAdd is one more finding of an episode that is going on.
func BenchmarkAdd(b *testing.B) {
	e := stolen()
	d := detector("volume-surge", detectors.Volume, detectors.High)
	f := detectors.Finding{
		Time: at("2026-03-09T08:20:00Z"), Bits: 15, Summary: "Requests surged.",
		Observed: detectors.Facts{"requests": 3389.0, "tokens": 12.8e6}, Usual: detectors.Facts{"requestsPerHour": 120.0},
		Networks: []detectors.Network{moscow},
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Add(key, d, f)
	}
}

// BenchmarkConcern is one call that an incident is about.
func BenchmarkConcern(b *testing.B) {
	e := stolen()
	c := &detectors.Call{
		Time: at("2026-03-09T08:20:00Z"), Status: 200, Class: detectors.ClassChat, Model: "gpt-4o-2024-08-06", From: moscow,
		Tokens: detectors.Tokens{Prompt: 1000, Completion: 100, Known: true},
	}
	b.ReportAllocs()
	for b.Loop() {
		if !e.Concern(c, ListPrices()) {
			b.Fatal("not concerned")
		}
	}
}

// BenchmarkSave is an episode saved and restored.
func BenchmarkSave(b *testing.B) {
	e := stolen()
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if data, err = e.AppendBinary(data[:0]); err != nil {
			b.Fatal(err)
		}
		if err = e.UnmarshalBinary(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(data)), "B/episode")
}
