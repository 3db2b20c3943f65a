package incident

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
)

// step is one thing that the engine does to an Episode.
type step struct {
	d     *detectors.Detector // of a finding; nil: none
	f     detectors.Finding
	call  *detectors.Call
	usage *detectors.Usage
	tick  detectors.Time
	p     detectors.Principal
}

func (s step) apply(e *Episode) {
	switch {
	case s.d != nil:
		e.Add(s.p, s.d, s.f)
	case s.call != nil:
		e.Concern(s.call, ListPrices())
	case s.usage != nil:
		e.ConcernUsage(s.usage, ListPrices())
	default:
		e.Tick(s.tick)
	}
}

// drawSteps draws a stream of findings, calls, tokens and ticks over some days,
// mostly in order, with texts and figures that no detector should hand in.
func drawSteps(t *rapid.T) []step {
	now := 20_000 * detectors.Day
	ids := []string{"new-country", "volume-surge", "image-burst", "key-check", "odd"}
	networks := rapid.Custom(func(t *rapid.T) detectors.Network {
		n := detectors.Network{ASN: rapid.Uint32().Draw(t, "asn"), Organization: rapid.String().Draw(t, "organization")}
		if rapid.Bool().Draw(t, "known") {
			n.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, rapid.Byte().Draw(t, "octet")}), 24)
			n.Country = detectors.Country{rapid.Byte().Draw(t, "letter"), 'U'}
			n.Kind = detectors.NetworkKind(rapid.IntRange(0, int(detectors.Tor)).Draw(t, "kind"))
		}
		return n
	})
	facts := rapid.MapOfN(rapid.String(), rapid.OneOf(
		rapid.Map(rapid.Float64(), func(x float64) any { return x }),
		rapid.Map(rapid.String(), func(x string) any { return x }),
		rapid.Map(rapid.SliceOfN(rapid.String(), 0, 10), func(x []string) any { return x }),
		rapid.Map(rapid.Int(), func(x int) any { return x }),
	), 0, 14)
	tokens := func(t *rapid.T) detectors.Tokens {
		return detectors.Tokens{
			Prompt: rapid.Int64().Draw(t, "prompt"), Cached: rapid.Int64().Draw(t, "cached"),
			Completion: rapid.Int64().Draw(t, "completion"), Known: rapid.Bool().Draw(t, "known"),
		}
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		now += detectors.Time(rapid.Int64Range(-int64(2*detectors.Hour), int64(12*detectors.Hour)).Draw(t, "later"))
		model := rapid.SampledFrom([]string{"gpt-4o", "dall-e-3", "unheard-of"}).Draw(t, "model")
		class := detectors.Class(rapid.IntRange(0, int(detectors.ClassManagement)).Draw(t, "class"))
		switch rapid.IntRange(0, 5).Draw(t, "what") {
		case 0:
			return step{call: &detectors.Call{Time: now, Class: class, Model: model, Images: rapid.Int().Draw(t, "images"), Tokens: tokens(t), From: networks.Draw(t, "from")}}
		case 1:
			return step{usage: &detectors.Usage{Time: now, Class: class, Model: model, Tokens: tokens(t), From: networks.Draw(t, "from")}}
		case 2:
			return step{tick: now}
		}
		n := rapid.IntRange(0, len(ids)-1).Draw(t, "detector")
		kind := detectors.PrincipalKind(rapid.IntRange(0, int(detectors.Operator)).Draw(t, "kind"))
		return step{
			d: detector(ids[n], detectors.Family(n), detectors.Severity(n)),
			p: detectors.Principal{Kind: kind, ID: rapid.SampledFrom([]string{"a", "b\xff"}).Draw(t, "id")},
			f: detectors.Finding{
				Hand: detectors.Hand(rapid.IntRange(0, detectors.Hands-1).Draw(t, "hand")),
				Time: now, Bits: rapid.OneOf(rapid.Float64Range(0, 40), rapid.Float64()).Draw(t, "bits"),
				Summary: rapid.String().Draw(t, "summary"), Observed: facts.Draw(t, "observed"), Usual: facts.Draw(t, "usual"),
				Networks: rapid.SliceOfN(networks, 0, 5).Draw(t, "networks"),
			},
		}
	}), 1, 30).Draw(t, "steps")
}

func lines(t *rapid.T, incidents []*Incident) string {
	text := ""
	for _, i := range incidents {
		data, err := i.MarshalDocument()
		if err != nil {
			t.Fatal(err)
		}
		text += string(data) + "\n"
	}
	return text
}

func save(t *rapid.T, e *Episode) []byte {
	data, err := e.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestSavedAndRestored: an Episode that is saved and restored between any two
// steps does and becomes the same as one that is not.
func TestSavedAndRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var kept, restored Episode
		for _, s := range drawSteps(t) {
			s.apply(&kept)
			s.apply(&restored)
			data := save(t, &restored)
			restored = Episode{}
			if err := restored.UnmarshalBinary(data); err != nil {
				t.Fatalf("%v: %s", err, data)
			}
			if diff := cmp.Diff(string(save(t, &kept)), string(data)); diff != "" {
				t.Fatal(diff)
			}
			if rapid.Bool().Draw(t, "take") {
				if diff := cmp.Diff(lines(t, kept.Take()), lines(t, restored.Take())); diff != "" {
					t.Fatal(diff)
				}
			}
		}
	})
}

// TestLine: whatever is found, the line has the fixed keys and types.
func TestLine(t *testing.T) {
	principal := map[string]string{"kind": "string", "id": "string", "resource": "string"}
	finding := map[string]string{
		"detector": "string", "time": "string", "bits": "float64", "count": "float64", "summary": "string",
		"observed": "map[string]interface {}", "usual": "map[string]interface {}",
	}
	line := map[string]string{
		"id": "string", "principal": "map[string]interface {}", "principals": "[]interface {}", "severity": "string", "risk": "float64",
		"status": "string", "verdict": "<nil>", "title": "string",
		"certainty": "string", "why": "string", "harmless": "string", "openedAt": "string", "firstSeen": "string", "lastSeen": "string",
		"findings": "[]interface {}",
	}
	rapid.Check(t, func(t *rapid.T) {
		e := Episode{}
		e.Add(key, detector("new-country", detectors.Place, detectors.High), detectors.Finding{Time: 20_000 * detectors.Day, Bits: 9})
		for _, s := range drawSteps(t) {
			s.apply(&e)
		}
		for _, i := range e.Take() {
			data, err := json.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			line["lossUSD"] = "<nil>"
			if i.LossUSD != nil {
				line["lossUSD"] = "float64"
			}
			same(t, line, got)
			same(t, principal, got["principal"])
			for _, p := range got["principals"].([]any) {
				same(t, principal, p)
			}
			for _, f := range got["findings"].([]any) {
				same(t, finding, f)
			}
			if n := utf8.RuneCountInString(i.Title); n == 0 || n > maxTitle {
				t.Fatalf("title of %d characters: %q", n, i.Title)
			}
			for name, text := range map[string]string{"certainty": i.Certainty, "why": i.Why} {
				if text == "" || utf8.RuneCountInString(text) > maxReason || strings.ContainsFunc(text, unicode.IsControl) {
					t.Fatalf("%s: %q", name, text)
				}
			}
		}
	})
}

// same compares the keys of a JSON object and the Go types of their values.
func same(t *rapid.T, want map[string]string, object any) {
	got := map[string]string{}
	for name, value := range object.(map[string]any) {
		got[name] = fmt.Sprintf("%T", value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

func FuzzUnmarshalBinary(f *testing.F) {
	data, err := stolen().AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	ended := stolen()
	ended.Tick(at("2027-01-01T00:00:00Z"))
	if data, err = ended.AppendBinary(nil); err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"v":2,"principals":[{"kind":"operator"}],"traces":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Episode
		if e.UnmarshalBinary(data) != nil {
			if e.Open() || e.Take() != nil {
				t.Fatal("a refused state was taken over in part")
			}
			return
		}
		saved, err := e.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var again Episode
		if err := again.UnmarshalBinary(saved); err != nil {
			t.Fatalf("%v: %s", err, saved)
		}
		e.Add(key, detector("new-country", detectors.Place, detectors.High), detectors.Finding{Bits: 9, Time: at("2026-03-09T08:00:00Z")})
		for _, i := range e.Take() {
			if utf8.RuneCountInString(i.Title) > maxTitle {
				t.Fatalf("title %q", i.Title)
			}
		}
		if len(e.s.Traces) > maxDetectors || len(e.s.Principals) > maxPrincipals || len(e.s.Accused) > maxAccused || slices.ContainsFunc(e.s.Traces, func(t trace) bool {
			return slices.ContainsFunc(t.Accusations[:], func(kept []accusation) bool { return len(kept) > maxAccusations })
		}) {
			t.Fatal("grew beyond its bounds")
		}
	})
}
