package incident

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
)

func TestCertainty(t *testing.T) {
	seen := map[string]bool{}
	for kind := detectors.AccountKey; kind <= detectors.Operator; kind++ {
		text := certainty([]detectors.Principal{{Kind: kind}, {Kind: kind, ID: "another"}})
		if seen[text] || strings.Count(text, ".") != 1 || !strings.HasSuffix(text, ".") {
			t.Errorf("%v: %q, want one sentence of its own", kind, text)
		}
		seen[text] = true
	}
	got := certainty([]detectors.Principal{key, {Kind: detectors.ResourcePrincipal}, key})
	if !strings.HasPrefix(got, "One or several callers with one of the account's two keys") || !strings.Contains(got, ". The resource itself") {
		t.Errorf("of a key and its account: %q", got)
	}
}

func TestWhy(t *testing.T) {
	start := at("2026-03-09T08:00:00Z")
	country := detector("new-country", detectors.Place, detectors.High)
	network := detector("new-network", detectors.Place, detectors.Medium)
	volume := detector("volume-surge", detectors.Volume, detectors.High)
	images := detector("image-burst", detectors.Image, detectors.High)
	say := func(d *detectors.Detector, bits float64, after detectors.Time, hand detectors.Hand) saying {
		return saying{d, detectors.Finding{Bits: bits, Time: start + after, Hand: hand}}
	}
	check := detector("key-check", detectors.Errors, detectors.High)
	young := func(s saying) saying {
		s.Young = true
		return s
	}
	const anyhow, own, strange = detectors.AnyHand, detectors.OwnHand, detectors.StrangeHand
	for _, test := range []struct {
		name string
		said []saying
		want string
	}{
		{"info_is_what_is_not_low", []saying{say(volume, 5, 0, anyhow)}, "5.0 bits at 2026-03-09 08:00 UTC; low begins at 8: volume 5.0 (volume-surge)."},
		{"families_and_when", []saying{say(country, 9, 0, anyhow), say(network, 8, 0, anyhow), say(volume, 10, detectors.Minute, anyhow)},
			"18.9 bits at 2026-03-09 08:01 UTC, 1 min after the first finding; medium begins at 15: volume 10.0 (volume-surge), place 8.9 (new-country)."},
		{"what_is_over_does_not_change_it", []saying{say(country, 9, 0, anyhow), say(volume, 9, 0, anyhow), say(volume, 8, 20*detectors.Hour, anyhow), say(network, 5, 22*detectors.Hour, anyhow)},
			"18.0 bits at 2026-03-09 08:00 UTC; medium begins at 15: place 9.0 (new-country), volume 9.0 (volume-surge)."},
		{"what_has_faded_is_no_ground", []saying{say(country, 6, 0, anyhow), say(volume, 20, 23*detectors.Hour+50*detectors.Minute, anyhow), say(volume, 22, 47*detectors.Hour, anyhow)},
			"22.0 bits at 2026-03-11 07:00 UTC, 47 h after the first finding; medium begins at 15: volume 22.0 (volume-surge)."},
		{"one_hand_only", []saying{say(country, 12, 0, strange), say(volume, 9, 0, own)}, "12.0 bits at 2026-03-09 08:00 UTC; low begins at 8: place 12.0 (new-country)."},
		{"a_burst_of_images_counts_once", []saying{say(images, 12, 0, anyhow), say(volume, 9, 0, anyhow)}, "12.0 bits at 2026-03-09 08:00 UTC; low begins at 8: image 12.0 (image-burst)."},
		{"nothing_corroborates", []saying{say(volume, 16.5, 0, anyhow)},
			"16.5 bits at 2026-03-09 08:00 UTC; low begins at 8: volume 16.5 (volume-surge). It stays low: one sort of evidence alone makes no more."},
		{"too_young", []saying{young(say(country, 14, 0, anyhow)), young(say(volume, 20, 0, anyhow)), young(say(check, 12, 0, anyhow))},
			"46.0 bits at 2026-03-09 08:00 UTC; high begins at 28: volume 20.0 (volume-surge), place 14.0 (new-country), errors 12.0 (key-check). It stays high: too little is known yet of what is usual."},
		{"graver_before_higher", []saying{say(volume, 16.9, 0, anyhow), say(country, 9, 7*detectors.Hour, anyhow)},
			"16.5 bits at 2026-03-09 15:00 UTC, 7 h after the first finding; medium begins at 15: place 9.0 (new-country), volume 7.5 (volume-surge)."},
	} {
		t.Run(test.name, func(t *testing.T) {
			var e Episode
			for _, s := range test.said {
				e.Add(key, s.d, s.Finding)
			}
			if got := e.Incident().Why; got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	t.Run("an_operator", func(t *testing.T) {
		d := detector("operator", detectors.FanOut, detectors.High)
		j := Joint{Said: []Said{{d, detectors.Finding{Bits: 20, Time: start}}, {d, detectors.Finding{Bits: 50, Time: start + detectors.Hour}}, {d, detectors.Finding{Bits: 30, Time: start + detectors.Day}}}}
		want := "50.0 bits at 2026-03-09 09:00 UTC, an hour after the first finding; high begins at 28: fan-out 50.0 (operator). It stays high: one sort of evidence alone makes no more."
		if got := j.Incident().Why; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestHarmless(t *testing.T) {
	start := at("2026-03-09T08:00:00Z")
	benign := func(id string, rank int) string { return strings.TrimSuffix(texts[id].Benign[rank], ".") }
	incident := func(findings ...detectors.Finding) string {
		var e Episode
		for _, f := range findings {
			f.Time = start
			e.Add(key, &detectors.Detector{Description: *texts[f.Detector]}, f)
		}
		return e.Incident().Harmless
	}
	moscow := []detectors.Network{moscow}
	for _, test := range []struct {
		name string
		got  string
		want string
	}{
		{"each_that_carries_before_a_second_of_any", incident(
			detectors.Finding{Detector: "new-country", Bits: 9, Networks: moscow},
			detectors.Finding{Detector: "client-change", Bits: 8, Observed: detectors.Facts{"new": `with api-version "2023-05-15"`}, Networks: moscow},
			detectors.Finding{Detector: "new-network", Bits: 7, Networks: moscow}),
			benign("new-country", 0) + " (from 203.0.113.0/24, hosting, Russia). " + benign("client-change", 0) + ` (with api-version "2023-05-15"). ` + benign("new-country", 1) + "."},
		{"an_act_by_its_actor", incident(detectors.Finding{Detector: "key-listed", Bits: 9, Observed: detectors.Facts{"actor": "eve@example.com"}}),
			benign("key-listed", 0) + " (by eve@example.com). " + benign("key-listed", 1) + ". " + benign("key-listed", 2) + "."},
		{"a_network_is_named_once", incident(
			detectors.Finding{Detector: "residential-network", Bits: 9, Networks: moscow},
			detectors.Finding{Detector: "key-check", Bits: 8, Networks: moscow},
			detectors.Finding{Detector: "round-the-clock", Bits: 7, Networks: moscow}),
			benign("residential-network", 0) + " (from 203.0.113.0/24, hosting, Russia). " + benign("key-check", 0) + ". " + benign("round-the-clock", 0) + " (at 2026-03-09 08:00 UTC)."},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("%q, want %q", test.got, test.want)
			}
		})
	}
	t.Run("every_detector", func(t *testing.T) {
		for _, d := range all.Detectors() {
			f := detectors.Finding{Detector: d.ID, Bits: 9, Observed: detectors.Facts{"new": strings.Repeat("é", 500), "actor": strings.Repeat("é", 500)}, Networks: slices.Clone(moscow)}
			f.Networks[0].Organization = strings.Repeat("é", 500)
			if got := incident(f); !strings.HasPrefix(got, benign(d.ID, 0)+" (") || !strings.HasSuffix(got, ".") || utf8.RuneCountInString(got) > maxReason {
				t.Errorf("%s: %q", d.ID, got)
			}
		}
	})
}

// TestEarlierBuilds: what was stored without reasons is read, and nothing is made up for it.
func TestEarlierBuilds(t *testing.T) {
	var i Incident
	if err := i.UnmarshalDocument([]byte(`{"id":"2026-1","title":"T","findings":[],"evidence":[]}`)); err != nil || i.Title != "T" || i.Certainty+i.Why+i.Harmless != "" {
		t.Errorf("%+v, %v", i, err)
	}
	e := stolen()
	e.s.Worst = weighing{}
	data, err := e.AppendBinary(nil)
	if err != nil || strings.Contains(string(data), "worst") {
		t.Fatalf("%s, %v", data, err)
	}
	var again Episode
	if err := again.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	again.Add(key, detector("new-network", detectors.Place, detectors.Medium), detectors.Finding{Bits: 5, Time: at("2026-03-10T07:00:00Z")})
	if got := again.Incident(); got.Severity != detectors.Critical || got.Why != "" || got.Certainty == "" {
		t.Errorf("%v because of %q", got.Severity, got.Why)
	}
	e.s.Worst = weighing{Grounds: []ground{{Detector: "of-tomorrow", Bits: 9}}}
	if data, err = e.AppendBinary(nil); err != nil {
		t.Fatal(err)
	}
	if err := again.UnmarshalBinary(data); err == nil {
		t.Error("a ground of a detector that found nothing is taken")
	}
}
