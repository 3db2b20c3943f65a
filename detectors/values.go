package detectors

import (
	"math"
	"math/bits"
	"slices"
)

// Values remembers which values of one sort (countries, say) a principal was
// seen with. It is bounded: when it is full, the value with the lowest count
// makes room, so a stream of values met once cannot push out the usual ones.
// The zero Values is empty and ready for use.
type Values[K comparable] struct {
	entries []Value[K] // most recently met first

	// Days counts the days on which any value was met, without the first such
	// day; News the values first met, without the few that one begins with.
	// Both are forgotten with half-life newsHalfLife.
	Days, News float64

	day      int64 // of the last value learned, in days since 1970
	newToday int   // values first met on that day
}

// Value is one remembered value.
type Value[K comparable] struct {
	Key         K
	First, Last Time    // when it was met, in event time
	Count       float64 // calls with it, forgotten with half-life countHalfLife
	Accused     Time    // when an incident was last about it, zero for never

	// Users are, in a resource's profile, the callers that it was met with before
	// its latest day, Fresh those since: a bit each, by hash, so several may have
	// the same. They never fade. Zero in a principal's own profile.
	Users, Fresh uint64
}

// accusedFor is how long a value that an incident was about is not taken for usual.
const accusedFor = 14 * Day

func (e *Value[K]) accused(t Time) bool { return e.Accused != 0 && t-e.Accused < accusedFor }

// beginnings is how many values of the first day are no news: an office, a home and a telephone.
const beginnings = 3

const (
	countHalfLife = 14 // days
	newsHalfLife  = 30 // days
)

// Len is how many values are remembered.
func (v *Values[K]) Len() int { return len(v.entries) }

// All is the remembered values, the most recently met first. The caller must not change it.
func (v *Values[K]) All() []Value[K] { return v.entries }

// Usual is the keys of the n values with the highest count among those that
// were known for a day before t and that no incident accuses.
func (v *Values[K]) Usual(n int, t Time) []K {
	keys := make([]K, 0, n)
	for _, key := range v.Top(len(v.entries)) {
		if len(keys) < n && v.Known(key, t, Day) {
			keys = append(keys, key)
		}
	}
	return keys
}

// Top is the keys of the n values with the highest count, the highest first.
func (v *Values[K]) Top(n int) []K {
	byCount := slices.Clone(v.entries)
	slices.SortStableFunc(byCount, func(a, b Value[K]) int {
		switch {
		case a.Count > b.Count:
			return -1
		case a.Count < b.Count:
			return 1
		}
		return 0
	})
	keys := make([]K, 0, n)
	for _, e := range byCount[:min(n, len(byCount))] {
		keys = append(keys, e.Key)
	}
	return keys
}

// Find is what is remembered of key, or nil.
func (v *Values[K]) Find(key K) *Value[K] {
	for i := range v.entries {
		if v.entries[i].Key == key {
			return &v.entries[i]
		}
	}
	return nil
}

// Lacks reports whether key is none of the values, where there are any. The zero key
// stands for what the log does not name, and is never lacking.
func (v *Values[K]) Lacks(key K) bool {
	var unnamed K
	return key != unnamed && len(v.entries) > 0 && v.Find(key) == nil
}

// Known reports whether key was first met at least age before t and nobody accuses it.
func (v *Values[K]) Known(key K, t, age Time) bool {
	e := v.Find(key)
	return e != nil && !e.accused(t) && t-e.First >= age
}

// Surprise is how unexpected it is to meet key for the first time on the day
// of t, in bits. It is the lesser of two, because either explains it:
//
//   - by the day: minus log2 of the chance that a day brings as many new values
//     as this one then has, P(K >= k) = λ/(λ+k) with λ = busier(t)·(News + prior)/(Days + 1)
//     by the days before, where the present one is so many times as busy as they were (Profile.Busier).
//     New values come in bursts, so the tail is assumed to be that of a Lomax
//     distribution of shape 1 and scale λ, and not a geometric one;
//   - by the call: minus log2 of the share (D - 1 + prior)/(N + 1) of the N calls
//     so far that brought one of the D values that are remembered, the first aside.
//     Of whom few calls are known, no habit is.
//
// On the first day there is no rate but that day's. It is 0 for a value already
// remembered, and while nothing is remembered.
func (v *Values[K]) Surprise(key K, t Time, prior float64, busier func(Time) float64) float64 {
	if len(v.entries) == 0 || v.Find(key) != nil {
		return 0
	}
	today := v.NewOn(t)
	news := v.NewsBefore(t)
	calls := 1.0
	for i := range v.entries {
		calls += v.entries[i].Count
	}
	return math.Min(
		math.Log2(1+float64(today+1)*(v.Days+1)/((news+prior)*busier(t))),
		math.Max(0, math.Log2(calls/(float64(len(v.entries)-1)+prior))),
	)
}

// NewOn is how many values were first met on the day of t, the principal's
// first few left out.
func (v *Values[K]) NewOn(t Time) int {
	if int64(t/Day) != v.day {
		return 0
	}
	return v.newToday
}

// NewsBefore is the values first met before the day of t, without the few that
// one begins with, forgotten with half-life newsHalfLife.
func (v *Values[K]) NewsBefore(t Time) float64 {
	if v.Days == 0 {
		return v.News
	}
	return math.Max(0, v.News-float64(v.NewOn(t)))
}

// DaysBefore is on how many days before the day of t any value was met,
// forgotten with half-life newsHalfLife.
func (v *Values[K]) DaysBefore(t Time) float64 {
	if v.day == 0 || int64(t/Day) <= v.day {
		return v.Days
	}
	return v.Days + 1
}

// common is the share of callers from which on a value is all peers'.
const common = 1.0 / 3

// Shared is how far key is what the callers of a resource, but for those of the
// bits given, have in common: between 0, where none had it before the day of t, and
// 1, where a third of them had, or more.
func (v *Values[K]) Shared(key K, t Time, but uint64) float64 {
	return v.SharedWhere(t, but, func(k K) bool { return k == key })
}

// SharedWhere is Shared of all values for which is says so, together.
func (v *Values[K]) SharedWhere(t Time, but uint64, is func(K) bool) float64 {
	var all, some uint64
	for i := range v.entries {
		e := &v.entries[i]
		all |= e.Users | e.Fresh
		if is(e.Key) {
			some |= e.before(t)
		}
	}
	if some &^= but; some == 0 {
		return 0
	}
	return math.Min(1, callers(some)/callers(all&^but)/common)
}

// Newly is with how many callers of a resource, but for those of the bits given, key
// was met, where that began less than a day before t, and how many callers there are.
func (v *Values[K]) Newly(key K, t Time, but uint64) (came, all int) {
	var users, total uint64
	for i := range v.entries {
		e := &v.entries[i]
		total |= e.Users | e.Fresh
		if e.Key == key && t-e.First < Day {
			users = e.Users | e.Fresh
		}
	}
	return bits.OnesCount64(users &^ but), bits.OnesCount64(total &^ but)
}

// before is the callers that the value was met with before the day of t.
func (e *Value[K]) before(t Time) uint64 {
	if int64(t/Day) > int64(e.Last/Day) {
		return e.Users | e.Fresh
	}
	return e.Users
}

// callers is how many set the bits, by linear counting (Whang et al. 1990):
// -64 ln of the share that is not set.
func callers(set uint64) float64 {
	const most = 63
	return -64 * math.Log1p(-float64(min(bits.OnesCount64(set), most))/64)
}

// learn remembers that key was met at t with a caller of users, among at most limit values.
func (v *Values[K]) learn(key K, t Time, limit int, users uint64) {
	day := int64(t / Day)
	if day > v.day {
		v.turn(day)
	}
	if i := v.index(key); i >= 0 {
		e := v.entries[i]
		if t < e.First {
			e.First = t
		}
		if int64(t/Day) > int64(e.Last/Day) {
			e.Users, e.Fresh = e.before(t), 0
		}
		if t > e.Last {
			e.Count = e.Count*forget(e.Last, t) + 1
			e.Last = t
		} else {
			e.Count++
		}
		e.Fresh |= users
		copy(v.entries[1:i+1], v.entries[:i])
		v.entries[0] = e
		return
	}
	if v.Days > 0 || len(v.entries) >= beginnings {
		v.News++
		v.newToday++
	}
	e := Value[K]{Key: key, First: t, Last: t, Count: 1, Fresh: users}
	if len(v.entries) >= limit {
		v.evict(t)
	}
	v.entries = slices.Insert(v.entries, 0, e)
}

// turn begins a new day.
func (v *Values[K]) turn(day int64) {
	if v.day != 0 {
		f := math.Exp2(-float64(day-v.day) / newsHalfLife)
		v.Days, v.News = v.Days*f+1, v.News*f
	}
	v.day, v.newToday = day, 0
}

// drop forgets the values for which is says so.
func (v *Values[K]) drop(is func(*Value[K]) bool) {
	kept := v.entries[:0]
	for i := range v.entries {
		if !is(&v.entries[i]) {
			kept = append(kept, v.entries[i])
		}
	}
	clear(v.entries[len(kept):])
	v.entries = kept
}

// index is where key is, or -1.
func (v *Values[K]) index(key K) int {
	for i := range v.entries {
		if v.entries[i].Key == key {
			return i
		}
	}
	return -1
}

// evict drops the value with the lowest count at t, the least recently met among equals.
func (v *Values[K]) evict(t Time) {
	worst, low := -1, math.Inf(1)
	for i, e := range v.entries {
		if c := e.Count * forget(e.Last, t); c <= low && !e.accused(t) {
			worst, low = i, c
		}
	}
	if worst < 0 {
		worst = len(v.entries) - 1
	}
	v.entries = slices.Delete(v.entries, worst, worst+1)
}

// forget is the factor by which a count fades between two times. For short times it is the series of e^-y up to y², which
// is right to 2e-7 and several times as fast.
func forget(from, to Time) float64 {
	y := float64(to-from) * math.Ln2 / (countHalfLife * float64(Day))
	if y < 0.01 && y >= 0 {
		return 1 - y + y*y/2
	}
	return math.Exp(-y)
}
