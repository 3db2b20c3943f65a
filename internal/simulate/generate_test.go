package simulate

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// digest is a hash of all that a delivery says.
func digest(t *testing.T, d *Delivery) uint64 {
	t.Helper()
	row, err := azurelog.Append(nil, &d.Fragment, azurelog.Style{})
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64a()
	h.Write(row)
	return mix(h.Sum64()+uint64(d.At)) + mix(d.Message+uint64(d.Partition))
}

// run generates, and fails the test where that fails.
func run(t *testing.T, o Options, deliver func(d *Delivery)) Truth {
	t.Helper()
	truth, err := Generate(o, func(d Delivery) error {
		deliver(&d)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

func TestGenerate_is_reproducible(t *testing.T) {
	o := Options{Seed: 7, Days: 3, Principals: 10, Campaigns: []Campaign{{Kind: "storm", Strength: Slow}, {Kind: "theft-by-listkeys", Day: 2}}}
	whole := func(o Options) (sum [8]byte, rows int) {
		h := fnv.New64a()
		run(t, o, func(d *Delivery) {
			rows++
			h.Write(binary.LittleEndian.AppendUint64(nil, digest(t, d)))
		})
		return [8]byte(h.Sum(nil)), rows
	}
	first, rows := whole(o)
	again, _ := whole(o)
	if rows < 1000 {
		t.Fatalf("%d rows: too few to compare", rows)
	}
	if first != again {
		t.Error("the same options gave other deliveries")
	}
	o.Seed++
	if other, _ := whole(o); other == first {
		t.Error("another seed gave the same deliveries")
	}
}

// lives are digests of each principal's own benign rows.
func lives(t *testing.T, o Options) map[detectors.Principal]uint64 {
	t.Helper()
	sums := map[detectors.Principal]uint64{}
	run(t, o, func(d *Delivery) {
		if who, ok := principalOf(&d.Fragment); ok && d.Campaign < 0 {
			sums[who] = mix(sums[who]) + digest(t, d)
		}
	})
	return sums
}

// principalOf is who made the call of a row that carries identity.
func principalOf(f *azurelog.Fragment) (detectors.Principal, bool) {
	switch {
	case f.Act != nil || f.NearEmpty:
		return detectors.Principal{}, false
	case f.ObjectID != "":
		return detectors.Principal{Kind: detectors.EntraObject, ID: f.ObjectID, Resource: f.Resource}, true
	case f.Subscription != "":
		return detectors.Principal{Kind: detectors.APIMSubscription, ID: f.Subscription, Resource: f.Resource}, true
	case f.Category == azurelog.RequestResponse:
		return detectors.Principal{Kind: detectors.AccountKey, ID: f.Resource, Resource: f.Resource}, true
	}
	return detectors.Principal{}, false
}

func TestGenerate_principals_are_independent(t *testing.T) {
	o := Options{Seed: 3, Days: 6, Principals: 25}
	before := lives(t, o)
	if len(before) < 20 {
		t.Fatalf("%d principals: too few to compare", len(before))
	}
	t.Run("of_further_principals", func(t *testing.T) {
		more := o
		more.Principals = 37
		after := lives(t, more)
		for who, sum := range before {
			if after[who] != sum {
				t.Errorf("%v changed", who)
			}
		}
		if len(after) <= len(before) {
			t.Error("no principal was added")
		}
	})
	t.Run("of_campaigns", func(t *testing.T) {
		attacked := o
		for _, kind := range Kinds() {
			if !slices.Contains([]string{"logging-cut", "blackout", "muted"}, kind) { // they silence the benign life of their victims too
				attacked.Campaigns = append(attacked.Campaigns, Campaign{Kind: kind, Strength: Slow, Day: 3})
			}
		}
		for who, sum := range lives(t, attacked) {
			if before[who] != sum {
				t.Errorf("%v changed", who)
			}
		}
	})
	t.Run("campaigns_of_campaigns", func(t *testing.T) {
		one := o
		one.Campaigns = []Campaign{{Kind: "storm", Strength: Slow, Day: 2}}
		two := o
		two.Campaigns = append(slices.Clone(one.Campaigns), Campaign{Kind: "resale", Strength: Slow, Day: 1})
		alone, beside := run(t, one, func(*Delivery) {}).Campaigns[0], run(t, two, func(*Delivery) {}).Campaigns[0]
		if fmt.Sprint(alone) != fmt.Sprint(beside) {
			t.Errorf("a further campaign changed\n%v to\n%v", alone, beside)
		}
	})
}

func TestGenerate_truth_is_what_was_delivered(t *testing.T) {
	o := Options{Seed: 11, Days: 6, Principals: 60, Campaigns: AllCampaigns(6)}
	for _, strength := range strengths[1:] {
		for i := range o.Campaigns {
			o.Campaigns[i].Strength = strength
		}
		t.Run(string(strength), func(t *testing.T) { checkTruth(t, o) })
	}
}

func checkTruth(t *testing.T, o Options) {
	type seen struct {
		calls       map[azurelog.Correlation]bool
		acts        map[string]bool // by correlation and resource: those of the Audit log have no correlation
		first, last detectors.Time
		who, echoes map[detectors.Principal]bool
	}
	campaigns := make([]seen, len(o.Campaigns))
	for i := range campaigns {
		campaigns[i] = seen{map[azurelog.Correlation]bool{}, map[string]bool{}, 1 << 62, 0, map[detectors.Principal]bool{}, map[detectors.Principal]bool{}}
	}
	truth := run(t, o, func(d *Delivery) {
		if d.Campaign < 0 {
			return
		}
		s := &campaigns[d.Campaign]
		at := d.Fragment.Call.Time
		if d.Fragment.Act != nil {
			s.acts[fmt.Sprint(d.Fragment.Correlation, d.Fragment.Resource)] = true
			at = d.Fragment.Act.Time
		} else if strings.HasSuffix(d.Fragment.Resource, "-gw") {
			if who, ok := principalOf(&d.Fragment); ok {
				s.echoes[who] = true
			}
			return // a gateway's backend tells of the same call
		} else if who, ok := principalOf(&d.Fragment); ok {
			s.calls[d.Fragment.Correlation] = true
			s.who[who] = true
		} else if d.Fragment.NearEmpty {
			s.calls[d.Fragment.Correlation] = true
		} else {
			return
		}
		s.first, s.last = min(s.first, at), max(s.last, at)
	})
	if len(truth.Campaigns) != len(campaignKinds) {
		t.Fatalf("%d campaigns in the truth, want %d", len(truth.Campaigns), len(campaignKinds))
	}
	for i, c := range truth.Campaigns {
		s := &campaigns[i]
		if c.Kind == "muted" {
			if c.Acts != 1 || c.Unlogged == 0 || len(s.calls)+len(s.acts) > 0 {
				t.Errorf("%s: the truth has %d acts and %d calls in no log, delivered were %d acts and %d calls", c.ID, c.Acts, c.Unlogged, len(s.acts), len(s.calls))
			}
			continue
		}
		if c.Calls+c.Acts == 0 || c.Calls != len(s.calls) {
			t.Errorf("%s: the truth has %d calls, delivered were %d", c.ID, c.Calls, len(s.calls))
		}
		if c.Acts != len(s.acts) {
			t.Errorf("%s: the truth has %d acts, delivered were %d", c.ID, c.Acts, len(s.acts))
		}
		if c.FirstCall != s.first || c.Unlogged == 0 && c.LastCall != s.last {
			t.Errorf("%s: the truth is from %v to %v, delivered was %v to %v", c.ID, c.FirstCall, c.LastCall, s.first, s.last)
		}
		for who := range s.who {
			if !slices.Contains(c.Principals, who) {
				t.Errorf("%s: calls of %v, who is not in the truth", c.ID, who)
			}
		}
		if len(s.echoes) != len(c.Echoes) || slices.ContainsFunc(c.Echoes, func(who detectors.Principal) bool { return !s.echoes[who] }) {
			t.Errorf("%s: echoes of %v, the truth has %v", c.ID, s.echoes, c.Echoes)
		}
	}
}

func TestGenerate_options(t *testing.T) {
	for name, test := range map[string]struct {
		o    Options
		says string
	}{
		"days":       {Options{Days: 1000}, "simulate: 1000 days: choose 1 to 400"},
		"principals": {Options{Principals: -1}, "simulate: -1 principals: choose 1 to 10000"},
		"churn":      {Options{Churn: 50}, "simulate: churn 50: choose 0 to 20"},
		"delay":      {Options{DelayMin: time.Hour, DelayMax: time.Minute}, "simulate: delay from 1h0m0s to 1m0s: choose an ascending range up to 1h0m0s"},
		"lateness":   {Options{LateMax: time.Second}, "simulate: rows later by up to 1s: choose one minute to 1h0m0s"},
		"late":       {Options{Days: 3, Campaigns: []Campaign{{Kind: "storm", Day: 4}}}, "simulate: campaign storm on day 4: the run has 3 days: choose an earlier day or a longer run"},
		"target":     {Options{Principals: 3, Campaigns: []Campaign{{Kind: "storm", Target: 4}}}, "simulate: campaign storm: no principal has the number 4: there are 1 to 3"},
		"gateway":    {Options{Campaigns: []Campaign{{Kind: "logging-cut", Target: 3}}}, "simulate: campaign logging-cut: principal 3 is a gateway's, and this happens to an account: name another target"},
		"strength":   {Options{Campaigns: []Campaign{{Kind: "storm", Strength: "hard"}}}, `simulate: campaign storm: no strength is called "hard": there are smash, normal and slow`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Generate(test.o, func(Delivery) error { return nil })
			if err == nil || err.Error() != test.says {
				t.Errorf("says %v, want %q", err, test.says)
			}
		})
	}
}

func TestGenerate_every_target(t *testing.T) {
	for target := 1; target <= perCompany*2; target += 3 { // of both companies, and of every kind
		truth := run(t, Options{Days: 1, Principals: perCompany * 2, Campaigns: []Campaign{{Kind: "sustained", Target: target, Day: 1}}}, func(*Delivery) {})
		if c := truth.Campaigns[0]; c.Calls < 100 || c.Principals[0] != truth.Principals[target-1].Principal {
			t.Errorf("target %d: %d calls on %v", target, c.Calls, c.Principals)
		}
	}
}

// TestGenerate_any_options: whatever is asked for, rows come in order, after
// they were logged and not before the run, and the truth counts them.
func TestGenerate_any_options(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{
			Seed:       rapid.Uint64().Draw(rt, "seed"),
			Start:      time.Date(rapid.IntRange(2024, 2028).Draw(rt, "year"), 1, rapid.IntRange(1, 366).Draw(rt, "day"), 0, 0, 0, 0, time.UTC),
			Days:       rapid.IntRange(1, 2).Draw(rt, "days"),
			Principals: rapid.IntRange(1, 25).Draw(rt, "principals"),
			Churn:      rapid.Float64Range(-1, maxChurn).Draw(rt, "churn"),
			Partitions: rapid.IntRange(1, 40).Draw(rt, "partitions"),
			DelayMin:   time.Duration(rapid.IntRange(0, 60).Draw(rt, "delay")) * time.Minute,
		}
		for range rapid.IntRange(0, 2).Draw(rt, "campaigns") {
			o.Campaigns = append(o.Campaigns, Campaign{
				Kind:     rapid.SampledFrom(Kinds()).Draw(rt, "kind"),
				Strength: rapid.SampledFrom(strengths[1:]).Draw(rt, "strength"),
				Target:   1 + perCompany*rapid.IntRange(0, (o.Principals-1)/perCompany).Draw(rt, "company"), // the first has an account
				Day:      rapid.IntRange(1, o.Days).Draw(rt, "first day"),
			})
		}
		rows, last := 0, detectors.TimeOf(o.Start)
		truth, err := Generate(o, func(d Delivery) error {
			if rows++; d.At < last || d.At < d.Fragment.Logged || d.Partition >= o.Partitions {
				rt.Fatalf("delivered at %v after %v, in partition %d: %+v", d.At, last, d.Partition, d.Fragment)
			}
			last = d.At
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		if rows != truth.Deliveries {
			rt.Fatalf("%d rows, and %d in the truth", rows, truth.Deliveries)
		}
	})
}
