package evaluate_test

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
)

// heldOut is a seed that the scale was not made of.
const heldOut = 424242

func config(t *testing.T) engine.Config {
	t.Helper()
	tables, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return engine.Config{Detectors: all.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices()}
}

// TestPromise holds every detector to what its bits mean, on benign life that
// the scale was not made of: a finding of b bits or more on at most 2^-b of the
// principal-days. Twice as many are allowed, for the error of the sample.
func TestPromise(t *testing.T) {
	days, err := evaluate.Measure(config(t), detectors.Embedded(), simulate.Options{Seed: heldOut, Principals: heldPrincipals, Days: 30})
	if err != nil {
		t.Fatal(err)
	}
	if days.Count() < 20*heldPrincipals {
		t.Fatalf("%d principal-days: too few to prove anything", days.Count())
	}
	for _, d := range all.Detectors() {
		t.Run(d.ID, func(t *testing.T) {
			for b := 3; b <= 9; b++ {
				most := 2 * float64(days.Count()) * math.Exp2(-float64(b))
				if n := days.With(d.ID, float64(b)); float64(n) > most {
					t.Errorf("%d of %d principal-days have a finding of %d bits or more, want at most %.0f", n, days.Count(), b, most)
				}
			}
			t.Logf("findings of 3, 6 and 9 bits on %d, %d and %d of %d principal-days", days.With(d.ID, 3), days.With(d.ID, 6), days.With(d.ID, 9), days.Count())
		})
	}
}

// TestScale tells whether the embedded scale was made of what the detectors measure today.
func TestScale(t *testing.T) {
	days, err := evaluate.Measure(config(t), new(detectors.Scale), evaluate.Sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(days.Tests()) == 0 {
		t.Fatal("no test was watched")
	}
	for _, test := range days.Tests() {
		if !slices.Contains(detectors.Embedded().Tests(), test) {
			t.Errorf("test %q is not in the scale: run make calibrate", test)
		}
	}
	table, err := os.ReadFile("../../detectors/scale_table.go")
	if err != nil {
		t.Fatal(err)
	}
	if want := days.Fingerprint(); !strings.Contains(string(table), want) {
		t.Errorf("the scale is stale: its sample's fingerprint is %s today: run make calibrate", want)
	}
}

func TestMeasure_is_reproducible(t *testing.T) {
	options := simulate.Options{Seed: 5, Principals: 10, Days: 8}
	var levels [2]map[string]*[detectors.Stages][]float64
	for i := range levels {
		days, err := evaluate.Measure(config(t), new(detectors.Scale), options)
		if err != nil {
			t.Fatal(err)
		}
		levels[i] = days.Levels()
	}
	if d := cmp.Diff(levels[0], levels[1]); d != "" {
		t.Errorf("the second measurement differs:\n%s", d)
	}
	for test, stages := range levels[0] {
		for s, values := range stages {
			for i := range values[min(1, len(values)):] {
				if values[i+1] < values[i] {
					t.Errorf("%s, stage %d: levels %v fall", test, s, values)
				}
			}
		}
	}
}
