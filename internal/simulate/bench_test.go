package simulate

import (
	"testing"
)

// BenchmarkGenerate measures calibration's run: 200 principals for 30 days.
func BenchmarkGenerate(b *testing.B) {
	for b.Loop() {
		truth, err := Generate(Options{Seed: 1, Days: 30, Principals: 200}, func(Delivery) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(truth.Calls), "calls")
		b.ReportMetric(float64(truth.Deliveries), "rows")
	}
}
