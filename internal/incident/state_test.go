package incident

import (
	"slices"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestNothingIsSavedOfNothing(t *testing.T) {
	var e Episode
	data, err := e.AppendBinary([]byte("before"))
	if err != nil || string(data) != "before" {
		t.Errorf("%q, %v", data, err)
	}
	restored := *stolen()
	if err := restored.UnmarshalBinary(nil); err != nil || restored.Open() {
		t.Errorf("restored from nothing: open %v, %v", restored.Open(), err)
	}
}

// TestRefused: a state that the methods could not work with is refused, and
// leaves the episode as it was.
func TestRefused(t *testing.T) {
	const principal = `"principals":[{"kind":"operator","id":"x","resource":""}]`
	for name, test := range map[string]struct{ data, want string }{
		"no_json":              {`{"v":3`, "unexpected end"},
		"other_version":        {`{"v":1}`, "version 1 is not 3"},
		"no_principal":         {`{"v":3,"traces":[{}]}`, "0 principals"},
		"no_detector":          {`{"v":3,` + principal + `}`, "0 detectors"},
		"nothing_changed":      {`{"v":3,"changed":true}`, "0 detectors"},
		"too_many_detectors":   {`{"v":3,` + principal + `,"traces":[{}` + strings.Repeat(",{}", maxDetectors) + `]}`, "too many"},
		"unknown_family":       {`{"v":3,` + principal + `,"traces":[{"family":8}]}`, "family 8"},
		"unknown_hand":         {`{"v":3,` + principal + `,"traces":[{"first":{"hand":3}}]}`, "hand 3"},
		"too_many_accusations": {`{"v":3,` + principal + `,"traces":[{"accusations":[[{}` + strings.Repeat(",{}", maxAccusations) + `]]}]}`, "too many"},
		"networks_in_disorder": {`{"v":3,` + principal + `,"traces":[{}],"accused":["10.0.1.0/24","10.0.0.0/24"]}`, "not in order"},
		"empty_ended_incident": {`{"v":3,"closed":[{"evidence":[]}]}`, "is empty"},
		"fact_of_a_fact":       {`{"v":3,` + principal + `,"traces":[{"first":{"observed":{"images":{}}}}]}`, "images"},
		"list_of_numbers":      {`{"v":3,` + principal + `,"traces":[{"first":{"observed":{"images":[1]}}}]}`, "only texts"},
	} {
		t.Run(name, func(t *testing.T) {
			e := stolen()
			if err := e.UnmarshalBinary([]byte(test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if !e.Open() || e.Incident().ID != stolen().Incident().ID {
				t.Error("the episode was changed")
			}
		})
	}
}

func TestCompare(t *testing.T) {
	incidents := []*Incident{{ID: "c", OpenedAt: 1}, {ID: "b", OpenedAt: 2}, {ID: "a", OpenedAt: 2}, {ID: "d", OpenedAt: detectors.Day}}
	slices.SortFunc(incidents, Compare)
	order := ""
	for _, i := range incidents {
		order += i.ID
	}
	if order != "cabd" {
		t.Errorf("order %q", order)
	}
}
