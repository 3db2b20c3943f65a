package simulate

import (
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// TestRhythms: a principal calls when its rhythm says so, and then as often.
func TestRhythms(t *testing.T) {
	const perDay = 144
	burst := make(Rhythm, 4*perDay)
	for day := range 4 {
		burst[day*perDay+60] = 90
	}
	late := make(Rhythm, 4*perDay)
	late[3*perDay+6] = 40
	only := map[string]float64{}
	for _, name := range Archetypes() {
		only[name] = 0
	}
	only["backend"] = 1
	o := Options{Seed: 3, Start: time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC), Days: 4, Principals: 20, Churn: -1, Duplicates: -1, TwinShare: -1, Mix: only, Rhythms: []Rhythm{burst, late}}
	calls := map[detectors.Principal]map[detectors.Time]int{}
	truth := run(t, o, func(d *Delivery) {
		if who, ok := principalOf(&d.Fragment); ok && d.Fragment.Correlation != ([16]byte{}) {
			if calls[who] == nil {
				calls[who] = map[detectors.Time]int{}
			}
			calls[who][(d.Fragment.Call.Time-o.start())/window]++
		}
	})
	checked := 0
	for i, p := range truth.Principals {
		got := calls[p.Principal]
		if p.Principal.Kind != detectors.AccountKey {
			continue
		}
		checked++
		sum, outside := 0, 0
		for at, n := range got {
			if sum += n; o.Rhythms[i%2].at(0, at*window) == 0 && o.Rhythms[i%2].at(0, (at-1)*window) == 0 {
				outside += n
			}
		}
		if want := []int{4 * 90, 40}[i%2]; sum < want || sum > want*11/10 || outside > 0 { // retries come on top
			t.Errorf("principal %d: %d calls, %d of them out of rhythm, want %d and a few retries", i+1, sum, outside, want)
		}
	}
	if checked < 4 {
		t.Fatalf("%d principals were checked", checked)
	}
}

func TestRhythms_choose_victims_that_are_in_use(t *testing.T) {
	always, never := make(Rhythm, 6*144), make(Rhythm, 6*144)
	for i := range always {
		always[i] = 1
	}
	o := Options{Days: 6, Principals: 20, Rhythms: []Rhythm{never, always}}
	for seed := range 6 {
		o.Seed = uint64(seed)
		o.Campaigns = []Campaign{{Kind: "smash", Day: 5}, {Kind: "tor", Day: 5}}
		truth := run(t, o, func(*Delivery) {})
		for _, c := range truth.Campaigns {
			for i, p := range truth.Principals {
				if p.Principal == c.Principals[0] && i%2 == 0 {
					t.Errorf("seed %d: %s attacks principal %d, which nobody uses", seed, c.ID, i+1)
				}
			}
		}
	}
}
