package contentfilterpressure

import (
	"math"
	"math/bits"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// line is what one network brings from its first refusal on, for a day.
type line struct {
	Network        uint64 // its hash; 0 of none
	Since          detectors.Time
	Calls, Refused float64
	Sizes          uint64 // a bit each, by hash: of refused requests
	// What all networks had brought until then.
	BeforeCalls, BeforeRefused float64
}

// lines are networks that were refused lately, those refused most often as far
// as eight at a time can tell.
type lines struct {
	All            [8]line
	Calls, Refused float64 // of all networks, ever
}

const (
	// lineLasts is how long a line is watched.
	lineLasts = detectors.Day
	// uneven is how many times the usual share of refusals some users have.
	uneven = 3
	// together is what is left of the surprise because the refusals of one user come together.
	together = 0.5
	// release is how surprising a release is that is refused, in bits: one comes in months of a page's days.
	release = 8
	// fewest is how many refused requests of different sizes anybody may have; each further one is a bit at most.
	fewest = 3
)

// page reports whether strangers call every day, from where people are: of a
// program's own machines one may well have what the filter refuses, or a release of its own.
func page(before *detectors.Profile, call *detectors.Call) bool {
	return call.From.Kind != detectors.Azure && call.From.Kind != detectors.Cloud && before.Networks.NewsBefore(call.Time) >= before.Networks.Days+1
}

// add counts a call and returns the line that it belongs to; nil where its network was not refused lately.
func (l *lines) add(call *detectors.Call, refused bool) *line {
	if call.Failed() && !refused {
		return nil
	}
	var of *line
	if refused || l.Refused > 0 {
		of = l.find(call, refused)
	}
	l.Calls++
	if refused {
		l.Refused++
	}
	if of == nil {
		return nil
	}
	of.Calls++
	if refused {
		of.Refused++
		of.Sizes |= 1 << (stat.Mix(uint64(call.RequestBytes)) % 64)
	}
	return of
}

// find is the line of a call. A refusal begins one, in the place of one that is over or else of the one with the fewest.
func (l *lines) find(call *detectors.Call, refused bool) *line {
	hash := stat.MixPrefix(call.From.Prefix)
	least, refusals := &l.All[0], math.Inf(1)
	for i := range l.All {
		of := &l.All[i]
		over := call.Time-of.Since >= lineLasts
		if of.Network == hash && !over {
			return of
		}
		n := of.Refused
		if over {
			n = 0
		}
		if n < refusals {
			least, refusals = of, n
		}
	}
	if !refused || !call.From.Known() {
		return nil
	}
	*least = line{Network: hash, Since: call.Time, BeforeCalls: l.Calls, BeforeRefused: l.Refused}
	return least
}

// sizes is how many different sizes the refused requests had, about.
func (of *line) sizes() float64 {
	unset := 64 - bits.OnesCount64(of.Sizes)
	return math.Min(of.Refused, 64*math.Log(64/math.Max(float64(unset), .5)))
}

// surprise is by how many bits the refusals of the line are more than its share
// of a usual day or, as a release that builds malformed requests may be out, so
// many bits more than its share of what the others are refused in the same time.
func (of *line) surprise(l *lines, usual float64) float64 {
	others := l.Calls - of.BeforeCalls - of.Calls
	theirs := l.Refused - of.BeforeRefused - of.Refused
	least := math.Min(of.beyond(usual), release+of.beyond((theirs+.5)/(others+1)))
	return math.Min(least, math.Max(0, of.sizes()-fewest))
}

// beyond is n·KL(q‖p) bits, which bounds the tail of the binomial distribution
// (Chernoff 1952), for p a few times the given share and a part of it as one
// user's requests are not independent. One that is sent again and again counts once.
func (of *line) beyond(share float64) float64 {
	refused := of.sizes()
	calls := of.Calls - of.Refused + refused
	p, q := math.Min(1, uneven*share), refused/calls
	if q <= p {
		return 0
	}
	kl := q * math.Log2(q/p)
	if q < 1 {
		kl += (1 - q) * math.Log2((1-q)/(1-p))
	}
	return together * calls * kl
}
