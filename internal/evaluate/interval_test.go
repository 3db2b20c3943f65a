package evaluate

import (
	"math"
	"testing"
)

// TestWilsonInterval holds it to published values.
func TestWilsonInterval(t *testing.T) {
	for _, test := range []struct {
		k, n      int
		low, high float64
	}{
		{0, 0, 0, 1},
		{0, 10, 0, 0.2775},
		{10, 10, 0.7225, 1},
		{5, 10, 0.2366, 0.7634},
		{81, 263, 0.2553, 0.3662}, // Newcombe 1998
		{15, 148, 0.0624, 0.1605}, // Newcombe 1998
		{0, 20, 0, 0.1611},        // Newcombe 1998
		{1, 29, 0.0061, 0.1718},   // Newcombe 1998
	} {
		got := WilsonInterval(test.k, test.n)
		if math.Abs(got.Low-test.low) > 5e-5 || math.Abs(got.High-test.high) > 5e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", test.k, test.n, got.Low, got.High, test.low, test.high)
		}
		if test.n > 0 && got.Estimate != float64(test.k)/float64(test.n) {
			t.Errorf("%d of %d: estimate %v", test.k, test.n, got.Estimate)
		}
	}
}

// TestPoissonInterval holds it to the exact limits of Garwood's table.
func TestPoissonInterval(t *testing.T) {
	for _, test := range []struct {
		k         int
		low, high float64
	}{
		{0, 0, 3.6889}, {1, 0.0253, 5.5716}, {5, 1.6235, 11.6683}, {10, 4.7954, 18.3904}, {50, 37.1110, 65.9189}, {100, 81.3640, 121.6272},
	} {
		got := PoissonInterval(test.k, 1)
		if math.Abs(got.Low-test.low) > 5e-4 || math.Abs(got.High-test.high) > 5e-4 {
			t.Errorf("%d: %.4f to %.4f, want %.4f to %.4f", test.k, got.Low, got.High, test.low, test.high)
		}
		if per := PoissonInterval(test.k, 4); math.Abs(per.High-got.High/4) > 1e-9 || per.Estimate != float64(test.k)/4 {
			t.Errorf("%d in 4: %+v", test.k, per)
		}
	}
	if got := PoissonInterval(0, 0); got.Estimate != 0 || !math.IsInf(got.High, 1) {
		t.Errorf("of no exposure: %+v", got)
	}
}
