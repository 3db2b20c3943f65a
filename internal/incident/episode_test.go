package incident

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
)

var key = detectors.Principal{
	Kind:     detectors.AccountKey,
	ID:       "/subscriptions/0000/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-prod",
	Resource: "/subscriptions/0000/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-prod",
}

func detector(id string, family detectors.Family, severity detectors.Severity) *detectors.Detector {
	return &detectors.Detector{Description: detectors.Description{ID: id, Title: "Title of " + id, Family: family, Severity: severity}}
}

func at(text string) detectors.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return detectors.TimeOf(t)
}

func network(prefix, country string, kind detectors.NetworkKind) detectors.Network {
	n := detectors.Network{Prefix: netip.MustParsePrefix(prefix), Kind: kind}
	copy(n.Country[:], country)
	return n
}

var moscow = network("203.0.113.0/24", "RU", detectors.Hosting)

// stolen is a key that is tested in the night and drained in the morning.
func stolen() *Episode {
	var e Episode
	e.Add(key, detector("key-check", detectors.Errors, detectors.High), detectors.Finding{
		Time: at("2026-03-09T02:10:00Z"), Bits: 9.25, Summary: "Two tiny calls from a network never seen.",
		Observed: detectors.Facts{"calls": 2.0}, Networks: []detectors.Network{moscow},
	})
	newNetwork := detector("new-network", detectors.Place, detectors.Medium)
	for i, bits := range []float64{6.5, 8.5, 8.5, 7.5} {
		e.Add(key, newNetwork, detectors.Finding{
			Time: at("2026-03-09T08:00:00Z") + detectors.Time(i)*detectors.Minute, Bits: bits, Summary: fmt.Sprintf("New network %d.", i),
			Observed: detectors.Facts{"network": "203.0.113.0/24"}, Usual: detectors.Facts{"networks": []string{"20.1.2.0/24", "20.1.3.0/24"}},
			Networks: []detectors.Network{moscow},
		})
	}
	e.Add(key, detector("image-burst", detectors.Image, detectors.High), detectors.Finding{
		Time: at("2026-03-09T08:10:00Z"), Bits: 22.16, Summary: "An image burst.",
		Observed: detectors.Facts{"imagesPerHour": 812.0}, Usual: detectors.Facts{"imagesPerHour": 3.2},
		Networks: []detectors.Network{moscow},
	})
	for i := range 100 {
		e.Concern(&detectors.Call{
			Time: at("2026-03-09T08:11:00Z") + detectors.Time(i)*detectors.Second, Status: 200, Class: detectors.ClassImage,
			Model: "dall-e-3", Images: 1, From: moscow,
		}, ListPrices())
	}
	return &e
}

func TestGolden(t *testing.T) {
	const want = `{
 "id": "2026-9ed3755ab51b8cd6",
 "principal": {
  "kind": "account-key",
  "id": "/subscriptions/0000/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-prod",
  "resource": "/subscriptions/0000/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-prod"
 },
 "principals": [
  {
   "kind": "account-key",
   "id": "/subscriptions/0000/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-prod",
   "resource": "/subscriptions/0000/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/aoai-prod"
  }
 ],
 "severity": "critical",
 "risk": 43.9,
 "status": "new",
 "verdict": null,
 "title": "Key of account aoai-prod probed by a key checker from a new hosting network in Russia: 812 images in an hour",
 "certainty": "One or several callers with one of the account's two keys, or with a wrong one where all was answered 401: the log names neither the key nor who used it.",
 "why": "43.9 bits at 2026-03-09 08:10 UTC, 6 h after the first finding; critical begins at 42: image 22.1 (image-burst), errors 9.2 (key-check), place 8.5 (new-network), chain 4.0 (key-check, then image-burst).",
 "harmless": "A marketing day with several times the usual images (at 2026-03-09 08:10 UTC). A developer who says hello from home, from a trip or from a new machine (from 203.0.113.0/24, hosting, Russia). An office that changes its provider or its egress address.",
 "openedAt": "2026-03-09T08:00:00Z",
 "firstSeen": "2026-03-09T02:10:00Z",
 "lastSeen": "2026-03-09T08:12:39Z",
 "lossUSD": 4,
 "findings": [
  {
   "detector": "image-burst",
   "time": "2026-03-09T08:10:00Z",
   "bits": 22.1,
   "count": 1,
   "summary": "An image burst.",
   "observed": {
    "imagesPerHour": 812
   },
   "usual": {
    "imagesPerHour": 3.2
   }
  },
  {
   "detector": "key-check",
   "time": "2026-03-09T02:10:00Z",
   "bits": 9.2,
   "count": 1,
   "summary": "Two tiny calls from a network never seen.",
   "observed": {
    "calls": 2
   },
   "usual": {}
  },
  {
   "detector": "new-network",
   "time": "2026-03-09T08:01:00Z",
   "bits": 8.5,
   "count": 4,
   "summary": "New network 1.",
   "observed": {
    "network": "203.0.113.0/24"
   },
   "usual": {
    "networks": [
     "20.1.2.0/24",
     "20.1.3.0/24"
    ]
   }
  }
 ]
}`
	got, err := json.MarshalIndent(stolen().Incident(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestEvidenceKeepsFirstStrongestAndLast(t *testing.T) {
	i := stolen().Incident()
	v := i.Evidence[2]
	got := []float64{v.First.Bits, v.Strongest.Bits, v.Last.Bits}
	if diff := cmp.Diff([]float64{6.5, 8.5, 7.5}, got); diff != "" || v.Count != 4 || v.Detector != "new-network" {
		t.Errorf("%s of %q, count %d", diff, v.Detector, v.Count)
	}
	data, err := i.MarshalDocument()
	if err != nil {
		t.Fatal(err)
	}
	var read Incident
	if err := read.UnmarshalDocument(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(i, &read); diff != "" {
		t.Error(diff)
	}
	if err := read.UnmarshalDocument([]byte(`{"findings":[{"observed":{"images":true}}]}`)); err == nil || !strings.Contains(err.Error(), "images") {
		t.Errorf("a fact that is a boolean: %v", err)
	}
}

// TestEpisodes: an episode ends when Life has passed, by a tick or by the next
// finding, and the next has an id of its own.
func TestEpisodes(t *testing.T) {
	d := detector("volume-surge", detectors.Volume, detectors.High)
	start := at("2026-12-31T23:00:00Z")
	find := func(e *Episode, bits float64, after detectors.Time) {
		e.Add(key, d, detectors.Finding{Bits: bits, Time: start + after})
	}
	t.Run("below_floor_is_nothing", func(t *testing.T) {
		var e Episode
		find(&e, Floor-0.01, 0)
		if e.Open() || e.Incident() != nil || e.Take() != nil {
			t.Errorf("an incident of nothing: %+v", e.Incident())
		}
	})
	t.Run("ends_by_tick", func(t *testing.T) {
		var e Episode
		find(&e, 10, 0)
		e.Tick(start + Life - 1)
		if !e.Open() {
			t.Error("ended too early")
		}
		if e.Severity() != detectors.Low {
			t.Errorf("severity %v", e.Severity())
		}
		e.Tick(start + Life)
		if e.Open() || e.Severity() != detectors.Info || e.Accused() != nil {
			t.Error("did not end")
		}
		if changed := e.Take(); len(changed) != 1 || changed[0].Risk != 10 {
			t.Errorf("the ended incident was not handed out: %v", changed)
		}
		if changed := e.Take(); changed != nil {
			t.Errorf("handed out twice: %v", changed)
		}
	})
	t.Run("ends_by_the_next_finding", func(t *testing.T) {
		var e Episode
		find(&e, 10, 0)
		find(&e, 11, Life)
		changed := e.Take()
		if len(changed) != 2 || changed[0].Risk != 10 || changed[1].Risk != 11 || changed[0].ID == changed[1].ID {
			t.Errorf("%v", changed)
		}
	})
	t.Run("findings_prolong_it", func(t *testing.T) {
		var e Episode
		find(&e, 10, 0)
		id := e.Incident().ID
		find(&e, 20, Life-1)
		i := e.Incident()
		if i.ID != id || i.Findings[0].Count != 2 {
			t.Errorf("%+v", i)
		}
		if want := start + Life - 1; i.OpenedAt != want || i.Severity != detectors.Medium {
			t.Errorf("opened at %v as %v, want %v", i.OpenedAt, i.Severity, want)
		}
		if !strings.HasPrefix(id, "2026-") || i.OpenedAt.UTC().Year() != 2027 {
			t.Errorf("id %q, opened in %d", id, i.OpenedAt.UTC().Year())
		}
	})
	t.Run("opened_when_highest_where_never_medium", func(t *testing.T) {
		var e Episode
		find(&e, 9, 0)
		find(&e, 12, detectors.Hour)
		find(&e, 5, 2*detectors.Hour)
		if i := e.Incident(); i.OpenedAt != start+detectors.Hour {
			t.Errorf("opened at %v", i.OpenedAt)
		}
	})
	t.Run("several_principals", func(t *testing.T) {
		var e Episode
		resource := detectors.Principal{Kind: detectors.ResourcePrincipal, ID: key.ID, Resource: key.Resource}
		find(&e, 9, 0)
		e.Add(resource, d, detectors.Finding{Bits: 4, Time: start})
		find(&e, 9, 0)
		i := e.Incident()
		if diff := cmp.Diff([]detectors.Principal{key, resource}, i.Principals); diff != "" || i.Principal != key {
			t.Errorf("%v %s", i.Principal, diff)
		}
	})
}

func TestConcern(t *testing.T) {
	start := at("2026-03-09T08:00:00Z")
	other := network("198.51.100.0/24", "DE", detectors.Business)
	call := func(from detectors.Network, after detectors.Time) *detectors.Call {
		return &detectors.Call{
			Time: start + after, Status: 200, Class: detectors.ClassChat, Model: "gpt-4o-2024-08-06", From: from,
			Tokens: detectors.Tokens{Prompt: 1_000_000, Cached: 200_000, Completion: 100_000, Known: true},
		}
	}
	begin := func(networks ...detectors.Network) *Episode {
		var e Episode
		e.Add(key, detector("volume-surge", detectors.Volume, detectors.High), detectors.Finding{Bits: 20, Time: start, Networks: networks})
		return &e
	}
	loss := func(e *Episode) any {
		if usd := e.Incident().LossUSD; usd != nil {
			return *usd
		}
		return nil
	}
	t.Run("closed_concerns_nobody", func(t *testing.T) {
		var e Episode
		if e.Concern(call(moscow, 0), ListPrices()) || e.Take() != nil {
			t.Error("a call concerned an incident that there is not")
		}
	})
	t.Run("accused_network_only", func(t *testing.T) {
		e := begin(moscow)
		e.Take()
		if e.Concern(call(other, 0), ListPrices()) || e.Take() != nil || loss(e) != nil {
			t.Error("a call from a network that nobody accuses was counted")
		}
		if !e.Concern(call(moscow, detectors.Hour), ListPrices()) || len(e.Take()) != 1 {
			t.Error("a call from the accused network was not counted")
		}
		if got, want := loss(e), 2.0+0.25+1.0; got != want {
			t.Errorf("loss %v, want %v", got, want)
		}
		if got := e.Accused(); !slices.Equal(got, []netip.Prefix{moscow.Prefix}) {
			t.Errorf("accused %v", got)
		}
		if i := e.Incident(); i.LastSeen != start+detectors.Hour || i.OpenedAt != start {
			t.Errorf("last seen %v, opened %v", i.LastSeen, i.OpenedAt)
		}
	})
	t.Run("everything_where_nobody_is_accused", func(t *testing.T) {
		e := begin()
		if !e.Concern(call(other, 0), ListPrices()) || !e.Concern(call(detectors.Network{}, 0), ListPrices()) {
			t.Error("not counted")
		}
		if e = begin(detectors.Network{}); !e.Concern(call(other, 0), ListPrices()) {
			t.Error("an unknown network was accused")
		}
	})
	t.Run("too_long_before_or_after", func(t *testing.T) {
		e := begin(moscow)
		if e.Concern(call(moscow, Life), ListPrices()) || e.Concern(call(moscow, -Life), ListPrices()) {
			t.Error("counted")
		}
	})
	t.Run("tokens_that_come_later", func(t *testing.T) {
		e := begin(moscow)
		c := call(moscow, 0)
		c.Tokens = detectors.Tokens{}
		e.Concern(c, ListPrices())
		if got := loss(e); got != nil {
			t.Errorf("loss %v before the tokens are known", got)
		}
		u := &detectors.Usage{Time: c.Time, Class: c.Class, Model: c.Model, From: moscow, Tokens: detectors.Tokens{Prompt: 4_000_000, Known: true}}
		if !e.ConcernUsage(u, ListPrices()) || loss(e) != 10.0 {
			t.Errorf("loss %v", loss(e))
		}
		u.From = other
		if e.ConcernUsage(u, ListPrices()) {
			t.Error("tokens of another network were counted")
		}
	})
	t.Run("known_in_part_is_a_lower_bound", func(t *testing.T) {
		e := begin(moscow)
		c := call(moscow, 0)
		c.Model = "a-model-of-tomorrow"
		e.Concern(c, ListPrices())
		if got := loss(e); got != nil {
			t.Errorf("loss %v of an unknown model", got)
		}
		e.Concern(call(moscow, 0), ListPrices())
		if got := loss(e); got != 3.25 {
			t.Errorf("loss %v", got)
		}
	})
	t.Run("a_failed_call_costs_nothing", func(t *testing.T) {
		e := begin(moscow)
		c := call(moscow, 0)
		c.Status = 429
		if !e.Concern(c, ListPrices()) || loss(e) != nil {
			t.Errorf("loss %v", loss(e))
		}
	})
}

func TestEpisode_renews_what_is_said_of_the_same_network(t *testing.T) {
	at := func(network string) []detectors.Network {
		return []detectors.Network{{Prefix: netip.MustParsePrefix(network)}}
	}
	risk := func(network string) float64 {
		var e Episode
		p := detectors.Principal{Kind: detectors.AccountKey, ID: "a", Resource: "a"}
		e.Add(p, detector("new-network", detectors.Place, detectors.Medium), detectors.Finding{Time: 20_700 * detectors.Day, Bits: 10, Networks: at("192.0.2.0/24")})
		e.Add(p, detector("volume-surge", detectors.Volume, detectors.High), detectors.Finding{Time: 20_700*detectors.Day + 12*detectors.Hour, Bits: 10, Networks: at(network)})
		return e.Incident().Risk
	}
	if got := risk("192.0.2.0/24"); got != 20 {
		t.Errorf("risk %v where the same network surges, want 10 + 10", got)
	}
	if got := risk("198.51.100.0/24"); got != 12.5 {
		t.Errorf("risk %v where another one surges, want 10/4 + 10", got)
	}
}
