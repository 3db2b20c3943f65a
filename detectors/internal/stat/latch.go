package stat

// Latch lets a detector speak when its surprise has risen, and not at every
// call of a burst. The zero Latch is ready for use. It is of fixed size.
type Latch struct {
	Day  int64
	Bits float32
}

// Raise reports whether bits are a whole bit more than what was said on that
// day (days since 1970), and at least the least that is worth saying. A day
// before the latest one counts as the latest, so that disorder at midnight
// does not repeat what was said.
func (l *Latch) Raise(day int64, bits, least float64) bool {
	if !(bits >= least) { // NaN is nothing
		return false
	}
	if day > l.Day {
		*l = Latch{Day: day}
	} else if float32(bits) < l.Bits+1 {
		return false
	}
	l.Bits = float32(bits)
	return true
}
