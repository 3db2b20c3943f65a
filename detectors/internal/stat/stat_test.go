package stat

import (
	"math"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDistinct_is_exact_up_to_64(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var d Distinct
		seen := map[uint64]bool{}
		for _, x := range rapid.SliceOfN(rapid.Uint64Range(0, 63), 0, 300).Draw(r, "values") {
			if added := d.Add(Mix(x)); added == seen[x] {
				r.Fatalf("Add(%d) = %v, seen before: %v", x, added, seen[x])
			}
			seen[x] = true
			if d.Count() != float64(len(seen)) {
				r.Fatalf("Count() = %v, want %d", d.Count(), len(seen))
			}
		}
	})
}

func TestDistinct_error_beyond_64(t *testing.T) {
	const trials = 200
	for _, n := range []int{65, 100, 400, 1000, 20_000} {
		squares := 0.0
		for trial := range trials {
			var d Distinct
			for i := range n {
				d.Add(Mix(uint64(trial*1_000_000 + i)))
			}
			before := d
			for i := range n {
				d.Add(Mix(uint64(trial*1_000_000 + i)))
			}
			if d != before {
				t.Fatalf("%d values added again change the count", n)
			}
			e := d.Count()/float64(n) - 1
			squares += e * e
		}
		// The promised standard error, and three standard errors of its own estimate.
		if got, most := math.Sqrt(squares/trials), 0.065*(1+3/math.Sqrt(2*trials)); got > most {
			t.Errorf("%d values: relative error %.3f, want at most %.3f", n, got, most)
		}
	}
}

func TestMix_tells_apart(t *testing.T) {
	seen := map[uint64]string{}
	put := func(h uint64, what string) {
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s have the same hash", what, other)
		}
		seen[h] = what
	}
	for _, s := range []string{"", "a", "b", "ab", "ba", "gpt-4o", "gpt-4o-mini"} {
		put(MixString(s), s)
	}
	for _, s := range []string{"10.0.0.0/24", "10.0.1.0/24", "2001:db8::/48", "2001:db8:1::/48"} {
		put(MixPrefix(netip.MustParsePrefix(s)), s)
	}
}

func TestLatch(t *testing.T) {
	var l Latch
	for i, step := range []struct {
		day  int64
		bits float64
		want bool
	}{
		{5, 2.9, false}, // less than is worth saying
		{5, 3, true},
		{5, 3.9, false}, // not a bit more
		{5, 4, true},
		{4, 4, false}, // late: of the day before
		{5, 4.5, false},
		{4, 6, true},
		{6, 3, true}, // a new day
		{6, 3, false},
		{7, math.NaN(), false}, // no number, and it is not remembered
		{7, 3, true},
		{7, math.NaN(), false},
		{7, 3.5, false},
	} {
		if got := l.Raise(step.day, step.bits, 3); got != step.want {
			t.Errorf("step %d: Raise(%d, %v) = %v, want %v", i, step.day, step.bits, got, step.want)
		}
	}
}

func TestInterpolate_is_monotone_and_continuous(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		levels := rapid.SliceOfN(rapid.Float64Range(0, 20), 1, 12).Draw(r, "levels")
		slices.Sort(levels)
		x := rapid.Float64Range(0, 40).Draw(r, "x")
		y := rapid.Float64Range(0, 40).Draw(r, "y")
		if x > y {
			x, y = y, x
		}
		if a, b := Interpolate(levels, x), Interpolate(levels, y); a > b {
			r.Fatalf("%v has %v bits, %v has %v", x, a, y, b)
		}
		for i, level := range levels {
			if level == 0 || i > 0 && level-levels[i-1] < 1e-3 || i+1 < len(levels) && levels[i+1]-level < 1e-3 {
				continue // where levels are equal, bits jump
			}
			want := min(float64(i+1), bitsPerUnit*level)
			if got := Interpolate(levels, level); math.Abs(got-want) > 1e-6 {
				r.Fatalf("level %d has %v bits, want %v", i+1, got, want)
			}
			if got := Interpolate(levels, level+1e-9); math.Abs(got-want) > 1e-4 {
				r.Fatalf("just above level %d are %v bits, want %v", i+1, got, want)
			}
		}
		if most := Interpolate(levels, 1e9); most != float64(len(levels)+maxBeyond) {
			r.Fatalf("the highest value has %v bits", most)
		}
	})
	if got := Interpolate(nil, 5); got != 0 {
		t.Errorf("without levels %v bits, want 0", got)
	}
}

func TestCUSUM(t *testing.T) {
	const bound = (cusumMost - cusumSlack) / (1 - cusumKeep)
	rapid.Check(t, func(r *rapid.T) {
		var c CUSUM
		for _, x := range rapid.SliceOf(rapid.Float64Range(-10, 1e6)).Draw(r, "evidence") {
			before := c.Sum
			c.Step(x)
			want := max(0, before*cusumKeep+min(x, cusumMost)-cusumSlack)
			if c.Sum != want || c.Sum > bound {
				r.Fatalf("after %v: %v, want %v, at most %v", x, c.Sum, want, bound)
			}
		}
		one, many := c, c
		n := rapid.Int64Range(0, 50).Draw(r, "steps")
		x := rapid.Float64Range(-3, 0).Draw(r, "x")
		for range n {
			one.Step(x)
		}
		if many.Steps(n, x); math.Abs(one.Sum-many.Sum) > 1e-9 {
			r.Fatalf("%d steps of %v one by one: %v, at once: %v", n, x, one.Sum, many.Sum)
		}
	})
	t.Run("a_long_rest_leaves_nothing", func(t *testing.T) {
		c := CUSUM{Sum: bound}
		if c.Steps(math.MaxInt64, 0); c.Sum != 0 {
			t.Errorf("%v is left", c.Sum)
		}
	})
}

func TestPeak(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var p Peak
		type value struct {
			hour int64
			x    float64
		}
		var all []value
		hour := int64(400_000)
		for range rapid.IntRange(1, 40).Draw(r, "hours") {
			hour += rapid.Int64Range(0, 300).Draw(r, "later")
			all = append(all, value{hour, rapid.Float64Range(0, 100).Draw(r, "x")})
			p.Learn(hour, all[len(all)-1].x)
			want := 0.0
			for _, v := range all {
				want = max(want, v.x*math.Exp2(-float64(hour-v.hour)/peakHalfLife))
			}
			if math.Abs(p.Max-want) > 1e-9*(1+want) {
				r.Fatalf("Max = %v, want %v", p.Max, want)
			}
		}
	})
}

func TestAbove(t *testing.T) {
	for _, c := range []struct{ x, peak, slack, want float64 }{
		{5, 5, 1, 0}, {4, 5, 1, 0}, {7, 3, 1, 1}, {30, 0, 2, 4},
	} {
		if got := Above(c.x, c.peak, c.slack); got != c.want {
			t.Errorf("Above(%v, %v, %v) = %v, want %v", c.x, c.peak, c.slack, got, c.want)
		}
	}
}

func TestRate(t *testing.T) {
	var r Rate
	quiet := r.Surprise(100, 30, 0.1)
	if want := math.Log2((31 + 0.1) / 0.1); math.Abs(quiet-want) > 1e-9 {
		t.Errorf("the first in 30 days has %v bits, want %v", quiet, want)
	}
	r.Add(100)
	if second, want := r.Surprise(100, 30, 0.1), math.Log2(1+2*31/0.1); math.Abs(second-want) > 1e-9 {
		t.Errorf("the second of a day has %v bits, want %v", second, want)
	}
	r.Add(99)
	if r.Day != 100 || r.Today != 2 {
		t.Errorf("one of the day before: %+v", r)
	}
	if later := r.Surprise(130, 60, 0.1); math.Abs(later-math.Log2((61+1.1)/1.1)) > 1e-9 {
		t.Errorf("a month later: %v bits", later)
	}
	if r.Add(130); r.Past != 1 || r.Today != 1 {
		t.Errorf("a half-life later: %+v", r)
	}
}
