package flat

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// linear is what Flatten promises, looked up span by span.
func linear[K Key](spans []Span[K], key K) uint32 {
	var best *Span[K]
	for i, s := range spans {
		if key < s.First || key > s.Last {
			continue
		}
		if best == nil || s.First > best.First || s.First == best.First && s.Last <= best.Last {
			best = &spans[i]
		}
	}
	if best == nil {
		return 0
	}
	return best.Value
}

func drawSpans[K Key](t *rapid.T, key *rapid.Generator[K]) []Span[K] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Span[K] {
		a, b := key.Draw(t, "a"), key.Draw(t, "b")
		return Span[K]{min(a, b), max(a, b), rapid.Uint32Range(0, 3).Draw(t, "value")}
	}), 0, 12).Draw(t, "spans")
}

func edges[K Key](spans []Span[K]) []K {
	keys := []K{0, 1, ^K(0)}
	for _, s := range spans {
		keys = append(keys, s.First-1, s.First, s.First+1, s.Last-1, s.Last, s.Last+1)
	}
	return keys
}

func testFlatten[K Key](t *rapid.T, key *rapid.Generator[K]) {
	spans := drawSpans(t, key)
	r := Flatten(slices.Clone(spans))
	for _, k := range append(edges(spans), key.Draw(t, "key")) {
		if got, want := r.At(k), linear(spans, k); got != want {
			t.Fatalf("At(%d) = %d, want %d", k, got, want)
		}
		if s := r.Range(r.Find(k)); k < s.First || k > s.Last {
			t.Fatalf("Find(%d) is the range %v", k, s)
		}
	}
	for i := 1; i < r.Len(); i++ {
		if r.rows[i].value == r.rows[i-1].value {
			t.Fatalf("ranges %v and %v were not merged", r.Range(i-1), r.Range(i))
		}
	}
}

func TestFlatten(t *testing.T) {
	t.Run("ipv4_equals_linear", rapid.MakeCheck(func(t *rapid.T) {
		testFlatten(t, rapid.OneOf(rapid.Uint32Range(0, 300), rapid.Uint32()))
	}))
	t.Run("ipv6_equals_linear", rapid.MakeCheck(func(t *rapid.T) {
		testFlatten(t, rapid.OneOf(rapid.Uint64Range(0, 300), rapid.Uint64()))
	}))
	t.Run("nothing_known", func(t *testing.T) {
		r := Flatten[uint32](nil)
		if r.Len() != 1 || r.At(7) != 0 {
			t.Errorf("%d ranges, At(7) = %d", r.Len(), r.At(7))
		}
	})
}

func TestCombine_equals_lookups(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.OneOf(rapid.Uint32Range(0, 50), rapid.Uint32())
		var parts [3]Ranges[uint32]
		var keys []uint32
		for i := range parts {
			spans := drawSpans(t, key)
			keys = append(keys, edges(spans)...)
			parts[i] = Flatten(spans)
		}
		value := func(a, b, c uint32) uint32 { return a*16 + b*4 + c }
		all := Combine(parts[0], parts[1], parts[2], value)
		for _, k := range keys {
			if got, want := all.At(k), value(parts[0].At(k), parts[1].At(k), parts[2].At(k)); got != want {
				t.Fatalf("At(%d) = %d, want %d", k, got, want)
			}
		}
	})
}

func TestWithin(t *testing.T) {
	r := Flatten([]Span[uint32]{{100, 199, 1}, {150, 160, 2}})
	want := []Span[uint32]{{120, 149, 1}, {150, 160, 2}, {161, 199, 1}, {200, 210, 0}}
	if diff := cmp.Diff(want, slices.Collect(r.Within(120, 210))); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkFind(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	var spans []Span[uint32]
	for range 500_000 {
		first := rng.Uint32()
		spans = append(spans, Span[uint32]{first, first | 0xff, rng.Uint32N(100_000)})
	}
	r := Flatten(spans)
	keys := make([]uint32, 4096)
	for i := range keys {
		keys[i] = rng.Uint32()
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.At(keys[i&4095])
	}
}
