package atlas

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestDistance(t *testing.T) {
	for pair, want := range map[[2]string][2]float64{
		{"DE", "JP"}: {6500, 9500},
		{"DE", "NL"}: {0, 0},
		{"US", "CA"}: {0, 0},
		{"DE", "ZZ"}: {0, 0},
		{"DE", "DE"}: {0, 0},
		{"BR", "GB"}: {5500, 9500},
	} {
		a, b := detectors.Country{pair[0][0], pair[0][1]}, detectors.Country{pair[1][0], pair[1][1]}
		if km := Distance(a, b); km < want[0] || km > want[1] || km != Distance(b, a) {
			t.Errorf("from %s to %s are %.0f km, back %.0f, want %v", a, b, km, Distance(b, a), want)
		}
	}
}

func TestAdjacent(t *testing.T) {
	for pair, want := range map[string]bool{"USCA": true, "CAUS": true, "USMX": true, "USRU": false, "CNJP": false, "AUNZ": true, "IEGB": true, "NLDE": true, "DEDE": false, "ZZDE": false} {
		if got := Adjacent(detectors.Country{pair[0], pair[1]}, detectors.Country{pair[2], pair[3]}); got != want {
			t.Errorf("%s: %t, want %t", pair, got, want)
		}
	}
}

func TestNeighbour(t *testing.T) {
	var p detectors.Profile
	for hour := range detectors.Time(48) {
		p.Learn(&detectors.Call{Time: 20000*detectors.Day + hour*detectors.Hour, From: detectors.Network{Country: detectors.Country{'D', 'E'}}}, false)
	}
	now := 20002 * detectors.Day
	for country, want := range map[string]bool{"NL": true, "PL": true, "RU": false, "DE": false, "PK": false, "US": false, "ZZ": false} {
		if got := Neighbour(&p, detectors.Country{country[0], country[1]}, now); got != want {
			t.Errorf("%s is next to DE: %t, want %t", country, got, want)
		}
	}
	if Neighbour(&p, detectors.Country{'N', 'L'}, 20000*detectors.Day+detectors.Hour) {
		t.Error("a country that is known for an hour has neighbours")
	}
}
