package azurelog

import (
	"math"
	"strconv"

	"github.com/keywarden/keywarden/detectors"
)

// Times that are accepted, in milliseconds since 1970.
const (
	minTime detectors.Time = 1420070400000 // 2015-01-01
	maxTime detectors.Time = 4102444800000 // 2100-01-01
)

// Ticks count 100 ns since the year 1.
const (
	ticksPerMs   = 10_000
	ticksOf1970  = 621_355_968_000_000_000
	maxTickDrift = detectors.Day  // before the record's own time
	maxTickAhead = detectors.Hour // after it: clocks differ, but nothing is logged before it happens
)

// parseTime reads a time in ISO 8601, with any fraction, with or without a
// zone (then UTC), or written for people, where it cannot be mistaken:
// "27.09.2026 06:03:30", "9/27/2026 6:03:30 AM". Parts of a millisecond are
// cut off. It returns what is wrong, or "".
func parseTime(b []byte) (detectors.Time, string) {
	if len(b) >= 19 && b[4] == '-' && b[7] == '-' && (b[10]|0x20 == 't' || b[10] == ' ') {
		t, rest, ok := clock(b[11:], date(digits(b[:4]), digits(b[5:7]), digits(b[8:10])))
		if !ok {
			return 0, "the time is not readable"
		}
		return zone(t, rest)
	}
	return parseCulture(b)
}

// parseCulture reads a time written for people.
func parseCulture(b []byte) (detectors.Time, string) {
	first, b := leading(b)
	if len(b) == 0 {
		return 0, "the time is not readable"
	}
	separator := b[0]
	second, b := leading(b[1:])
	if len(b) == 0 || b[0] != separator {
		return 0, "the time is not readable"
	}
	year, b := leading(b[1:])
	month, day := first, second
	switch {
	case separator == '.', separator == '/' && first > 12:
		month, day = second, first
	case separator != '/':
		return 0, "the time is not readable"
	case second <= 12 && first != second:
		return 0, "the day and the month of the time can be mistaken: log it in ISO 8601"
	}
	if len(b) < 2 {
		return 0, "the time is not readable"
	}
	t, rest, ok := clock(b[1:], date(year, month, day))
	if !ok {
		return 0, "the time is not readable"
	}
	if len(rest) >= 3 && rest[0] == ' ' && rest[2]|0x20 == 'm' {
		switch half, hour := rest[1]|0x20, t/detectors.Hour%24; {
		case half == 'p' && hour < 12:
			t += 12 * detectors.Hour
		case half == 'a' && hour == 12:
			t -= 12 * detectors.Hour
		}
		rest = rest[3:]
	}
	if len(rest) > 0 && rest[0] == ' ' {
		rest = rest[1:]
	}
	return zone(t, rest)
}

// date is midnight of a day; negative where there is no such day.
func date(year, month, day int) detectors.Time {
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31 {
		return math.MinInt64
	}
	// Days since 1970 of the proleptic Gregorian calendar, years starting in
	// March (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
	y, m := year, month-3
	if m < 0 {
		y, m = y-1, m+12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*m+2)/5 + day - 1 - 719468
	return detectors.Time(days) * detectors.Day
}

// clock adds the time of day at the start of b to midnight, and returns what follows.
func clock(b []byte, midnight detectors.Time) (t detectors.Time, rest []byte, ok bool) {
	hour, b := leading(b)
	if midnight == math.MinInt64 || hour < 0 || hour > 24 || len(b) < 6 || b[0] != ':' || b[3] != ':' {
		return 0, nil, false
	}
	minute, second := digits(b[1:3]), digits(b[4:6])
	if minute < 0 || minute > 59 || second < 0 || second > 60 {
		return 0, nil, false
	}
	t = midnight + detectors.Time(hour)*detectors.Hour + detectors.Time(minute)*detectors.Minute + detectors.Time(second)*detectors.Second
	if b = b[6:]; len(b) == 0 || b[0] != '.' {
		return t, b, true
	}
	i := 1
	for unit := detectors.Time(100); i < len(b) && b[i] >= '0' && b[i] <= '9'; i++ {
		t += detectors.Time(b[i]-'0') * unit
		unit /= 10
	}
	return t, b[i:], true
}

// zone takes the offset from UTC at the end of a time off t.
func zone(t detectors.Time, b []byte) (detectors.Time, string) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return t, ""
	}
	if len(b) != 6 || b[0] != '+' && b[0] != '-' || b[3] != ':' || digits(b[1:3]) < 0 || digits(b[4:]) < 0 {
		return 0, "the time is not readable"
	}
	offset := detectors.Time(digits(b[1:3]))*detectors.Hour + detectors.Time(digits(b[4:]))*detectors.Minute
	if b[0] == '-' {
		offset = -offset
	}
	return t - offset, ""
}

// digits is the number that b is; -1 where it is none.
func digits(b []byte) int {
	n := 0
	for _, c := range b {
		if c -= '0'; c > 9 {
			return -1
		}
		n = n*10 + int(c)
	}
	return n
}

// leading is the number of at most four digits that b starts with, -1 where
// there is none, and what follows.
func leading(b []byte) (int, []byte) {
	i := 0
	for i < len(b) && i < 4 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == 0 {
		return -1, b
	}
	return digits(b[:i]), b[i:]
}

// plausible says what is wrong with a time, or "".
func plausible(t detectors.Time) string {
	if t < minTime || t >= maxTime {
		return "time " + t.String() + " is not plausible"
	}
	return ""
}

// ofTicks is the time of .NET ticks, 0 where they are more than a day before logged or some minutes after it.
func ofTicks(ticks int64, logged detectors.Time) detectors.Time {
	t := detectors.Time((ticks - ticksOf1970) / ticksPerMs)
	if ticks <= ticksOf1970 || t < logged-maxTickDrift || t > logged+maxTickAhead {
		return 0
	}
	return t
}

// parseInt reads a whole number, exactly. "6.39e17" and "12.0" are whole
// numbers; a fraction, or what does not fit, is none.
func parseInt(b []byte) (int64, bool) {
	if n := len(b); n > 0 && n < 19 {
		if d := plainDigits(b); d >= 0 {
			return d, true
		}
	}
	if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
		return n, true
	}
	return parseDecimal(b)
}

// plainDigits is the number that b is, -1 where it is none; b has 1 to 18 bytes.
func plainDigits(b []byte) int64 {
	var n int64
	for _, c := range b {
		if c -= '0'; c > 9 {
			return -1
		}
		n = n*10 + int64(c)
	}
	return n
}

// parseDecimal reads a whole number that is written with a point or an exponent.
func parseDecimal(b []byte) (int64, bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	var n int64
	scale, point, seen, i := 0, false, false, 0
	for ; i < len(b); i++ {
		c := b[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		seen = true
		if point {
			scale--
		}
		if n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		exponent, err := strconv.Atoi(string(b[i+1:]))
		if err != nil || exponent > 64 || exponent < -64 {
			return 0, false
		}
		scale += exponent
		i = len(b)
	}
	if !seen || i < len(b) {
		return 0, false
	}
	for ; scale < 0 && n%10 == 0 && n != 0; scale++ {
		n /= 10
	}
	for ; scale > 0 && n != 0; scale-- {
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, scale == 0 || n == 0
}
