package simulate

import (
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// TestZone_local compares all zones with the time zone database around every change of 2026.
func TestZone_local(t *testing.T) {
	names := map[string]string{
		"US": "America/New_York", "CA": "America/Toronto", "BR": "America/Sao_Paulo", "GB": "Europe/London", "DE": "Europe/Berlin", "FR": "Europe/Paris",
		"NL": "Europe/Amsterdam", "SE": "Europe/Stockholm", "ES": "Europe/Madrid", "IN": "Asia/Kolkata", "JP": "Asia/Tokyo", "AU": "Australia/Sydney",
	}
	for country, z := range zones {
		location, err := time.LoadLocation(names[country])
		if err != nil {
			t.Skipf("this machine has no time zones to compare with: %v", err)
		}
		for at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(time.Hour) {
			const layout = "2006-01-02 15:04 Mon"
			if got, want := z.local(detectors.TimeOf(at)).Format(layout), at.In(location).Format(layout); got != want {
				t.Fatalf("%s at %v: %s, want %s", country, at, got, want)
			}
		}
	}
}

func TestHoliday(t *testing.T) {
	day := time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)
	if !holiday("DE", day) || holiday("FR", day) {
		t.Error("3 October is a holiday in Germany, not in France")
	}
	labor := time.Date(2026, 9, 7, 12, 0, 0, 0, time.UTC)
	if !holiday("US", labor) || holiday("US", labor.AddDate(1, 0, 0)) {
		t.Error("Labor Day of 2026 is 7 September, that of 2027 is not")
	}
	for _, home := range homes {
		if len(holidays[home]) == 0 {
			t.Errorf("no holidays in %s", home)
		}
	}
}

func TestShape(t *testing.T) {
	monday, sunday := time.Date(2026, 9, 21, 10, 0, 0, 0, time.UTC), time.Date(2026, 9, 20, 10, 0, 0, 0, time.UTC)
	for name, s := range map[string]*shape{"office": &officeHours, "waking": &wakingHours, "always": &alwaysBusy} {
		if s.at("DE", monday) <= s.at("DE", sunday) {
			t.Errorf("%s: a Sunday is as busy as a Monday", name)
		}
		if s.at("JP", monday) >= s.at("DE", monday) { // 21 September 2026 is Respect for the Aged Day
			t.Errorf("%s: a holiday is as busy as a working day", name)
		}
		sum := 0.0
		for hour := range 24 {
			sum += s.at("DE", monday.Truncate(24*time.Hour).Add(time.Duration(hour)*time.Hour))
		}
		if sum < .999 || sum > 1.001 {
			t.Errorf("%s: a working day weighs %v, want 1", name, sum)
		}
	}
}
