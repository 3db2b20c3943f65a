package incident

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
)

func TestFusion(t *testing.T) {
	const start = 1000 * detectors.Day
	newCountry := detector("new-country", detectors.Place, detectors.High)
	newNetwork := detector("new-network", detectors.Place, detectors.High)
	volume := detector("volume-surge", detectors.Volume, detectors.High)
	modest := detector("modest", detectors.Volume, detectors.Medium)
	quiet := detector("quiet", detectors.Volume, detectors.Low)
	images := detector("image-burst", detectors.Image, detectors.High)
	keyCheck := detector("key-check", detectors.Errors, detectors.High)
	say := func(d *detectors.Detector, bits float64, after detectors.Time) saying {
		return saying{d, detectors.Finding{Bits: bits, Time: start + after}}
	}
	of := func(hand detectors.Hand, s saying) saying {
		s.Hand = hand
		return s
	}
	young := func(s saying) saying {
		s.Young = true
		return s
	}
	on := func(network string, s saying) saying {
		s.Networks = []detectors.Network{{Prefix: netip.MustParsePrefix(network)}}
		return s
	}
	const own, strange = detectors.OwnHand, detectors.StrangeHand
	tests := []struct {
		name     string
		said     []saying
		risk     float64
		severity detectors.Severity
	}{
		{"weak_alone", []saying{say(volume, 5, 0)}, 5, detectors.Info},
		{"one_family_is_low_at_most", []saying{say(volume, 16.5, 0)}, 16.5, detectors.Low},
		{"very_strong_alone", []saying{say(volume, 20, 0)}, 20, detectors.Medium},
		{"capped_by_its_family", []saying{say(volume, 300, 0)}, 24, detectors.Medium},
		{"a_place_is_not_strong_alone", []saying{say(newCountry, detectors.MostOfPlace, 0)}, 14, detectors.Low},
		{"an_exit_of_tor_is", []saying{say(newCountry, 18, 0)}, 18, detectors.Medium},
		{"and_it_may_come_late", []saying{say(volume, 4, 10*detectors.Minute), say(newCountry, 18, 0)}, 21.6, detectors.Medium},
		{"a_late_exit_alone", []saying{of(own, say(volume, 3, 20*detectors.Minute)), of(strange, say(newCountry, 18, 0))}, 17.3, detectors.Medium},
		{"the_owners_finding_does_not_hide_the_strangers", []saying{on("192.0.2.0/24", of(strange, say(newCountry, 10, 0))), of(own, say(newCountry, 11, detectors.Hour)),
			on("192.0.2.0/24", of(strange, say(volume, 9, 12*detectors.Hour)))}, 19, detectors.Medium},
		{"each_network_stays_as_strange_as_it_was", []saying{on("192.0.2.0/24", of(strange, say(newCountry, 11, 0))), on("198.51.100.0/24", of(strange, say(newCountry, 10, detectors.Hour))),
			on("198.51.100.0/24", of(strange, say(volume, 7, 12*detectors.Hour)))}, 17, detectors.Medium},
		{"of_many_networks_the_strangest_stay", []saying{on("192.0.2.0/24", of(strange, say(newCountry, 11, 0))), on("198.51.100.0/24", of(strange, say(newCountry, 4, 0))),
			on("203.0.113.0/24", of(strange, say(newCountry, 5, 0))), on("10.1.0.0/24", of(strange, say(newCountry, 6, 0))), on("10.2.0.0/24", of(strange, say(newCountry, 7, 0))),
			on("10.3.0.0/24", of(strange, say(newCountry, 8, 0))), on("192.0.2.0/24", of(strange, say(volume, 7, 18*detectors.Hour)))}, 18, detectors.Medium},
		{"alone_no_more_than_the_detector_may", []saying{say(quiet, 24, 0)}, 24, detectors.Low},
		{"alone_the_family_may_what_its_boldest_may", []saying{say(quiet, 24, 0), say(modest, 10, 0)}, 24, detectors.Medium},
		{"a_family_does_not_add_up", []saying{say(newCountry, 9, 0), say(newNetwork, 8, 0)}, 9, detectors.Low},
		{"repeats_do_not_add_up", []saying{say(volume, 12, 0), say(volume, 12, 0), say(volume, 12, 0)}, 12, detectors.Low},
		{"a_burst_of_images_is_one_of_requests", []saying{say(images, 12, 0), say(volume, 9, 0)}, 12, detectors.Low},
		{"of_images_and_requests_the_stronger_counts", []saying{say(images, 5, 0), say(volume, 9, 0), say(newCountry, 8, 0)}, 17, detectors.Medium},
		{"what_is_not_counted_does_not_decide", []saying{young(say(volume, 20, 0)), young(say(newCountry, 14, 0)), young(say(keyCheck, 12, 0)), say(images, 3, 0)}, 46, detectors.High},
		{"what_was_always_known_does", []saying{young(say(volume, 20, 0)), young(say(newCountry, 14, 0)), say(keyCheck, 12, 0)}, 46, detectors.Critical},
		{"two_families_add_up", []saying{say(newCountry, 9, 0), say(volume, 9, 0)}, 18, detectors.Medium},
		{"together_more_than_alone", []saying{say(newCountry, 14, 0), say(quiet, 14, 0)}, 28, detectors.High},
		{"three_families", []saying{say(newCountry, 14, 0), say(volume, 18, 0), say(keyCheck, 10, 0)}, 42, detectors.Critical},
		{"decays_by_half_in_six_hours", []saying{say(newCountry, 12, 0), say(volume, 8.5, 6*detectors.Hour)}, 14.5, detectors.Low},
		{"too_long_ago_to_corroborate", []saying{say(newCountry, 5, 0), say(volume, 16.5, 6*detectors.Hour)}, 19, detectors.Low},
		{"a_repeat_renews", []saying{say(newCountry, 12, 0), say(newCountry, 9, 6*detectors.Hour), say(volume, 9, 6*detectors.Hour)}, 18, detectors.Medium},
		{"a_weak_repeat_does_not_lower", []saying{say(newCountry, 12, 0), say(newCountry, 3, 0), say(volume, 9, 0)}, 21, detectors.Medium},
		{"never_falls_back", []saying{say(newCountry, 9, 0), say(volume, 9, 0), say(volume, 3, 23*detectors.Hour)}, 18, detectors.Medium},
		{"late_finding_counts_decayed", []saying{say(volume, 14, 6*detectors.Hour), say(newCountry, 10, 0)}, 19, detectors.Medium},
		{"two_hands_do_not_add_up", []saying{of(strange, say(newCountry, 9, 0)), of(own, say(volume, 9, 0))}, 9, detectors.Low},
		{"one_hand_adds_up", []saying{of(strange, say(newCountry, 9, 0)), of(strange, say(volume, 9, 0))}, 18, detectors.Medium},
		{"a_detector_tells_of_both_hands", []saying{of(own, say(volume, 10, 0)), of(strange, say(newCountry, 9, 0)), of(strange, say(volume, 8, 0))}, 17, detectors.Medium},
		{"an_act_speaks_for_either", []saying{of(strange, say(newCountry, 9, 0)), say(keyCheck, 9, 0), of(own, say(volume, 8, 0))}, 18, detectors.Medium},
		{"a_chain_is_of_one_hand", []saying{of(strange, say(keyCheck, 8, 0)), of(own, say(volume, 12, detectors.Hour))}, 12, detectors.Low},
		{"nor_does_an_earlier_stronger_one", []saying{of(strange, say(keyCheck, 9, 0)), of(strange, say(keyCheck, 8, 20*detectors.Hour)), of(own, say(keyCheck, 4, 21*detectors.Hour)),
			of(strange, say(volume, 14, 26*detectors.Hour))}, 22, detectors.Medium},
		{"the_owners_checks_hide_no_probe", []saying{of(own, say(keyCheck, 9, 0)), of(strange, say(keyCheck, 8, detectors.Hour)), of(own, say(keyCheck, 4, 2*detectors.Hour)),
			of(strange, say(volume, 10, 7*detectors.Hour))}, 18, detectors.Medium},
		{"probe_then_burst", []saying{say(keyCheck, 8, 0), say(volume, 10, 6*detectors.Hour)}, 18, detectors.Medium},
		{"probe_after_burst_is_no_chain", []saying{say(volume, 8, 0), say(keyCheck, 10, 6*detectors.Hour)}, 14, detectors.Low},
		{"the_last_probe_makes_the_chain", []saying{say(keyCheck, 8, 0), say(keyCheck, 4, 20*detectors.Hour), say(volume, 14, 26*detectors.Hour)}, 20, detectors.Medium},
		{"a_probe_too_long_ago_is_no_chain", []saying{say(keyCheck, 8, 0), say(newCountry, 3, 20*detectors.Hour), say(volume, 16, 32*detectors.Hour)}, 16.9, detectors.Low},
		{"a_faded_burst_does_not_corroborate", []saying{say(keyCheck, 8, 0), say(volume, 3.5, detectors.Hour), say(keyCheck, 16, 13*detectors.Hour)}, 17.8, detectors.Low},
		{"yesterdays_probe_corroborates", []saying{say(keyCheck, 8, 0), say(volume, 13.5, 18*detectors.Hour)}, 18.5, detectors.Medium},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var e Episode
			for _, s := range test.said {
				e.Add(key, s.d, s.Finding)
			}
			i := e.Incident()
			if i.Risk != test.risk || i.Severity != test.severity {
				t.Errorf("risk %v, %v; want %v, %v", i.Risk, i.Severity, test.risk, test.severity)
			}
		})
	}
}

func TestEverythingAtOnce(t *testing.T) {
	var e Episode
	e.Add(key, detector("key-check", detectors.Errors, detectors.High), detectors.Finding{Bits: 99, Time: 1})
	e.Add(key, detector("image-burst", detectors.Image, detectors.High), detectors.Finding{Bits: 99, Time: 2})
	for family := range detectors.Families {
		e.Add(key, detector(string(rune('a'+family)), detectors.Family(family), detectors.High), detectors.Finding{Bits: 99, Time: 2})
	}
	if i := e.Incident(); i.Risk != MaxRisk || i.Severity != detectors.Critical {
		t.Errorf("risk %v of %v, %v", i.Risk, MaxRisk, i.Severity)
	}
}

func TestChainsNameDetectors(t *testing.T) {
	known := []string{"new-country", "new-network", "image-burst", "volume-surge", "resale", "key-check", "model-enumeration", "key-auth-appears", "operator"}
	named := map[string]bool{}
	for _, id := range known {
		named[id] = true
	}
	for _, c := range chains {
		if !named[c.first] || !named[c.then] || c.bits <= 0 || c.bits > 4 {
			t.Errorf("chain %+v", c)
		}
	}
	for id := range deeds {
		if !named[id] {
			t.Errorf("deed of unknown detector %q", id)
		}
	}
}

func TestLadder(t *testing.T) {
	var got []detectors.Severity
	for _, risk := range []float64{3, 7.99, 8, 14.99, 15, 27.99, 28, 41.99, 42, MaxRisk} {
		got = append(got, grade(risk))
	}
	want := []detectors.Severity{
		detectors.Info, detectors.Info, detectors.Low, detectors.Low, detectors.Medium,
		detectors.Medium, detectors.High, detectors.High, detectors.Critical, detectors.Critical,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRiskBounds: no stream of findings exceeds the caps, makes risk or
// severity fall, or moves an id or an opening at medium and above.
func TestRiskBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e Episode
		var before *Incident
		for _, s := range drawSteps(t) {
			s.apply(&e)
			i := e.Incident()
			if i == nil {
				before = nil
				continue
			}
			if i.Risk > MaxRisk || i.Risk < 0 {
				t.Fatalf("risk %v", i.Risk)
			}
			if i.FirstSeen > i.OpenedAt || i.OpenedAt > i.LastSeen {
				t.Fatalf("seen %v to %v, opened at %v", i.FirstSeen, i.LastSeen, i.OpenedAt)
			}
			if before != nil && before.ID == i.ID {
				if i.Risk < before.Risk || i.Severity < before.Severity {
					t.Fatalf("fell from %v %v to %v %v", before.Risk, before.Severity, i.Risk, i.Severity)
				}
				if before.Severity >= detectors.Medium && i.OpenedAt != before.OpenedAt {
					t.Fatalf("opening moved from %v to %v", before.OpenedAt, i.OpenedAt)
				}
			}
			var sum float64
			for _, g := range e.s.Worst.Grounds {
				sum += g.Bits
			}
			if w := &e.s.Worst; w.Severity != i.Severity || w.Risk != min(sum, MaxRisk) || w.Risk > e.s.Risk || w.At > e.s.Latest {
				t.Fatalf("grounds %+v of an incident of %v, %v", w, e.s.Risk, i.Severity)
			}
			before = i
		}
	})
}
