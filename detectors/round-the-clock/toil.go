package roundtheclock

import (
	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

const (
	perToken  = 4.0    // bytes of a request to a token, nearly
	toilSlack = 5000.0 // tokens added to both sides of the ratio
	restBits  = 0.8    // that a time of day must be worth to be one of rest: two days in five, or fewer
)

// toil is what an identity sends to the models from the usual networks at hours of rest,
// beside what its whole days bring: who works late does no more than on other days. Keys and
// subscriptions are programs', whose jobs begin at any hour.
type toil struct {
	Day     int64     // the latest, since 1970
	Today   float64   // tokens of requests on it
	Busiest stat.Peak // of Today, of the days before
	Hour    int64     // the latest with a call, since 1970
	Resting bool      // it is one of rest
	Since   int64     // hour in which the rest began that goes on; 0 where it does not
	AtRest  float64   // tokens of requests since then
	Most    float64   // Busiest when it began: a night is not held against itself
}

// add takes a call from a usual network in, and is the bits of what was sent at rest.
func (own *toil) add(before *detectors.Profile, call *detectors.Call) float64 {
	tokens := float64(call.Tokens.Prompt)
	if call.RequestBytes > 0 {
		tokens = float64(call.RequestBytes) / perToken
	}
	hour := int64(call.Time / detectors.Hour)
	if hour < own.Hour {
		return 0
	}
	if day := hour / 24; day > own.Day {
		if own.Day != 0 && !before.Guarded {
			own.Busiest.Learn(own.Hour, own.Today)
		}
		own.Day, own.Today = day, 0
	}
	if hour > own.Hour {
		own.Resting = before.UsualHour(call.Time) < rest && before.Rest(call.Time) >= restBits
	}
	own.Hour = hour
	own.Today += tokens
	if !own.Resting {
		own.Since = 0
		return 0
	}
	if own.Since == 0 || hour-own.Since >= 24 {
		own.Since, own.AtRest, own.Most = hour, 0, own.Busiest.Max
	}
	own.AtRest += tokens
	if before.Age(call.Time) < least || own.Most == 0 {
		return 0
	}
	return before.Bits("round-the-clock/toil", call.Time, before.Rest(call.Time)*stat.Above(own.AtRest, own.Most, toilSlack))
}
