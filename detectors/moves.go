package detectors

import "math"

// Visit is a time in which a principal is called from networks of one standing
// that are not its usual ones, without a pause of visitPause.
type Visit struct {
	First, Last Time    // call from them
	Calls       float64 // from them; 0 where there was no visit
	Hidden      float64 // of Calls, those from networks of a kind that hides its users and that the principal does not use
	Usual       float64 // calls from usual networks since First
}

// visitPause is how long a pause ends a visit.
const visitPause = Day

// come takes in a call of the strangers.
func (v *Visit) come(t Time, hidden bool) {
	if v.Calls == 0 || t-v.Last > visitPause {
		*v = Visit{First: t}
	}
	v.Last = max(v.Last, t)
	v.Calls++
	if hidden {
		v.Hidden++
	}
}

// beside takes in a call from a usual network.
func (v *Visit) beside(t Time) {
	if v.Calls > 0 && t >= v.First && t-v.Last <= visitPause {
		v.Usual++
	}
}

// instead is how far the strangers of a visit may have come in place of the
// usual networks, between 0 (beside them) and 1 (these were not heard since).
func (v *Visit) instead(t Time) float64 {
	if v.Calls == 0 || t-v.Last > visitPause {
		return 1
	}
	return math.Max(0, 1-overlap*v.Usual/(v.Usual+v.Calls))
}

// moves is how likely the strangers of a visit are the owner on the move,
// against strangers anywhere.
func (v *Visit) moves(t Time) float64 {
	if v.Calls == 0 || t-v.Last > visitPause {
		return 1
	}
	return 1 - (1-movesIntoHiding)*v.Hidden/v.Calls
}

// overlap is how many times the share of a visit's calls that come from usual
// networks counts against a move: while an egress moves, few do.
const overlap = 3

// Quiet is how far the usual networks of the principal have fallen silent in
// the hour before t, or since their last call, between 0 (they are as busy as
// ever, or nothing was to be expected of them) and 1. An egress that moves makes them silent; a thief
// beside them does not.
func (p *Profile) Quiet(t Time) float64 {
	expected := p.expected(t)
	quiet := 0.0
	if seen := p.minutes.hour[Requests][Usual]; seen < expected {
		quiet = (1 - seen/expected) * expected / (expected + 2)
	}
	if gap := t - p.LastUsual; p.LastUsual != 0 && gap > 0 && gap <= Hour {
		missing := expected * float64(gap) / float64(Hour)
		quiet = math.Max(quiet, (missing-2)/(missing+2))
	}
	return quiet
}

// burst is how many times the calls that an hour is expected to bring may come
// in it without being more than usual.
const burst = 4

// Moved is what an egress that moves may bring from new networks of standing
// s, in the hour before t, as a share of the principal's busiest hour, between 0 and 1:
// some times the calls that were expected of the usual networks and did not
// come. Where few calls are expected of them at any hour, it follows from
// whether they were heard since the strangers came. Hardly anybody moves
// to a network that hides its users.
func (p *Profile) Moved(s Standing, t Time) float64 {
	busiest := p.total[Requests].Max
	if busiest == 0 {
		return 0
	}
	expected := p.expected(t)
	known := p.regular(t)
	return p.Visits[s].moves(t) * (known*math.Min(1, burst*p.Quiet(t)*expected/busiest) + (1-known)*p.Visits[s].instead(t))
}

// Displaced is how far foreign strangers have come in place of the usual networks at t,
// between 0 (beside them) and 1.
func (p *Profile) Displaced(t Time) float64 {
	known := p.regular(t)
	return p.Visits[Foreign].moves(t) * (known*p.Quiet(t) + (1-known)*p.Visits[Foreign].instead(t))
}

// movesIntoHiding is what is left of the chance that an egress has moved, where
// the new one is in a network that hides its users.
const movesIntoHiding = 0.2

// regular is how far the rhythm of a principal tells what to expect of the
// hour before t, between 0 and 1.
func (p *Profile) regular(t Time) float64 {
	expected := p.expected(t)
	return expected / (expected + fewCalls)
}

// fewCalls an hour are as many as may as well not come.
const fewCalls = 4

// expected is how many calls the hour before t usually brings.
func (p *Profile) expected(t Time) float64 {
	begun := float64(t%Hour) / float64(Hour)
	return begun*p.UsualHour(t) + (1-begun)*p.UsualHour(t-Hour)
}
