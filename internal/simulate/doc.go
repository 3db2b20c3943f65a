// Package simulate makes Azure diagnostic logs: the benign life of many
// principals with all that looks like abuse and is none, and campaigns of
// choice among it, with a truth that says who attacked whom and when.
//
// # How to use it
//
//	truth, err := simulate.Generate(simulate.Options{Principals: 200, Days: 30}, func(d simulate.Delivery) error {
//		return judge(d.Fragment) // in order of delivery
//	})
//
// Deliveries come in the order in which the hub would hand them over: minutes
// after the call, now and then much later, sometimes twice. Memory is bounded
// by what is in flight (some minutes of calls: 60 MB for 200 principals, 300 MB
// under 810,000 calls in five hours), not by the length of the run. [NewStream]
// and [NewArchive] write deliveries as files; what they write decodes to the
// Fragments that were delivered.
//
// Besides Truth.Principals two sorts of principal occur in the logs: the
// account-key of an account whose users, all of Entra, once test a key, and the
// identity with which a gateway calls its backend.
//
// # Reproducible
//
// The same Options give the same deliveries, byte for byte, on any machine:
// no clock, no map order, no table that is updated elsewhere. Every principal,
// company and campaign draws from a random stream of its own, so that a
// further principal or campaign changes nothing about the lives of the others
// (the one exception is what a campaign does to its victim: a cut log is cut
// for all). A victim that was not named may become another one, where a further
// principal suits, too.
//
// # What is real and what is assumed
//
// Sizes of prompts and answers are log-normal, fitted to the Azure LLM
// inference traces 2023 (sizes.go). Arrivals come in sessions of heavy-tailed
// length, tuned to the ServeGen clients: most have nothing in 59 to 93 % of
// their ten-minute windows, and counts of a variance far above the mean. How
// often a benign principal appears from a new place, changes its provider,
// travels or tries a new model is known from no public data: churn.go has what
// is assumed, and Options.Churn multiplies it. Campaigns follow published
// cases and the figures of a public evaluation (campaign.go).
package simulate
