// Package flat holds what is known of address ranges in sorted rows: a first
// address and a value, each range reaching to the next.
//
// An IPv4 address is a key of 32 bits. An IPv6 address is a key of 64 bits, its
// upper half: a /64 is the finest that is told apart, since it is what one
// subscriber or one server gets.
//
// A value is 32 bits that mean what the user of the column wants; 0 is
// "nothing is known". A Ranges is never changed after it was made, and may be
// read by any number of goroutines.
package flat

import (
	"cmp"
	"iter"
	"slices"
)

// Key is an address as a number: uint32 for IPv4, uint64 for the upper half of IPv6.
type Key interface{ ~uint32 | ~uint64 }

// Span is what a source says of the addresses from First to Last, both included.
type Span[K Key] struct {
	First, Last K
	Value       uint32
}

// indexBits is how many of a key's upper bits the index resolves.
const indexBits = 16

// Ranges maps every key to a value. The zero Ranges maps none and panics;
// make one by Flatten, Combine or Decode.
type Ranges[K Key] struct {
	rows  []row[K] // by ascending start; the first is 0
	index []uint32 // per upper bits: the position of the row that holds the lowest such key
	shift uint
}

// row says that the keys from start up to the next row's have value. Start and
// value stand side by side because a search that ends at one needs the other.
type row[K Key] struct {
	start K
	value uint32
}

// Flatten makes a Ranges of spans. Where spans overlap, the one that begins
// later holds, and of those that begin together the shorter: so the more
// specific of two nested prefixes. Of two equal spans the later in the slice
// holds. Flatten sorts spans in place.
func Flatten[K Key](spans []Span[K]) Ranges[K] {
	slices.SortStableFunc(spans, func(a, b Span[K]) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(b.Last, a.Last))
	})
	var (
		b    builder[K]
		open []Span[K] // begun and not ended, the holder last
	)
	closeBefore := func(key K, all bool) {
		for len(open) > 0 {
			top := open[len(open)-1]
			if !all && top.Last >= key {
				return
			}
			open = slices.DeleteFunc(open, func(s Span[K]) bool { return s.Last <= top.Last })
			if top.Last == ^K(0) {
				return
			}
			value := uint32(0)
			if len(open) > 0 {
				value = open[len(open)-1].Value
			}
			b.add(top.Last+1, value)
		}
	}
	for _, s := range spans {
		closeBefore(s.First, false)
		b.add(s.First, s.Value)
		open = append(open, s)
	}
	closeBefore(0, true)
	return b.ranges()
}

// Combine makes a Ranges whose value at a key is value(of a, of b, of c).
func Combine[K Key](a, b, c Ranges[K], value func(a, b, c uint32) uint32) Ranges[K] {
	var out builder[K]
	for i, j, k := 0, 0, 0; ; {
		x, y, z := a.Range(i), b.Range(j), c.Range(k)
		out.add(max(x.First, y.First, z.First), value(x.Value, y.Value, z.Value))
		last := min(x.Last, y.Last, z.Last)
		if last == ^K(0) {
			return out.ranges()
		}
		step := func(s Span[K], at *int) {
			if s.Last == last {
				*at++
			}
		}
		step(x, &i)
		step(y, &j)
		step(z, &k)
	}
}

// Len is the number of ranges.
func (r *Ranges[K]) Len() int { return len(r.rows) }

// At is the value of key.
func (r *Ranges[K]) At(key K) uint32 { return r.rows[r.Find(key)].value }

// Find is the position of the range that holds key, for Range.
func (r *Ranges[K]) Find(key K) int {
	bucket := key >> r.shift
	low := int(r.index[bucket])
	n := int(r.index[bucket+1]) - low + 1
	for n > 1 {
		half := n >> 1
		if r.rows[low+half].start <= key {
			low += half
		}
		n -= half
	}
	return low
}

// Range is the range at position i < Len.
func (r *Ranges[K]) Range(i int) Span[K] {
	s := Span[K]{First: r.rows[i].start, Last: ^K(0), Value: r.rows[i].value}
	if i+1 < len(r.rows) {
		s.Last = r.rows[i+1].start - 1
	}
	return s
}

// Within yields what is known of the keys from first to last, in order: the
// ranges that hold any of them, cut to them.
func (r *Ranges[K]) Within(first, last K) iter.Seq[Span[K]] {
	return func(yield func(Span[K]) bool) {
		for i := r.Find(first); i < len(r.rows) && r.rows[i].start <= last; i++ {
			s := r.Range(i)
			s.First, s.Last = max(s.First, first), min(s.Last, last)
			if !yield(s) {
				return
			}
		}
	}
}

// builder collects the rows of a Ranges in ascending order.
type builder[K Key] struct{ rows []row[K] }

// add says that from start on the value is value. A later add of the same
// start takes its place.
func (b *builder[K]) add(start K, value uint32) {
	if len(b.rows) == 0 && start > 0 {
		b.rows = append(b.rows, row[K]{})
	}
	if n := len(b.rows); n > 0 && b.rows[n-1].start == start {
		b.rows = b.rows[:n-1]
	}
	if n := len(b.rows); n > 0 && b.rows[n-1].value == value {
		return
	}
	b.rows = append(b.rows, row[K]{start, value})
}

func (b *builder[K]) ranges() Ranges[K] {
	if len(b.rows) == 0 {
		b.add(0, 0)
	}
	return indexed(b.rows)
}

// indexed makes a Ranges of its rows.
func indexed[K Key](rows []row[K]) Ranges[K] {
	r := Ranges[K]{rows: rows, index: make([]uint32, 1<<indexBits+1)}
	for all := ^K(0); all>>r.shift >= 1<<indexBits; {
		r.shift++
	}
	at := 0
	for bucket := range 1 << indexBits {
		lowest := K(bucket) << r.shift
		for at+1 < len(rows) && rows[at+1].start <= lowest {
			at++
		}
		r.index[bucket] = uint32(at)
	}
	r.index[1<<indexBits] = uint32(len(rows) - 1)
	return r
}
