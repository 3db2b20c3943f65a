package incidenttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// Words that incidents are made of: with case, accents, and what a careless
// store would take for a part of its own language.
var (
	words     = []string{"Stolen", "KEY", "it's", `"quoted"`, "50%", "Ärger", "ÄRGER", "日本", "a_b", `back\slash`, "images", "$loss"}
	resources = []string{"/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a", "/subscriptions/s/accounts/b'c", "custom:gateway"}
	callers   = []string{"11111111-2222-3333-4444-555555555555", "Team A", "team a", "é\tx"}
	watchers  = []string{"new-country", "image-burst", "key-check", "volume-surge"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func phrase(r *rand.Rand, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = pick(r, words)
	}
	return strings.Join(parts, " ")
}

// Incidents draws incidents of several years with many equal times and risks.
// An incident opens in the year of its id or in a later one.
func Incidents(r *rand.Rand, n int) []*incident.Incident {
	all := make([]*incident.Incident, n)
	for at := range all {
		first := detectors.TimeOf(time.Date(2024+r.IntN(3), 1, 1, 0, 0, 0, 0, time.UTC)) // the year's last hours, or its middle
		first -= detectors.Time(r.Int64N(20)) * detectors.Hour * detectors.Time(1+r.IntN(2)*200)
		opened := first + detectors.Time(r.Int64N(30))*detectors.Hour + detectors.Time(r.Int64N(3))*500
		p := drawPrincipal(r)
		seen := incident.Observation{Time: first, Bits: 12.5, Summary: phrase(r, 3), Observed: incident.Facts{"images": 812.0, "models": []string{"a"}}, Usual: incident.Facts{}}
		i := &incident.Incident{
			ID:        fmt.Sprintf("%04d-%016x", first.UTC().Year(), r.Uint64()),
			Principal: p, Principals: []detectors.Principal{p},
			Severity: detectors.Severity(r.IntN(5)), Risk: float64(r.IntN(40)) / 10, Status: incident.StatusNew,
			Title: phrase(r, 4), Certainty: phrase(r, 5), Why: phrase(r, 5), Harmless: phrase(r, 5), OpenedAt: opened, FirstSeen: first, LastSeen: opened + detectors.Time(r.Int64N(4))*detectors.Day,
		}
		for range r.IntN(3) {
			i.Principals = append(i.Principals, drawPrincipal(r))
		}
		if r.IntN(4) == 0 {
			i.Status = incident.StatusSuppressed
		}
		for _, n := range r.Perm(len(watchers))[:1+r.IntN(2)] {
			i.Findings = append(i.Findings, incident.Finding{Detector: watchers[n], Time: first, Bits: 12.5, Count: 1, Summary: seen.Summary, Observed: seen.Observed, Usual: seen.Usual})
			i.Evidence = append(i.Evidence, incident.Evidence{Detector: watchers[n], Title: "T", Count: 1, First: seen, Strongest: seen, Last: seen})
		}
		all[at] = i
	}
	return all
}

func drawPrincipal(r *rand.Rand) detectors.Principal {
	resource := pick(r, resources)
	if r.IntN(2) == 0 {
		return detectors.Principal{Kind: detectors.AccountKey, ID: resource, Resource: resource}
	}
	return detectors.Principal{Kind: detectors.EntraObject, ID: pick(r, callers), Resource: resource}
}

// drawQuery draws a query without a limit, most of them of values that incidents have.
func drawQuery(t *rapid.T, all []*incident.Incident) incident.Query {
	q := incident.Query{Sort: rapid.SampledFrom([]incident.Sort{"", incident.ByOpened, incident.ByRisk, incident.ByLastSeen}).Draw(t, "sort")}
	like := rapid.SampledFrom(all).Draw(t, "like")
	some := func(what string) bool { return rapid.IntRange(0, 4).Draw(t, what) == 0 }
	if some("by status") {
		q.Statuses = rapid.SliceOfN(rapid.SampledFrom(incident.Statuses), 1, 3).Draw(t, "statuses")
	}
	if some("by severity") {
		q.Severities = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 4), func(n int) detectors.Severity { return detectors.Severity(n) }), 1, 3).Draw(t, "severities")
	}
	if some("by principal") {
		q.Principal = rapid.SampledFrom([]string{like.Principals[len(like.Principals)-1].ID, strings.ToUpper(like.Principal.ID), "nobody"}).Draw(t, "principal")
		if strings.ContainsRune(q.Principal, '\t') {
			q.Principal = ""
		}
	}
	if some("by resource") {
		q.Resource = rapid.SampledFrom(append([]string{"/nowhere", strings.ToUpper(resources[0])}, resources...)).Draw(t, "resource")
	}
	if some("by detector") {
		q.Detector = rapid.SampledFrom(append([]string{"none"}, watchers...)).Draw(t, "detector")
	}
	if some("from") {
		q.From = like.OpenedAt
	}
	if some("to") {
		q.To = rapid.SampledFrom(all).Draw(t, "until").OpenedAt
		if q.From != 0 && q.From >= q.To {
			q.To = q.From + 1
		}
	}
	if some("by text") {
		q.Text = rapid.SampledFrom(append([]string{"nothing says this", "ärger 日", "y 50%", "É X", "_", "%", "\\", "'", like.Findings[0].Summary, like.Principal.Resource}, words...)).Draw(t, "text")
	}
	return q
}

// expected is what a query should give, said once more and in the plainest way.
func expected(all []*incident.Incident, q incident.Query) []*incident.Incident {
	var found []*incident.Incident
	for _, i := range all {
		principal, resource, detector := q.Principal == "", q.Resource == "", q.Detector == ""
		texts := []string{i.Title}
		for _, p := range append(slices.Clone(i.Principals), i.Principal) {
			principal = principal || strings.EqualFold(p.ID, q.Principal)
			resource = resource || strings.EqualFold(p.Resource, q.Resource)
			texts = append(texts, p.ID, p.Resource)
		}
		for _, f := range i.Findings {
			detector = detector || f.Detector == q.Detector
			texts = append(texts, f.Summary)
		}
		says := func(text string) bool {
			return strings.Contains(strings.ReplaceAll(strings.ToLower(text), "\t", " "), strings.ToLower(q.Text))
		}
		if principal && resource && detector && slices.ContainsFunc(texts, says) &&
			(len(q.Statuses) == 0 || slices.Contains(q.Statuses, i.Status)) &&
			(len(q.Severities) == 0 || slices.Contains(q.Severities, i.Severity)) &&
			(q.From == 0 || i.OpenedAt >= q.From) && (q.To == 0 || i.OpenedAt < q.To) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, order(q))
	return found
}

func order(q incident.Query) func(a, b *incident.Incident) int {
	return func(a, b *incident.Incident) int {
		x, y := float64(a.OpenedAt), float64(b.OpenedAt)
		switch q.Sort {
		case incident.ByRisk:
			x, y = a.Risk, b.Risk
		case incident.ByLastSeen:
			x, y = float64(a.LastSeen), float64(b.LastSeen)
		}
		if x != y {
			if x > y {
				return -1
			}
			return 1
		}
		return strings.Compare(b.ID, a.ID)
	}
}

func line(t rapid.TB, i *incident.Incident) string {
	data, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
