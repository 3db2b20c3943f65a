package accessgranted

import (
	"testing"

	"github.com/keywarden/keywarden/detectors/detectortest"
)

const operation = "microsoft.authorization/roleassignments/write"

func TestDetector(t *testing.T) {
	scenarios := append(detectortest.Deeds(operation, 17), detectortest.Administrator(operation, 7),
		detectortest.Scenario{Name: "a_role_on_the_resource_group", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			a := detectortest.Deed(detectortest.At(14, 3, 0), operation, "stranger", detectortest.Rented(0))
			a.Target = "/subscriptions/s/resourcegroups/g/providers/microsoft.authorization/roleassignments/r"
			s.Act(a)
		}})
	detectortest.Accept(t, Detector, scenarios...)
}
