package detectors

import (
	"maps"
	"math"
	"slices"

	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Scale turns the statistics of the detectors into bits: it holds, for each
// test and age of a profile, which value benign principals exceed on one day
// in 2, 4, 8 … Analytic tails are wrong by orders of magnitude on traffic of
// language models, so it is measured on benign replays. The zero Scale has
// measured nothing and takes a statistic for bits as it stands.
type Scale struct {
	levels map[string]*[Stages][]float64

	// Watch, where set, is told every statistic: this is how a Scale is measured.
	Watch func(test string, age Time, statistic float64)
}

// Embedded is the Scale that the product ships.
func Embedded() *Scale { return embedded }

// NewScale is a Scale of measured levels: for each test and Stage, the values
// that benign principals exceed on one day in 2, 4, 8 …, in ascending order.
func NewScale(levels map[string]*[Stages][]float64) *Scale { return &Scale{levels: levels} }

// Tests are the names of the tests that were measured, in order.
func (s *Scale) Tests() []string { return slices.Sorted(maps.Keys(s.levels)) }

// Stages is how many ages of a profile are told apart: a young profile knows little.
const Stages = 3

// Stage is which of the ages of a profile is meant, from 0.
func Stage(age Time) int {
	switch {
	case age < 3*Day:
		return 0
	case age < 10*Day:
		return 1
	}
	return 2
}

// coldFor is how long nothing is surprising: on the first day nothing is usual yet.
const coldFor = Day

// halfKnown is the age at which half of what is usual was seen. Much that is new
// in the first days is not new at all, and how much is a matter of the tenant:
// no scale that was measured elsewhere tells it.
const halfKnown = 2 * Day / 3

// known is the share of the bits of a measured test that count at an age: 1 - 2^(-age/halfKnown).
func known(age Time) float64 { return 1 - math.Exp2(-float64(age)/float64(halfKnown)) }

// MinBits is the least surprise that makes a finding.
const MinBits = 3

// Bits is how surprising it is that the statistic of a test reaches a value at
// time t: at most one benign principal-day in 2^bits has as high a value.
// Statistics are at least 0; 0 is never surprising.
func (p *Profile) Bits(test string, t Time, statistic float64) float64 {
	return p.BitsAt(test, p.Age(t), statistic)
}

// BitsAt is Bits for a test that judges by something of another age than the
// profile, its resource for instance.
func (p *Profile) BitsAt(test string, age Time, statistic float64) float64 {
	if age < coldFor {
		return 0
	}
	s := p.Scale
	if s == nil {
		s = embedded
	}
	if s.Watch != nil {
		s.Watch(test, age, statistic)
	}
	if statistic <= 0 {
		return 0
	}
	if levels := s.levels[test]; levels != nil {
		return known(age) * stat.Interpolate(levels[Stage(age)], statistic)
	}
	return statistic
}
