package detectors

import "math"

// Rhythm is how steadily a resource is called: what its silence is measured against.
type Rhythm struct {
	Longest Time // the longest pause between two calls, forgotten with half-life rhythmHalfLife
	At      Time // when that pause ended
	Heard   Time // the pulse of the log when the resource was last called
	Told    Time // how long the silence since then was by the latest Tick; 0 where there was none

	Voices [maxVoices]Voice // who called last, in no order
}

// Voice is a caller from one organisation's networks.
type Voice struct {
	ID   uint32 // a hash of both; 0 for nobody
	Last Time
}

const (
	maxVoices      = 8
	rhythmHalfLife = 30 * Day

	// steadyFor and steadyCalls are how long and how often a resource must have been
	// called before it is missed: a week has its weekend, and the pauses of every hour.
	steadyFor   = 7 * Day
	steadyCalls = 200

	// Silence is told of when it lasts so many times the longest pause, or that
	// long where the pauses are short, and again whenever it has doubled.
	patience     = 5
	leastSilence = 6 * Hour
	maxDoublings = 2

	// Who was heard so shortly before the last call fell silent with it.
	leastTogether = Hour
	mostTogether  = Day
)

// Hear has a resource's profile remember, before it learns the call, that a
// caller was heard at t while the pulse of the log stood there.
func (p *Profile) Hear(t Time, voice uint32, pulse Time) {
	r := &p.Rhythm
	if pause := t - p.Last; p.Last != 0 && pause > Minute && pause > r.longest(t) {
		r.Longest, r.At = pause, t
	}
	r.Heard, r.Told = pulse, 0
	oldest := 0
	for i := range r.Voices {
		if r.Voices[i].ID == voice {
			r.Voices[i].Last = max(r.Voices[i].Last, t)
			return
		}
		if r.Voices[i].Last < r.Voices[oldest].Last {
			oldest = i
		}
	}
	r.Voices[oldest] = Voice{voice, t}
}

// longest is the longest pause, as far as it is remembered at t.
func (r *Rhythm) longest(t Time) Time {
	return Time(float64(r.Longest) * math.Exp2(-float64(max(t-r.At, 0))/float64(rhythmHalfLife)))
}

// LongestPause is the longest pause between two calls of the resource until its latest.
func (p *Profile) LongestPause() Time { return p.Rhythm.longest(p.Last) }

// FellSilent is how many callers stopped together at the latest call, at most
// maxVoices: each is one principal from one organisation's networks.
func (p *Profile) FellSilent() int {
	window, n := min(max(leastTogether, p.LongestPause()), mostTogether), 0
	for _, v := range p.Rhythm.Voices {
		if v.ID != 0 && v.Last > p.Last-window {
			n++
		}
	}
	return n
}

// Patience is how long the resource may be silent before that is remarkable.
func (p *Profile) Patience() Time { return max(leastSilence, patience*p.LongestPause()) }

// Awaited is the next Tick about the resource and the pulse of the log at which
// it is due: a silence that lasts, or a diagnostic setting that stays deleted.
// Both are 0 where nothing is awaited.
func (p *Profile) Awaited() (tick Tick, due Time) {
	if wait := p.awaits(); wait != 0 {
		tick, due = Tick(p.Last+wait), p.Rhythm.Heard+wait
	}
	if cut := p.Cut; cut.Time != 0 && (due == 0 || cut.Heard+Replaced < due) {
		tick, due = Tick(cut.Time+Replaced), cut.Heard+Replaced
	}
	return tick, due
}

// awaits is how long the silence of the resource must last for the next Tick
// about it; 0 where it was never steady, or enough was told.
func (p *Profile) awaits() Time {
	if p.Last-p.First < steadyFor || p.Calls < steadyCalls {
		return 0
	}
	first := p.Patience()
	if p.Rhythm.Told == 0 {
		return first
	}
	if next := 2 * p.Rhythm.Told; next <= first<<maxDoublings {
		return next
	}
	return 0
}
