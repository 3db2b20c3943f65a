// Package peers has the detections that others publish for Azure OpenAI, and
// those that teams write by hand, as rules that are judged beside ours.
//
// They are restated from their public descriptions, not copied. Where a vendor
// runs a query every ten minutes, here it fires with the event that fulfils
// its condition; what Azure delivers twice has been dropped before, and an
// alarm is merged with the one of the day before on the same subject. All three
// are in the rules' favour. Defender for AI services has no rule here but one:
// its thresholds are not published.
package peers

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
)

// Groups of rules.
const (
	Vendor      = "vendor"
	HandWritten = "hand-written"
)

// Rules are all, those of vendors first.
func Rules() []evaluate.Rule { return slices.Concat(vendors, handWritten) }

// calls makes a rule of a judgement of calls alone.
func calls(judge func(*detectors.Call) bool) func(detectors.Event) bool {
	return func(e detectors.Event) bool {
		c, ok := e.(*detectors.Call)
		return ok && judge(c)
	}
}

// listings makes a rule of a judgement of acts that list an account's keys.
func listings(judge func(*detectors.Act) bool) func(detectors.Event) bool {
	return func(e detectors.Event) bool {
		a, ok := e.(*detectors.Act)
		return ok && a.Succeeded && strings.HasSuffix(a.Operation, "/listkeys/action") && judge(a)
	}
}

// bucket counts in windows of a fixed length that follow one another, as a
// query that groups by time does. What comes for an earlier window is left out.
type bucket struct {
	length detectors.Time
	number detectors.Time
	calls  int
	some   int // that the rule looks for
	bytes  int64
}

// at is the bucket of t, emptied where another has begun; nil where t is in one before.
func (b *bucket) at(t detectors.Time) *bucket {
	switch number := t / b.length; {
	case number < b.number:
		return nil
	case number > b.number:
		*b = bucket{length: b.length, number: number}
	}
	return b
}

// recent is values with the time that they were met last.
type recent[K comparable] map[K]detectors.Time

// meet notes a value and returns when it was met before, and whether it ever was.
func (r recent[K]) meet(k K, t detectors.Time) (before detectors.Time, met bool) {
	before, met = r[k]
	r[k] = max(before, t)
	return before, met
}

// since is how many values were met after t; older ones are forgotten.
func (r recent[K]) since(t detectors.Time) int {
	for k, at := range r {
		if at <= t {
			delete(r, k)
		}
	}
	return len(r)
}

// caller is who does something from where.
type caller struct {
	object string
	from   netip.Addr
}
