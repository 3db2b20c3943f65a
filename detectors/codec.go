package detectors

import (
	"errors"
	"fmt"
	"math"
)

// profileVersion is the version of the layout that AppendBinary writes.
const profileVersion = 8

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
		w.float(v.Hidden)
		w.float(v.Usual)
	}
	w.int(p.Daily.Day)
	w.float(p.Daily.Today)
	w.float(p.Daily.Mean)
	w.float(p.Daily.Days)
	w.float(p.Calls)
	w.bool(p.Guarded)
	w.time(p.Guard)
	writeValues(&w, &p.Networks, (*writer).prefix)
	writeValues(&w, &p.Organizations, (*writer).uint)
	writeValues(&w, &p.Countries, func(w *writer, c Country) { w.b = append(w.b, c[:]...) })
	writeValues(&w, &p.Kinds, func(w *writer, k NetworkKind) { w.uint(uint64(k)) })
	writeValues(&w, &p.Models, (*writer).string)
	writeValues(&w, &p.Deployments, (*writer).string)
	writeValues(&w, &p.Operations, (*writer).string)
	writeValues(&w, &p.Clients, (*writer).client)
	writeValues(&w, &p.Callers, func(w *writer, k PrincipalKind) { w.uint(uint64(k)) })
	writeValues(&w, &p.Actors, (*writer).string)
	writeValues(&w, &p.Stations, (*writer).uint)
	w.listing(&p.Listing)
	w.time(p.FirstAct)
	w.rhythm(&p.Rhythm)
	w.time(p.Cut.Time)
	w.time(p.Cut.Heard)
	w.time(p.Cut.Written)
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
	*p = Profile{Resource: p.Resource, Scale: p.Scale, Caller: p.Caller}
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
	p.Guard = r.time()
	readValues(&r, &p.Networks, maxNetworks, (*reader).prefix)
	readValues(&r, &p.Organizations, maxValues, (*reader).uint)
	readValues(&r, &p.Countries, maxValues, func(r *reader) Country { return Country{r.byte(), r.byte()} })
	readValues(&r, &p.Kinds, maxValues, func(r *reader) NetworkKind { return NetworkKind(r.enum(len(networkKindNames))) })
	readValues(&r, &p.Models, maxValues, (*reader).string)
	readValues(&r, &p.Deployments, maxValues, (*reader).string)
	readValues(&r, &p.Operations, maxValues, (*reader).string)
	readValues(&r, &p.Clients, maxValues, (*reader).client)
	readValues(&r, &p.Callers, maxValues, func(r *reader) PrincipalKind { return PrincipalKind(r.enum(len(principalKindNames))) })
	readValues(&r, &p.Actors, maxValues, (*reader).string)
	readValues(&r, &p.Stations, maxValues, (*reader).uint)
	p.Listing = r.listing()
	p.FirstAct = r.time()
	p.Rhythm = r.rhythm()
	p.Cut = Cut{r.time(), r.time(), r.time()}
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
		w.uint(e.Users)
		w.uint(e.Fresh)
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
		v.entries = append(v.entries, Value[K]{Key: key(r), First: r.time(), Last: r.time(), Count: r.float(), Accused: r.time(), Users: r.uint(), Fresh: r.uint()})
	}
}
