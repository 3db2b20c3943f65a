package simulate

import "github.com/keywarden/keywarden/detectors"

// Rhythm is when somebody really called: how many calls in each ten minutes,
// from the start of the run. After its end there are none.
type Rhythm []int

// at is the calls of the ten minutes from now, where the run begins at start.
func (y Rhythm) at(start, now detectors.Time) int {
	if i := int((now - start) / window); i < len(y) {
		return y[i]
	}
	return 0
}

// activeDays is on how many of the run's first days there are calls.
func (y Rhythm) activeDays(days int) int {
	const perDay = int(detectors.Day / window)
	active := 0
	for day := range days {
		for _, calls := range y[min(day*perDay, len(y)):min((day+1)*perDay, len(y))] {
			if calls > 0 {
				active++
				break
			}
		}
	}
	return active
}

// follow makes the sessions of the ten minutes from now, as the rhythm has
// them. What is real is how much is called when; from where, with what and in
// which sessions is the archetype's.
func (l *life) follow(now, end detectors.Time) {
	mean := max(l.session, 1)
	for left := l.rhythm.at(l.town.options.start(), now); left > 0; {
		s := l.open(now+detectors.Time(between(l.r, 0, float64(window))), min(left, pareto(l.r, mean)))
		s.gap = min(s.gap, float64(end-s.next)/float64(s.left))
		left -= s.left
		l.sessions = append(l.sessions, s)
	}
}

// established is on how many days a victim must have been heard of before a
// campaign: of a key that nobody uses yet, everything is new.
const established = 3

// known reports whether the principal was in use before the day, from 1.
func (l *life) known(day int) bool {
	return l.rhythm == nil || l.rhythm.activeDays(day-1) >= min(established, day-1)
}
