package detectortest

import "github.com/keywarden/keywarden/detectors"

// Refused is a call that is answered with a status and no tokens.
func Refused(t detectors.Time, from detectors.Network, status int) detectors.Call {
	c := Chat(t, from)
	c.Status, c.Tokens = status, detectors.Tokens{}
	return c
}

// Refusals are scenarios of calls that are refused with a status: a stranger's
// and far more than ever must have findings, a few each day or one abroad none.
func Refusals(status int) []Scenario {
	return []Scenario{
		{Name: "strangers_are_refused_all_the_time", Below: 3, Play: func(s *Script) {
			s.Working(0, 14, 10, Office)
			s.Fires(5, func() { s.Burst(Refused(At(14, 3, 0), Rented(0), status), 60, detectors.Hour) })
		}},
		{Name: "far_more_than_in_its_worst_hour", Below: 3, Play: func(s *Script) {
			s.Working(0, 14, 10, Office)
			s.Fires(4, func() { s.Burst(Refused(At(14, 9, 0), Office, status), 600, detectors.Hour) })
		}},
		{Name: "a_few_each_day", Below: 3, Play: func(s *Script) {
			for day := range 21 {
				s.Working(day, day+1, 10, Office)
				s.Burst(Refused(At(day, 18, 0), Office, status), 3+day%4, detectors.Hour)
			}
		}},
		{Name: "one_refusal_abroad", Below: 3, Play: func(s *Script) {
			s.Working(0, 14, 10, Office)
			s.Call(Refused(At(14, 9, 0), User(3), status))
		}},
	}
}
