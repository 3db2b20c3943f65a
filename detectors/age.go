package detectors

// Age is how long ago the principal was first seen; 0 where it was not.
func (p *Profile) Age(t Time) Time {
	if p.First == 0 || t < p.First {
		return 0
	}
	return t - p.First
}

// youth is the age until which a profile is young.
const youth = 3 * Day

// Young reports whether next to nothing is known at t of what is usual: the
// principal was first seen, or its resource where that is judged by, less than youth before.
func (p *Profile) Young(t Time) bool {
	if p.Newcomer(t) {
		return false
	}
	return p.ActAge(t) < youth
}

// Newcomer reports whether the principal was first seen less than a day before
// t, on a resource that has been called for days: the resource's past then says
// more of what is usual than the principal's own.
func (p *Profile) Newcomer(t Time) bool {
	return p.Resource != nil && p.Age(t) < Day && p.Resource.Age(t) >= 3*Day
}

// Latecomer reports whether the principal was first seen less than a day before
// t, and days after the log began to be watched: then it is new, and not just
// new to who watches.
func (p *Profile) Latecomer(t Time) bool {
	first := p.First
	if first == 0 || t < first {
		first = t
	}
	return p.Since != 0 && first-p.Since >= 3*Day && t-first < Day
}

// A resource is being set up for so long at most, and until it was called on so many days; days fade by half in a month.
const (
	setUpFor = 14 * Day
	setUp    = 2.5
)

// SettingUp reports whether the principal's resource is being set up at t: it was first called less than two
// weeks before, days after the log began to be watched, by somebody else than the principal, and on a
// day or two only before the day of t. Whoever comes next is mostly the next step of who sets it up.
func (p *Profile) SettingUp(t Time) bool {
	r := p.Resource
	if r == nil || r.First == 0 || p.First != 0 && r.First >= p.First || p.Since != 0 && r.First-p.Since < youth {
		return false
	}
	days := r.Callers.DaysBefore(t)
	return r.Age(t) < setUpFor && days > 0 && days < setUp
}

// ActAge is how long ago anything was first heard of a resource, a call or an act.
func (p *Profile) ActAge(t Time) Time {
	age := p.Age(t)
	if p.FirstAct != 0 && t-p.FirstAct > age {
		age = t - p.FirstAct
	}
	return age
}
