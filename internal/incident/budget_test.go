package incident

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

// TestBudget holds the ladder to what it costs at worst, in a model of days on
// which all detectors are as loud as their promise allows: more than the budget
// of 0.1 where two families always speak together. They are quieter (docs/evaluation.md).
func TestBudget(t *testing.T) {
	tests := []struct {
		name         string
		lockstep     detectors.Family // repeats what Place says; Place itself: none does
		medium, high float64          // incidents a principal-month at most
	}{
		{"independent_families", detectors.Place, 0.08, 0.001},
		{"two_families_in_lockstep", detectors.FanOut, 0.4, 0.006},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			const days = 100_000
			var medium, high, low float64
			for _, severity := range benignLife(days, test.lockstep) {
				switch {
				case severity >= detectors.High:
					high += 30.0 / days
					fallthrough
				case severity >= detectors.Medium:
					medium += 30.0 / days
				case severity == detectors.Low:
					low += 30.0 / days
				}
			}
			if medium > test.medium || high > test.high {
				t.Errorf("%.4f medium and above, %.4f high and above a month, want at most %g and %g", medium, high, test.medium, test.high)
			}
			if low < 1 {
				t.Errorf("%.2f low a month: the days are too quiet to prove anything", low)
			}
		})
	}
}

// benignLife is the severities, by id, of the incidents of one benign principal
// whose detectors are as loud as their promise allows: of each family, a
// finding of b bits or more on 2^-b of the days, at any hour.
func benignLife(days int, lockstep detectors.Family) map[string]detectors.Severity {
	var all [detectors.Families]*detectors.Detector
	for i := range all {
		all[i] = detector(string(rune('a'+i)), detectors.Family(i), detectors.Critical)
	}
	random := rand.New(rand.NewPCG(1, 2))
	severities := map[string]detectors.Severity{}
	var e Episode
	for day := range days {
		var said []saying
		for _, d := range all {
			if d.Family == lockstep && lockstep != detectors.Place {
				continue
			}
			at := detectors.Time(day)*detectors.Day + detectors.Time(random.Int64N(int64(detectors.Day)))
			f := detectors.Finding{Bits: -math.Log2(1 - random.Float64()), Time: at}
			said = append(said, saying{d, f})
			if d.Family == detectors.Place && lockstep != detectors.Place {
				said = append(said, saying{all[lockstep], f})
			}
		}
		slices.SortStableFunc(said, func(a, b saying) int { return int(a.Time - b.Time) })
		for _, s := range said {
			e.Add(key, s.d, s.Finding)
		}
		for _, i := range e.Take() {
			severities[i.ID] = i.Severity
		}
	}
	return severities
}

type saying struct {
	d *detectors.Detector
	detectors.Finding
}
