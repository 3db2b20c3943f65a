package engine_test

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
)

// row is a row of one call at noon, changed as asked.
func row(change func(*azurelog.Fragment)) azurelog.Fragment {
	f := azurelog.Fragment{
		Category: azurelog.RequestResponse, Logged: noon, Resource: "/subscriptions/s/accounts/a", Correlation: azurelog.Correlation{1},
		ObjectID: "11111111-1111-1111-1111-111111111111",
		Call: detectors.Call{Time: noon, DurationMs: 10, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat,
			Model: "gpt-4o", RequestBytes: 100, ResponseBytes: 100},
	}
	if change != nil {
		change(&f)
	}
	return f
}

func twin(f *azurelog.Fragment) {
	f.ObjectID, f.NearEmpty = "", true
	f.Call.Model, f.Call.RequestBytes, f.Call.ResponseBytes = "", 0, 0
}

// measured is a twin that tells how much was sent.
func measured(f *azurelog.Fragment) {
	twin(f)
	f.Call.RequestBytes, f.Call.ResponseBytes = 100, 100
}

// listing and guess are all that is logged of a key's call that needs, or finds, no model.
func listing(f *azurelog.Fragment) {
	measured(f)
	f.Call.Operation, f.Call.Class = "Models_List", detectors.ClassListing
}

func bareListing(f *azurelog.Fragment) {
	listing(f)
	f.Call.RequestBytes, f.Call.ResponseBytes = -1, -1
}

func guess(f *azurelog.Fragment) { measured(f); f.Call.Status = 404 }

func usage(f *azurelog.Fragment) {
	f.Category, f.ObjectID = azurelog.RequestUsage, ""
	f.Call = detectors.Call{Time: noon, Tokens: detectors.Tokens{Prompt: 100, Cached: 40, Completion: 10, Known: true}}
}

func inline(f *azurelog.Fragment) {
	f.Call.Tokens = detectors.Tokens{Prompt: 100, Completion: 10, Known: true}
}

func chunk(f *azurelog.Fragment) { usage(f); f.Category, f.Continued = azurelog.GatewayLlmLogs, true }

func alone(f *azurelog.Fragment) { f.Correlation = azurelog.Correlation{} }

func act(f *azurelog.Fragment) {
	f.Category, f.Correlation, f.Call = azurelog.Audit, azurelog.Correlation{}, detectors.Call{}
	f.Act = &detectors.Act{Time: noon, Operation: "microsoft.cognitiveservices/accounts/listkeys/action", Target: "/subscriptions/s/accounts/a", Succeeded: true}
}

func TestFold_assembles(t *testing.T) {
	type rows = []azurelog.Fragment
	for name, c := range map[string]struct {
		rows  rows
		later detectors.Time // of the log's clock for the last row
		want  engine.Tally
	}{
		"one_row":                      {rows: rows{row(nil)}, want: engine.Tally{Calls: 1, Principals: 1}},
		"twin_after":                   {rows: rows{row(nil), row(twin)}, want: engine.Tally{Calls: 1, Principals: 1, Twins: 1}},
		"twin_before":                  {rows: rows{row(twin), row(nil)}, want: engine.Tally{Calls: 1, Principals: 1}},
		"delivered_twice":              {rows: rows{row(nil), row(nil)}, want: engine.Tally{Calls: 1, Principals: 1, Duplicates: 1}},
		"twin_delivered_twice":         {rows: rows{row(twin), row(twin), row(nil)}, want: engine.Tally{Calls: 1, Principals: 1, Duplicates: 1}},
		"twin_alone_waits":             {rows: rows{row(twin), row(alone)}, later: 14 * detectors.Minute, want: engine.Tally{Calls: 1, Principals: 1}},
		"twin_alone_is_judged":         {rows: rows{row(twin), row(alone)}, later: 15 * detectors.Minute, want: engine.Tally{Calls: 2, Principals: 2, Unproven: 1}},
		"measured_twin_before":         {rows: rows{row(measured), row(nil)}, want: engine.Tally{Calls: 1, Principals: 1}},
		"measured_twin_alone":          {rows: rows{row(measured), row(alone)}, later: 15 * detectors.Minute, want: engine.Tally{Calls: 2, Principals: 2, Unproven: 1}},
		"a_key_lists_models":           {rows: rows{row(listing), row(alone)}, later: 15 * detectors.Minute, want: engine.Tally{Calls: 2, Principals: 2}},
		"bare_then_measured":           {rows: rows{row(bareListing), row(listing), row(alone)}, later: 15 * detectors.Minute, want: engine.Tally{Calls: 2, Principals: 2, Duplicates: 1}},
		"measured_then_bare":           {rows: rows{row(listing), row(bareListing), row(alone)}, later: 15 * detectors.Minute, want: engine.Tally{Calls: 2, Principals: 2, Duplicates: 1}},
		"a_key_finds_no_deployment":    {rows: rows{row(guess), row(alone)}, later: 15 * detectors.Minute, want: engine.Tally{Calls: 2, Principals: 2}},
		"tokens_after":                 {rows: rows{row(nil), row(usage)}, want: engine.Tally{Calls: 1, Principals: 1, Usages: 1}},
		"tokens_before":                {rows: rows{row(usage), row(nil)}, want: engine.Tally{Calls: 1, Principals: 1}},
		"tokens_delivered_twice":       {rows: rows{row(nil), row(usage), row(usage)}, want: engine.Tally{Calls: 1, Principals: 1, Usages: 1, Duplicates: 1}},
		"cached_tokens_of_inline_ones": {rows: rows{row(inline), row(usage)}, want: engine.Tally{Calls: 1, Principals: 1, Usages: 1}},
		"tokens_of_no_call":            {rows: rows{row(usage), row(alone)}, later: 3 * detectors.Hour, want: engine.Tally{Calls: 1, Principals: 1, Unmatched: 1, Late: 1}},
		"further_chunk":                {rows: rows{row(nil), row(chunk)}, want: engine.Tally{Calls: 1, Principals: 1}},
		"without_correlation":          {rows: rows{row(alone), row(alone)}, want: engine.Tally{Calls: 2, Principals: 1}},
		"late":                         {rows: rows{row(nil)}, later: 61 * detectors.Minute, want: engine.Tally{Calls: 1, Principals: 1, Late: 1}},
		"forgotten_after_hours":        {rows: rows{row(nil), row(nil)}, later: 3 * detectors.Hour, want: engine.Tally{Calls: 2, Principals: 1, Late: 1}},
		"act_delivered_twice":          {rows: rows{row(act), row(act)}, want: engine.Tally{Acts: 1, Duplicates: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New(config(t))
			if err != nil {
				t.Fatal(err)
			}
			fold := e.NewFold()
			for i := range c.rows {
				clock := noon
				if i == len(c.rows)-1 {
					clock += c.later
				}
				fold.Take(&c.rows[i], clock)
			}
			if got := fold.Tally(); got != c.want {
				t.Errorf("tally\n%+v, want\n%+v", got, c.want)
			}
		})
	}
}

// A row that waited is judged once, though the log ends and another begins.
func TestReplay_judges_a_waiting_row_once(t *testing.T) {
	f := row(twin)
	waits, err := azurelog.Append(nil, &f, azurelog.Style{})
	if err != nil {
		t.Fatal(err)
	}
	c := config(t)
	c.CommitEvery = 1
	_, first := replay(t, c, [][]engine.Source{{source("first", append(waits, '\n'))}})
	_, second := replay(t, c, [][]engine.Source{{source("second", record(noon+detectors.Hour, 9))}})
	if first.Calls != 1 || first.Unproven != 1 || second.Calls != 1 {
		t.Errorf("%d calls (%d unproven), then %d; want 1 (1), then 1", first.Calls, first.Unproven, second.Calls)
	}
}
