package web_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/incident/incidenttest"
)

type page struct {
	Items      []json.RawMessage
	NextCursor *string
}

func TestIncidents_are_listed_as_replay_prints_them(t *testing.T) {
	a := newAPI(t, nil)
	if body := strings.TrimSpace(a.ask("GET", "/api/incidents").Body.String()); body != `{"items":[],"nextCursor":null}` {
		t.Errorf("of no incidents: %s", body)
	}
	all := incidenttest.Incidents(rand.New(rand.NewPCG(1, 1)), 1)
	a.put(t, all...)
	got := decode[page](t, a.ask("GET", "/api/incidents"))
	if len(got.Items) != 1 || got.NextCursor != nil {
		t.Fatalf("%+v", got)
	}
	want, err := json.Marshal(all[0])
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(values(t, want), values(t, got.Items[0])); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func values(t testing.TB, data []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Each parameter reaches its part of the query, as the address has it.
func TestIncidents_by_parameters(t *testing.T) {
	a := newAPI(t, nil)
	all := incidenttest.Incidents(rand.New(rand.NewPCG(2, 2)), 80)
	a.put(t, all...)
	like := all[7]
	day := like.OpenedAt.UTC().Format("2006-01-02")
	var midnight detectors.Time
	if err := midnight.UnmarshalText([]byte(day + "T00:00:00Z")); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		parameter, value string
		query            incident.Query
	}{
		"status":     {"status", "suppressed,on-hold", incident.Query{Statuses: []string{"suppressed", "on-hold"}}},
		"severity":   {"severity", "high,critical", incident.Query{Severities: []detectors.Severity{detectors.High, detectors.Critical}}},
		"principal":  {"principal", "TEAM A", incident.Query{Principal: "team a"}},
		"resource":   {"resource", like.Principal.Resource, incident.Query{Resource: like.Principal.Resource}},
		"detector":   {"detector", "key-check", incident.Query{Detector: "key-check"}},
		"from":       {"from", like.OpenedAt.String(), incident.Query{From: like.OpenedAt}},
		"from_day":   {"from", day, incident.Query{From: midnight}},
		"to":         {"to", like.OpenedAt.UTC().Format("2006-01-02T15:04:05.999-00:00"), incident.Query{To: like.OpenedAt}},
		"text":       {"q", "Ärger", incident.Query{Text: "Ärger"}},
		"by_risk":    {"sort", "-risk", incident.Query{Sort: incident.ByRisk}},
		"by_last":    {"sort", "-lastSeen", incident.Query{Sort: incident.ByLastSeen}},
		"by_opening": {"sort", "-openedAt", incident.Query{Sort: incident.ByOpened}},
	} {
		t.Run(name, func(t *testing.T) {
			test.query.Limit = incident.MaxLimit
			want, err := incident.Select(all, test.query)
			if err != nil || len(want.Items) == 0 {
				t.Fatalf("the test finds nothing: %v", err)
			}
			target := "/api/incidents?limit=7&" + url.Values{test.parameter: {test.value}}.Encode()
			var got []string
			for cursor := ""; ; {
				w := a.ask("GET", target+cursor)
				if w.Code != 200 {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				page := decode[incident.Page](t, w)
				for _, i := range page.Items {
					got = append(got, i.ID)
				}
				if page.NextCursor == nil {
					break
				}
				cursor = "&cursor=" + url.QueryEscape(*page.NextCursor)
			}
			var ids []string
			for _, i := range want.Items {
				ids = append(ids, i.ID)
			}
			if d := cmp.Diff(ids, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func TestIncident_has_its_evidence_and_an_ETag(t *testing.T) {
	a := newAPI(t, nil)
	all := incidenttest.Incidents(rand.New(rand.NewPCG(3, 3)), 2)
	a.put(t, all...)
	target := "/api/incidents/" + all[0].ID
	w := a.ask("GET", target)
	want, err := all[0].MarshalDocument()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(values(t, want), values(t, w.Body.Bytes())); d != "" || !strings.Contains(w.Body.String(), `"evidence":[`) {
		t.Errorf("-want +got:\n%s", d)
	}
	tag := w.Header().Get("ETag")
	if other := a.ask("GET", "/api/incidents/"+all[1].ID).Header().Get("ETag"); len(tag) < 10 || tag == other {
		t.Errorf("ETags %s and %s", tag, other)
	}
	for header, status := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, strings.Trim(tag, `"`): 200} {
		w := a.ask("GET", target, "If-None-Match", header)
		if w.Code != status || w.Header().Get("ETag") != tag || (w.Body.Len() == 0) != (status == 304) {
			t.Errorf("If-None-Match: %s: %d with %d bytes, want %d", header, w.Code, w.Body.Len(), status)
		}
	}
	changed := *all[0]
	changed.Risk++
	a.put(t, &changed)
	if w := a.ask("GET", target, "If-None-Match", tag); w.Code != 200 || w.Header().Get("ETag") == tag {
		t.Errorf("changed: %d %s", w.Code, w.Header().Get("ETag"))
	}
}
