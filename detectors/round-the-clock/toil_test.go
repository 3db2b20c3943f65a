package roundtheclock

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestToil_learns_no_day_of_an_open_incident(t *testing.T) {
	for name, guarded := range map[string]bool{"open": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			call := long(detectortest.At(1, 10, 0))
			own := toil{Day: int64(call.Time/detectors.Day) - 1, Today: 90_000}
			own.add(&detectors.Profile{Guarded: guarded}, &call)
			if learned := own.Busiest.Max > 0; learned == guarded || own.Today != 12_000 {
				t.Errorf("busiest day %.0f, today %.0f", own.Busiest.Max, own.Today)
			}
		})
	}
}

// TestToil_rests_a_day_at_most: a weekend's calls do not add up to a night's.
func TestToil_rests_a_day_at_most(t *testing.T) {
	call := long(detectortest.At(1, 10, 0))
	hour := int64(call.Time / detectors.Hour)
	for since, want := range map[int64]float64{hour - 23: 112_000, hour - 24: 12_000} {
		own := toil{Day: hour / 24, Hour: hour - 1, Resting: true, Since: since, AtRest: 100_000, Most: 50_000}
		own.add(&detectors.Profile{}, &call)
		if own.AtRest != want {
			t.Errorf("at rest since %d hours: %.0f tokens, want %.0f", hour-since, own.AtRest, want)
		}
	}
}
