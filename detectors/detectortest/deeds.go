package detectortest

// Deeds are scenarios of an act on a resource: a stranger's, from rented servers,
// must have a finding of the given bits, and a refused one, or another act, none.
func Deeds(operation string, bits float64) []Scenario {
	night := At(14, 3, 0)
	return []Scenario{
		{Name: "a_stranger_from_rented_servers", Below: 3, Play: func(s *Script) {
			s.Working(0, 14, 10, Office)
			s.Fires(bits, func() { s.Act(Deed(night, operation, "stranger", Rented(0))) })
		}},
		{Name: "refused", Below: 3, Play: func(s *Script) {
			s.Working(0, 14, 10, Office)
			refused := Deed(night, operation, "stranger", Rented(0))
			refused.Succeeded = false
			s.Act(refused)
		}},
		{Name: "another_act", Below: 3, Play: func(s *Script) {
			s.Working(0, 14, 10, Office)
			s.Act(Deed(night, "microsoft.cognitiveservices/accounts/deployments/delete", "stranger", Rented(0)))
		}},
	}
}

// Administrator is the near-miss of an act that the resource's administrator
// does now and then.
func Administrator(operation string, below float64) Scenario {
	return Scenario{Name: "the_administrator_now_and_then", Below: below, Play: func(s *Script) {
		s.Working(0, 14, 10, Office)
		s.Administered(0, 14, 2, operation)
		s.Working(14, 15, 10, Office)
	}}
}
