package stat

// Hourly counts something by the clock hour, in all and of strangers, against
// the busiest hours so far. The zero Hourly has counted nothing. It is of fixed size.
type Hourly struct {
	Hour              int64 // since 1970
	All, Strange      float64
	Most, MostStrange Peak
}

// Add counts n in an hour; hours that are over count no more. frozen: what the
// hour before brought is not learned as usual. It reports whether it was counted.
func (h *Hourly) Add(hour int64, n float64, strange, frozen bool) bool {
	if hour < h.Hour {
		return false
	}
	h.Turn(hour, frozen)
	h.All += n
	if strange {
		h.Strange += n
	}
	return true
}

// Turn begins an hour.
func (h *Hourly) Turn(hour int64, frozen bool) {
	if hour <= h.Hour {
		return
	}
	if h.Hour != 0 && !frozen {
		h.Most.Learn(h.Hour, h.All)
		h.MostStrange.Learn(h.Hour, h.Strange)
	}
	h.Most.Learn(hour, 0)
	h.MostStrange.Learn(hour, 0)
	h.Hour, h.All, h.Strange = hour, 0, 0
}
