package detectors

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// TestValues_learn holds Values against a list of all that was learned.
func TestValues_learn(t *testing.T) {
	const limit = 5
	rapid.Check(t, func(r *rapid.T) {
		var v Values[int]
		type seen struct {
			first, last Time
			count       float64
		}
		all := map[int]*seen{}
		now := 20000 * Day
		for range rapid.IntRange(1, 60).Draw(r, "values") {
			now += Time(rapid.Int64Range(0, int64(2*Day)).Draw(r, "later"))
			key := rapid.IntRange(1, 9).Draw(r, "key")
			had := v.Find(key) != nil
			var evicted *seen
			if !had && v.Len() == limit {
				evicted = &seen{count: math.Inf(1)}
				for _, e := range v.All() {
					evicted.count = min(evicted.count, e.Count*forget(e.Last, now))
				}
			}
			if surprise := v.Surprise(key, now, 0.1, asEver); (surprise > 0) != (!had && v.Len() > 0) || math.IsInf(surprise, 0) {
				r.Fatalf("Surprise(%d) = %v, known: %v", key, surprise, had)
			}
			kept := map[int]bool{}
			for _, e := range v.All() {
				kept[e.Key] = true
			}
			v.learn(key, now, limit, 0)
			for k := range kept {
				if v.Find(k) != nil {
					continue
				}
				if s := all[k]; evicted == nil || s.count*forget(s.last, now) > evicted.count*(1+1e-9) {
					r.Fatalf("%d made room, though others have a lower count", k)
				}
				delete(all, k)
			}
			if s := all[key]; s != nil {
				s.count = s.count*forget(s.last, now) + 1
				s.last = now
			} else {
				all[key] = &seen{now, now, 1}
			}
			if v.Len() != len(all) || v.Len() > limit || v.All()[0].Key != key {
				r.Fatalf("%d values remembered, want %d; the latest is %d, want %d", v.Len(), len(all), v.All()[0].Key, key)
			}
			for k, s := range all {
				e := v.Find(k)
				if e == nil || e.First != s.first || e.Last != s.last || math.Abs(e.Count-s.count) > 1e-9*s.count {
					r.Fatalf("%d is remembered as %+v, want %+v", k, e, *s)
				}
				if v.Known(k, now, Day) != (now-s.first >= Day) {
					r.Fatalf("Known(%d) is wrong", k)
				}
			}
		}
	})
}

func TestValues_Surprise(t *testing.T) {
	var steady, hopping Values[int]
	for day := range Time(30) {
		steady.learn(1, (20000+day)*Day, maxValues, 0)
		for i := range 5 {
			hopping.learn(int(day)*5+i, (20000+day)*Day, maxValues, 0)
		}
	}
	now := 20030 * Day
	if bits := steady.Surprise(2, now, 0.1, asEver); bits < 7 {
		t.Errorf("the first new value in a month has %.1f bits", bits)
	}
	if bits := hopping.Surprise(1000, now, 0.1, asEver); bits > 0.5 {
		t.Errorf("one new value more where five a day are usual has %.1f bits", bits)
	}
	if before := hopping.DaysBefore(now); before != hopping.Days+1 {
		t.Errorf("%v days before, want %v", before, hopping.Days+1)
	}
	if same := hopping.DaysBefore(now - Day); same != hopping.Days {
		t.Errorf("%v days before the latest, want %v", same, hopping.Days)
	}
}

// TestProfile_learns_hours holds the baselines against a plain list of hours.
func TestProfile_learns_hours(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := &Profile{}
		start := 20000 * Day
		hours := make([]float64, rapid.IntRange(2, 300).Draw(r, "hours"))
		for i := range hours {
			if rapid.IntRange(0, 4).Draw(r, "busy") == 0 {
				hours[i] = float64(rapid.IntRange(1, 9).Draw(r, "calls"))
			}
			if i == 0 {
				hours[i] = 1 // a profile begins with a call
			}
			for n := range int(hours[i]) {
				c := &Call{Time: start + Time(i)*Hour + Time(n)*Minute}
				p.Advance(c.Time)
				p.Learn(c, false)
			}
		}
		p.Advance(start + Time(len(hours)+1)*Hour)
		// The hour before the first call is closed with the others: it is the first that no call can reach.
		want, n := Baseline{}, 0.0
		for _, x := range append([]float64{0}, hours...) {
			n++
			want.Max = math.Max(x, want.Max*math.Exp2(-1.0/(countHalfLife*24)))
			want.Mean += (x - want.Mean) / math.Min(n, meanHours)
		}
		got := p.Total(Requests)
		if math.Abs(got.Max-want.Max) > 1e-9*want.Max || math.Abs(got.Mean-want.Mean) > 1e-6 {
			r.Fatalf("baseline %+v, want %+v", got, want)
		}
	})
}

func TestProfile_Quiet(t *testing.T) {
	p := &Profile{}
	monday := 20458 * Day
	learn := func(day, from, until int) {
		for minute := from * 60; minute < until*60; minute += 2 {
			c := &Call{Time: monday + Time(day)*Day + Time(minute)*Minute}
			p.Advance(c.Time)
			p.Learn(c, false)
		}
	}
	for day := range 12 {
		if day%7 < 5 {
			learn(day, 8, 17)
		}
	}
	learn(14, 8, 11)
	at := func(day, hour int) float64 {
		t := monday + Time(day)*Day + Time(hour)*Hour
		p.Advance(t)
		return p.Quiet(t)
	}
	if q := at(14, 11); q > 0.1 {
		t.Errorf("in full use it is quiet by %.2f", q)
	}
	if q := at(14, 13); q < 0.7 {
		t.Errorf("two hours after the last call it is quiet by %.2f only", q)
	}
	if q := at(14, 22); q != 0 {
		t.Errorf("at night, when nothing is expected, it is quiet by %.2f", q)
	}
}

// asEver is how busy a day is that is like any other.
func asEver(Time) float64 { return 1 }

func TestValues_Shared(t *testing.T) {
	var v Values[string]
	const day = 20000 * Day
	for caller := range 12 {
		v.learn("all", day, maxValues, 1<<caller)
	}
	v.learn("one", day, maxValues, 1)
	for caller := range 4 {
		v.learn("a third", day, maxValues, 1<<caller)
		v.learn("today", day+Day, maxValues, 1<<caller)
	}
	v.learn("one", day+Day, maxValues, 1<<7) // who comes today does not make it usual for the next
	for _, test := range []struct {
		key      string
		but      uint64
		from, to float64
	}{{"all", 0, 1, 1}, {"a third", 0, 0.9, 1}, {"one", 0, 0.2, 0.3}, {"one", 1, 0, 0}, {"today", 0, 0, 0}, {"never", 0, 0, 0}} {
		if got := v.Shared(test.key, day+Day, test.but); got < test.from || got > test.to {
			t.Errorf("%s without %b: %v, want %v to %v", test.key, test.but, got, test.from, test.to)
		}
	}
	both := v.SharedWhere(day+Day, 0, func(key string) bool { return key == "one" || key == "today" })
	if both != v.Shared("one", day+Day, 0) {
		t.Errorf("what is of today counts: %v", both)
	}
}

func TestCallers(t *testing.T) {
	for n, want := range map[int]float64{0: 0, 1: 1, 30: 40.6, 63: 266, 64: 266} {
		set := ^uint64(0) >> (64 - n)
		if got := callers(set); math.Abs(got-want) > 0.02*want {
			t.Errorf("%d bits: %v callers, want %v", n, got, want)
		}
	}
}
