package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
)

const checkedAt = 20_000*detectors.Day + 12*detectors.Hour

func keyOf(function, partition string) engine.ProgressKey {
	return engine.ProgressKey{Function: function, Hub: "ns/" + function, Partition: partition}
}

// well is the progress of a system that is in order at checkedAt.
func well() []engine.Progress {
	recent := engine.Step{At: checkedAt - detectors.Minute, Sequence: 41, Enqueued: checkedAt - detectors.Minute, Logged: checkedAt - 5*detectors.Minute, Bytes: 1000, Records: 2}
	var all []engine.Progress
	for _, key := range []engine.ProgressKey{keyOf("diagnostics", "0"), keyOf("usage", "0"), keyOf("usage", "1"), {Function: "sweep"}} {
		p := engine.Progress{ProgressKey: key}
		p.Add(&recent)
		all = append(all, p)
	}
	watch := engine.Progress{ProgressKey: keyOf("watch", "0")}
	watch.Add(&engine.Step{At: checkedAt - 50*detectors.Hour, Resources: map[string]engine.Watched{"/r": {Since: 1, Last: 1}}})
	return append(all, watch)
}

var functions = []string{engine.DiagnosticsFunction, engine.UsageFunction, engine.SweepFunction}

func TestHealthOf(t *testing.T) {
	add := func(at int, s engine.Step) func([]engine.Progress) []engine.Progress {
		return func(all []engine.Progress) []engine.Progress {
			all[at].Add(&s)
			return all
		}
	}
	// ends is what sweep sees of a partition every minute, for so many minutes; the last event came as many before the end
	ends := func(key engine.ProgressKey, sequence int64, minutes, came detectors.Time) func([]engine.Progress) []engine.Progress {
		return func(all []engine.Progress) []engine.Progress {
			for m := minutes; m >= 0; m-- {
				at := checkedAt - m*detectors.Minute
				now := engine.End{ProgressKey: key, Look: engine.Look{Sequence: sequence, Looked: at}, Enqueued: checkedAt - came*detectors.Minute}
				if m > came {
					now.Sequence, now.Enqueued = -1, 0
				}
				all[3].Add(&engine.Step{At: at, Ends: []engine.End{now}})
			}
			return all
		}
	}
	stuck := func(do func([]engine.Progress) []engine.Progress) func([]engine.Progress) []engine.Progress {
		return func(all []engine.Progress) []engine.Progress {
			all[0].Last -= detectors.Hour
			return do(all)
		}
	}
	for name, test := range map[string]struct {
		change   func([]engine.Progress) []engine.Progress
		later    detectors.Time
		want     []string // "reason function/partition"
		text     string   // in the first reason
		degraded bool
	}{
		"in_order":                  {},
		"nothing_ever":              {func([]engine.Progress) []engine.Progress { return nil }, 0, []string{"no-progress sweep/", "no-progress usage/", "silent diagnostics/"}, "never run", true},
		"all_stands":                {nil, 12 * detectors.Minute, []string{"no-progress sweep/", "no-progress usage/0", "no-progress usage/1"}, "13 minutes", true},
		"quiet_night":               {func(all []engine.Progress) []engine.Progress { all[0].Last -= 20 * detectors.Hour; return all }, 0, nil, "", false},
		"silent_for_a_day":          {func(all []engine.Progress) []engine.Progress { all[0].Last -= 24 * detectors.Hour; return all }, 0, []string{"silent diagnostics/"}, "24 hours", false},
		"one_partition_stuck":       {func(all []engine.Progress) []engine.Progress { all[2].Last -= detectors.Hour; return all }, 0, []string{"no-progress usage/1"}, "61 minutes", true},
		"events_wait":               {stuck(ends(keyOf("diagnostics", "0"), 50, 40, 30)), 0, []string{"no-progress diagnostics/0"}, "9 events wait", true},
		"events_wait_a_moment":      {stuck(ends(keyOf("diagnostics", "0"), 50, 40, 5)), 0, nil, "", false},
		"events_just_taken":         {ends(keyOf("diagnostics", "0"), 50, 40, 1), 0, nil, "", false},
		"all_events_taken":          {stuck(ends(keyOf("diagnostics", "0"), 41, 40, 30)), 0, nil, "", false},
		"events_of_nobody":          {ends(keyOf("diagnostics", "7"), 3, 40, 30), 0, []string{"no-progress diagnostics/7"}, "4 events wait", true},
		"first_event_of_nobody":     {ends(keyOf("diagnostics", "7"), 3, 40, 2), 0, nil, "", false},
		"empty_partition_of_nobody": {ends(keyOf("diagnostics", "7"), -1, 40, 40), 0, nil, "", false},
		"lagging":                   {add(0, engine.Step{At: checkedAt, Enqueued: checkedAt - 16*detectors.Minute}), 0, []string{"lagging diagnostics/0"}, "16 minutes after", true},
		"late_delivery":             {add(0, engine.Step{At: checkedAt, Enqueued: checkedAt, Logged: checkedAt - 90*detectors.Minute}), 0, []string{"late-delivery diagnostics/0"}, "90 minutes", false},
		"gap":                       {add(1, engine.Step{At: checkedAt, Gaps: []engine.Gap{{From: 7, To: 10}}}), 0, []string{"gap usage/0"}, "events 7 to 9", true},
		"old_gap":                   {add(0, engine.Step{At: checkedAt - 25*detectors.Hour, Gaps: []engine.Gap{{From: 7, To: 10}}}), 0, nil, "", false},
		"poison":                    {add(0, engine.Step{At: checkedAt, Poison: 3}), 0, []string{"poison diagnostics/0"}, "3 records", false},
		"drift":                     {add(0, engine.Step{At: checkedAt, Counts: azurelog.Counts{Drift: azurelog.Names{"b": 1, "a": 1}}}), 0, []string{"drift diagnostics/0"}, "a, b", false},
		"old_drift":                 {add(0, engine.Step{At: checkedAt - 24*detectors.Hour, Counts: azurelog.Counts{Drift: azurelog.Names{"b": 1}}}), 0, nil, "", false},
		"unknown":                   {add(0, engine.Step{At: checkedAt, Counts: azurelog.Counts{UnknownCategories: azurelog.Names{"New": 1}, UnknownOperations: azurelog.Names{"Op": 1}}}), 0, []string{"unknown diagnostics/0"}, "New, Op", false},
		"hot_partition":             {add(1, engine.Step{At: checkedAt, Enqueued: checkedAt, Logged: checkedAt, Bytes: 30_000_000}), 0, []string{"hot-partition usage/0"}, "500 kB/s", false},
		"warm_partition":            {add(1, engine.Step{At: checkedAt, Enqueued: checkedAt, Logged: checkedAt, Bytes: 29_999_000}), 0, nil, "", false},
		"throttled":                 {add(1, engine.Step{At: checkedAt, Throttled: 5}), 0, []string{"throttled usage/0"}, "5 requests", false},
		"grave_ones_first":          {add(1, engine.Step{At: checkedAt, Poison: 1, Gaps: []engine.Gap{{From: 1, To: 2}}}), 0, []string{"gap usage/0", "poison usage/0"}, "events 1 to 1", true},
	} {
		t.Run(name, func(t *testing.T) {
			all := well()
			if test.change != nil {
				all = test.change(all)
			}
			h := engine.HealthOf(checkedAt+test.later, all, functions...)
			var got []string
			for _, r := range h.Reasons {
				got = append(got, fmt.Sprintf("%s %s/%s", r.Reason, r.Function, r.Partition))
			}
			if d := cmp.Diff(test.want, got); d != "" || h.Degraded != test.degraded {
				t.Fatalf("degraded %v, -want +got:\n%s", h.Degraded, d)
			}
			if len(got) > 0 && !strings.Contains(h.Reasons[0].Text, test.text) {
				t.Errorf("%q does not say %q", h.Reasons[0].Text, test.text)
			}
		})
	}
}

func TestProgress_Add_measures_lag_and_rate(t *testing.T) {
	var p engine.Progress
	p.Add(&engine.Step{At: checkedAt, Enqueued: checkedAt - 2000, Logged: checkedAt - 300_000, Bytes: 6_000_000})
	p.Add(&engine.Step{At: checkedAt + 1000, Enqueued: checkedAt, Logged: checkedAt - 5000, Bytes: 600_000})
	p.Add(&engine.Step{At: checkedAt + 2000, Enqueued: checkedAt - detectors.Minute, Bytes: 60_000_000}) // delivered again
	p.Add(&engine.Step{At: checkedAt + 3000})
	wantLag := engine.Lag{Event: 5000, Enqueue: int64(detectors.Minute) + 2000, Judge: 6000}
	if d := cmp.Diff(wantLag, p.Lag); d != "" {
		t.Errorf("lag (-want +got):\n%s", d)
	}
	wantRate := engine.Rate{Minute: checkedAt, Bytes: 600_000, Peak: 100_000, PeakAt: checkedAt - detectors.Minute}
	if d := cmp.Diff(wantRate, p.Rate); d != "" {
		t.Errorf("rate (-want +got):\n%s", d)
	}
	p.Add(&engine.Step{At: checkedAt + 2*detectors.Hour, Enqueued: checkedAt + 2*detectors.Hour, Bytes: 60})
	if p.Rate.Peak != 1 || p.Since != checkedAt || p.Last != checkedAt+2*detectors.Hour {
		t.Errorf("%+v: want the old peak gone", p)
	}
}

// Whatever a function reports, its progress is bounded.
func TestProgress_Add_is_bounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p engine.Progress
		met := 0
		for n := range rapid.IntRange(1, 5).Draw(t, "steps") {
			s := engine.Step{At: checkedAt + detectors.Time(n), Counts: azurelog.Counts{Drift: azurelog.Names{}}, Resources: map[string]engine.Watched{}}
			for i := range rapid.IntRange(0, 300).Draw(t, "many") {
				s.Counts.Drift[fmt.Sprint(n, " ", i)] = 1
				s.Gaps = append(s.Gaps, engine.Gap{From: int64(i), To: int64(i + 1)})
				s.Resources[fmt.Sprintf("/r/%d", n*1000+i)] = engine.Watched{Since: checkedAt, Last: checkedAt + detectors.Time(n)*detectors.Hour}
				met++
			}
			p.Add(&s)
		}
		sum := int64(0)
		for _, d := range p.Drift {
			sum += d.Count
		}
		if len(p.Drift) > 65 || sum != int64(met) {
			t.Errorf("%d names, %d of %d counted", len(p.Drift), sum, met)
		}
		if len(p.Gaps) > 20 || len(p.Resources) > 200 || int64(len(p.Resources))+p.LeftOut != int64(met) {
			t.Errorf("%d gaps, %d resources and %d left out of %d", len(p.Gaps), len(p.Resources), p.LeftOut, met)
		}
	})
}
