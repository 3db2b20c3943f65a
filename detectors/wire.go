package detectors

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
)

// writer appends values in the compact form: varints, and floats that are whole as varints.
type writer struct{ b []byte }

func (w *writer) uint(x uint64) { w.b = binary.AppendUvarint(w.b, x) }
func (w *writer) int(x int64)   { w.b = binary.AppendVarint(w.b, x) }
func (w *writer) time(t Time)   { w.int(int64(t)) }

func (w *writer) bool(x bool) {
	if x {
		w.uint(1)
	} else {
		w.uint(0)
	}
}

func (w *writer) string(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

// float writes the bytes of the exponent first in the varint, so that round figures are short.
func (w *writer) float(x float64) { w.uint(bits.ReverseBytes64(math.Float64bits(x))) }

func (w *writer) prefix(p netip.Prefix) {
	b, _ := p.MarshalBinary() // cannot fail
	w.string(string(b))
}

// listing writes one; most are zero, and a byte.
func (w *writer) listing(s *Listing) {
	w.time(s.Time)
	if s.Time == 0 {
		return
	}
	w.string(s.Actor)
	w.prefix(s.Prefix)
	w.uint(uint64(s.ASN))
	w.float(s.Strangeness)
}

// rhythm writes one, most of which are zero, as a byte where it is.
func (w *writer) rhythm(r *Rhythm) {
	voices := 0
	for _, v := range r.Voices {
		if v.ID != 0 {
			voices++
		}
	}
	w.uint(uint64(voices))
	if voices == 0 {
		return
	}
	w.time(r.Longest)
	w.time(r.At)
	w.time(r.Heard)
	w.time(r.Told)
	for _, v := range r.Voices {
		if v.ID != 0 {
			w.uint(uint64(v.ID))
			w.time(v.Last)
		}
	}
}

func (w *writer) client(c Client) {
	w.string(c.APIVersion)
	w.string(c.UserAgent)
	w.uint(uint64(c.Stream))
}

func (w *writer) counts(c *Counts) {
	for q := range c {
		for s := range c[q] {
			w.float(c[q][s])
		}
	}
}

func (w *writer) baseline(b Baseline) {
	w.float(b.Max)
	w.float(b.Mean)
}

// reader reads what writer wrote; once something was wrong, failed stays set and zeros come.
type reader struct {
	b      []byte
	failed bool
}

func (r *reader) fail() { r.failed, r.b = true, nil }

func (r *reader) uint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reader) int() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return x
}

// between is a whole number from least to most.
func (r *reader) between(least, most int64) int64 {
	x := r.int()
	if x < least || x > most {
		r.fail()
		return 0
	}
	return x
}

// time is a time from 1970 to lastTime.
func (r *reader) time() Time { return Time(r.between(0, int64(lastTime))) }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	x := r.b[0]
	r.b = r.b[1:]
	return x
}

// enum is a number below n.
func (r *reader) enum(n int) uint64 {
	x := r.uint()
	if x >= uint64(n) {
		r.fail()
		return 0
	}
	return x
}

// len is a number of things that still follow, each at least a byte long.
func (r *reader) len() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) string() string {
	n := r.len()
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

// float is a number that counts can sum up to: neither negative nor infinite.
func (r *reader) float() float64 {
	x := math.Float64frombits(bits.ReverseBytes64(r.uint()))
	if !(x >= 0 && x <= math.MaxFloat64) {
		r.fail()
		return 0
	}
	return x
}

func (r *reader) prefix() netip.Prefix {
	var p netip.Prefix
	if err := p.UnmarshalBinary([]byte(r.string())); err != nil {
		r.fail()
	}
	return p
}

// visit reads one: either there was none, or it began before it ended and with a call.
func (r *reader) visit() Visit {
	v := Visit{r.time(), r.time(), r.float(), r.float(), r.float()}
	if v != (Visit{}) && (v.Last < v.First || v.Calls < 1 || v.Hidden > v.Calls) {
		r.failed = true
	}
	return v
}

func (r *reader) listing() Listing {
	s := Listing{Time: r.time()}
	if s.Time != 0 {
		s.Actor, s.Prefix, s.ASN, s.Strangeness = r.string(), r.prefix(), uint32(r.uint()), r.float()
	}
	return s
}

func (r *reader) rhythm() (h Rhythm) {
	voices := r.enum(maxVoices + 1)
	if voices == 0 {
		return h
	}
	h.Longest, h.At, h.Heard, h.Told = r.time(), r.time(), r.time(), r.time()
	for i := range h.Voices[:voices] {
		h.Voices[i] = Voice{uint32(r.enum(1 << 32)), r.time()}
	}
	return h
}

func (r *reader) client() Client {
	return Client{APIVersion: r.string(), UserAgent: r.string(), Stream: Stream(r.enum(3))}
}

func (r *reader) counts(c *Counts) {
	for q := range c {
		for s := range c[q] {
			c[q][s] = r.float()
		}
	}
}

func (r *reader) baseline() Baseline { return Baseline{Max: r.float(), Mean: r.float()} }
