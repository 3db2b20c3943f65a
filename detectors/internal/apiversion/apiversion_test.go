package apiversion

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func with(t detectors.Time, version string) *detectors.Call {
	c := detectortest.Chat(t, detectortest.Office)
	c.Client.APIVersion = version
	return &c
}

func TestStale(t *testing.T) {
	for version, want := range map[string]bool{
		"2023-05-15-preview": true, "2023-05-15": false, "2025-04-01-preview": false, "2023-preview": false, "preview": false, "v1-preview-2023": false, "": false,
	} {
		if got := Stale(with(detectortest.At(0, 0, 0), version)); got != want {
			t.Errorf("%q: %t, want %t", version, got, want)
		}
	}
}

func TestOlder(t *testing.T) {
	var p detectors.Profile
	p.Learn(with(detectortest.At(0, 9, 0), "2024-10-21"), false)
	p.Learn(with(detectortest.At(0, 9, 1), "2024-02-01"), false)
	p.Learn(with(detectortest.At(1, 8, 0), "2025-04-01-preview"), false)
	for version, want := range map[string]bool{
		"2023-12-01-preview": true, "2024-04-24": true, "2024-04-25": false, "2024-08-06": false, "2025-06-01": false, "latest": false, "": false,
	} {
		if got := Older(&p, with(detectortest.At(1, 9, 2), version)); got != want {
			t.Errorf("%q: %t, want %t", version, got, want)
		}
	}
	if Older(&p, with(detectortest.At(0, 20, 0), "2023-12-01-preview")) {
		t.Error("an older version on the first day, of which nothing is known")
	}
}
