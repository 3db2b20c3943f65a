package imageburst

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "first_images_are_hundreds", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(6, func() {
				s.Burst(detectortest.Image(detectortest.At(14, 2, 0), detectortest.Rented(0)), 300, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "studio_is_drained_from_elsewhere", Below: 3, Play: func(s *detectortest.Script) {
			studio(s, 14)
			s.Fires(3.5, func() {
				s.Burst(detectortest.Image(detectortest.At(14, 2, 0), detectortest.Rented(0)), 120, detectors.Hour)
			})
		}},
		detectortest.Scenario{Name: "marketing_day_with_three_times_the_images", Below: 5, Play: func(s *detectortest.Script) {
			studio(s, 14)
			s.Burst(detectortest.Image(detectortest.At(14, 10, 0), detectortest.Office), 240, 2*detectors.Hour)
		}},
		detectortest.Scenario{Name: "one_picture_is_tried", Below: 5, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(detectortest.Image(detectortest.At(14, 9, 0), detectortest.Office))
		}},
		detectortest.Scenario{Name: "images_that_are_refused", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			refused := detectortest.Image(detectortest.At(14, 9, 0), detectortest.Office)
			refused.Status = 429
			s.Burst(refused, 300, detectors.Hour)
		}},
	)
}

// studio plays working days with 40 images in each of four hours.
func studio(s *detectortest.Script, days int) {
	for day := range days {
		if day%7 < 5 {
			s.Burst(detectortest.Image(detectortest.At(day, 9, 0), detectortest.Office), 160, 4*detectors.Hour)
		}
	}
}
