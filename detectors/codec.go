package detectors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
)

// profileVersion is the version of the layout that AppendBinary writes.
const profileVersion = 4

// lastTime is the end of the year 9999, after which RFC 3339 has no times.
const lastTime Time = 253402300799999

var errProfile = errors.New("detectors: profile is cut off or corrupt")

// AppendBinary appends the profile, without Resource and Scale, in a compact
// form that UnmarshalBinary reads. It never fails.
func (p *Profile) AppendBinary(b []byte) ([]byte, error) {
	w := writer{append(b, profileVersion)}
	w.uint(uint64(p.Principal.Kind))
	w.string(p.Principal.ID)
	w.string(p.Principal.Resource)
	w.time(p.First)
	w.time(p.Last)
	w.time(p.LastUsual)
	for _, v := range p.Visits[Near:] {
		w.time(v.First)
		w.time(v.Last)
		w.float(v.Calls)
		w.float(v.Usual)
	}
	w.int(p.Daily.Day)
	w.float(p.Daily.Today)
	w.float(p.Daily.Mean)
	w.float(p.Daily.Days)
	w.float(p.Calls)
	w.bool(p.Guarded)
	writeValues(&w, &p.Networks, (*writer).prefix)
	writeValues(&w, &p.Organizations, func(w *writer, asn uint32) { w.uint(uint64(asn)) })
	writeValues(&w, &p.Countries, func(w *writer, c Country) { w.b = append(w.b, c[:]...) })
	writeValues(&w, &p.Kinds, func(w *writer, k NetworkKind) { w.uint(uint64(k)) })
	writeValues(&w, &p.Models, (*writer).string)
	writeValues(&w, &p.Deployments, (*writer).string)
	writeValues(&w, &p.Operations, (*writer).string)
	writeValues(&w, &p.Clients, (*writer).client)
	writeValues(&w, &p.Callers, func(w *writer, k PrincipalKind) { w.uint(uint64(k)) })
	writeValues(&w, &p.Actors, (*writer).string)
	for i := range p.Suspects {
		w.suspect(&p.Suspects[i])
	}
	w.time(p.FirstAct)
	w.rhythm(&p.Rhythm)
	for _, x := range p.Week {
		w.float(x)
	}
	w.int(p.now)
	w.int(p.closed)
	w.float(p.hours)
	w.uint(uint64(len(p.minutes.list)))
	for i := range p.minutes.list {
		w.int(p.minutes.list[i].at)
		w.counts(&p.minutes.list[i].counts)
	}
	for q := range p.total {
		w.baseline(p.total[q])
		for s := range p.apart[q] {
			w.baseline(p.apart[q][s])
		}
	}
	return w.b, nil
}

// UnmarshalBinary sets p to what AppendBinary wrote. On an error p is unusable.
func (p *Profile) UnmarshalBinary(data []byte) error {
	r := reader{b: data}
	if v := r.byte(); v != profileVersion && !r.failed {
		return fmt.Errorf("detectors: profile of version %d, this program reads %d", v, profileVersion)
	}
	*p = Profile{Resource: p.Resource, Scale: p.Scale}
	p.Principal.Kind = PrincipalKind(r.enum(len(principalKindNames)))
	p.Principal.ID = r.string()
	p.Principal.Resource = r.string()
	p.First, p.Last, p.LastUsual = r.time(), r.time(), r.time()
	for s := Near; s < Standings; s++ {
		p.Visits[s] = r.visit()
	}
	p.Daily = Daily{r.between(0, int64(lastTime/Day)), r.float(), r.float(), r.float()}
	r.failed = r.failed || p.Daily.Days > dailyDays
	p.Calls = r.float()
	p.Guarded = r.byte() != 0
	readValues(&r, &p.Networks, maxNetworks, (*reader).prefix)
	readValues(&r, &p.Organizations, maxValues, func(r *reader) uint32 { return uint32(r.uint()) })
	readValues(&r, &p.Countries, maxValues, func(r *reader) Country { return Country{r.byte(), r.byte()} })
	readValues(&r, &p.Kinds, maxValues, func(r *reader) NetworkKind { return NetworkKind(r.enum(len(networkKindNames))) })
	readValues(&r, &p.Models, maxValues, (*reader).string)
	readValues(&r, &p.Deployments, maxValues, (*reader).string)
	readValues(&r, &p.Operations, maxValues, (*reader).string)
	readValues(&r, &p.Clients, maxValues, (*reader).client)
	readValues(&r, &p.Callers, maxValues, func(r *reader) PrincipalKind { return PrincipalKind(r.enum(len(principalKindNames))) })
	readValues(&r, &p.Actors, maxValues, (*reader).string)
	for i := range p.Suspects {
		p.Suspects[i] = r.suspect()
	}
	p.FirstAct = r.time()
	p.Rhythm = r.rhythm()
	for i := range p.Week {
		p.Week[i] = r.float()
	}
	p.readMinutes(&r)
	for q := range p.total {
		p.total[q] = r.baseline()
		for s := range p.apart[q] {
			p.apart[q][s] = r.baseline()
		}
	}
	if r.failed || len(r.b) > 0 {
		return errProfile
	}
	p.minutes.recount(p.now)
	return nil
}

// readMinutes reads what is counted by time. The minutes ascend from the first
// hour that is not closed to the one that the rolling hour ends with.
func (p *Profile) readMinutes(r *reader) {
	p.now, p.closed, p.hours = r.between(0, int64(lastTime/Minute)), r.between(0, int64(lastTime/Hour)), r.float()
	next := p.closed * 60
	for range r.len() {
		m := minute{at: r.between(next, p.now)}
		r.counts(&m.counts)
		next = m.at + 1
		p.minutes.list = append(p.minutes.list, m)
	}
}

// recount finds the rolling hour that ends with minute now in the list.
func (m *minutes) recount(now int64) {
	m.from, m.hour = 0, Counts{}
	for i := range m.list {
		if m.list[i].at <= now-60 {
			m.from++
		} else {
			m.hour.add(&m.list[i].counts)
		}
	}
}

func writeValues[K comparable](w *writer, v *Values[K], key func(*writer, K)) {
	w.float(v.Days)
	w.float(v.News)
	w.int(v.day)
	w.uint(uint64(v.newToday))
	w.uint(uint64(len(v.entries)))
	for i := range v.entries {
		e := &v.entries[i]
		key(w, e.Key)
		w.time(e.First)
		w.time(e.Last)
		w.float(e.Count)
		w.time(e.Accused)
	}
}

func readValues[K comparable](r *reader, v *Values[K], limit int, key func(*reader) K) {
	v.Days, v.News, v.day, v.newToday = r.float(), r.float(), r.between(0, int64(lastTime/Day)), int(r.enum(math.MaxInt32))
	n := r.len()
	if n > limit {
		r.failed = true
		return
	}
	if n > 0 {
		v.entries = make([]Value[K], 0, n)
	}
	for range n {
		v.entries = append(v.entries, Value[K]{Key: key(r), First: r.time(), Last: r.time(), Count: r.float(), Accused: r.time()})
	}
}

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

// suspect writes one, most of which are zero, as a byte where it is.
func (w *writer) suspect(s *Suspect) {
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
	v := Visit{r.time(), r.time(), r.float(), r.float()}
	if v != (Visit{}) && (v.Last < v.First || v.Calls < 1) {
		r.failed = true
	}
	return v
}

func (r *reader) suspect() Suspect {
	s := Suspect{Time: r.time()}
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
