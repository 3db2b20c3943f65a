package resale

import (
	"fmt"
	mathbits "math/bits"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// slackSorts is sorts added to both sides of a ratio.
const slackSorts = 6

// sorts counts sorts of calls by the clock hour.
type sorts struct {
	Said stat.Latch
	Hour int64     // since 1970
	Most stat.Peak // of the hours before
	All  small
}

// observe counts a call; the finding has no bits where there is nothing new to say.
func (s *sorts) observe(before *detectors.Profile, call *detectors.Call) detectors.Finding {
	hour := int64(call.Time / detectors.Hour)
	if hour < s.Hour || call.Failed() {
		return detectors.Finding{}
	}
	if hour > s.Hour {
		s.turn(hour, before.Guarded)
	}
	if !s.All.add(sortOf(call)) {
		return detectors.Finding{}
	}
	n := s.All.count()
	bits := before.Bits("resale/sorts", call.Time, stat.Above(n, before.Busier(call.Time)*s.Most.Max, slackSorts))
	if !s.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}
	}
	f := detectors.Finding{
		Bits:     bits,
		Summary:  fmt.Sprintf("%.0f sorts of calls within an hour; its most varied hour had %.0f", n, s.Most.Max),
		Observed: detectors.Facts{"sortsPerHour": n},
		Usual:    detectors.Facts{"maxSortsPerHour": s.Most.Max},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = []detectors.Network{call.From}
	}
	return f
}

// turn begins an hour. What an open incident is about is not learned as usual.
func (s *sorts) turn(hour int64, guarded bool) {
	if s.Hour != 0 && !guarded {
		s.Most.Learn(s.Hour, s.All.count())
	}
	s.Most.Learn(hour, 0)
	s.Hour, s.All = hour, small{}
}

// sortOf is a hash of what sort of call it is: sizes that differ by a factor of four are different ones.
func sortOf(c *detectors.Call) uint64 {
	h := stat.MixString(c.Model) ^ stat.Mix(stat.MixString(c.Client.APIVersion)) ^ stat.MixString(c.Operation)<<1 ^ stat.Mix(uint64(c.Client.Stream))
	if c.RequestBytes > 0 {
		h ^= stat.Mix(uint64(mathbits.Len64(uint64(c.RequestBytes))/2) + 1<<32)
	}
	return stat.Mix(h)
}

// small counts distinct hashes by linear counting over 256 bits: it is right
// within a few up to 200 or so, and stands at about 1,400 beyond.
type small [4]uint64

// add counts a hash and reports whether that changes the count.
func (s *small) add(hash uint64) bool {
	bit := hash % 256
	if s[bit/64]&(1<<(bit%64)) != 0 {
		return false
	}
	s[bit/64] |= 1 << (bit % 64)
	return true
}

func (s *small) count() float64 {
	n := 0
	for _, word := range s {
		n += mathbits.OnesCount64(word)
	}
	return linear[n]
}
