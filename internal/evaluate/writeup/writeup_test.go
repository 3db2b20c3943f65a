package writeup

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/evaluate/peers"
	"github.com/keywarden/keywarden/internal/simulate"
)

// input is an evaluation in small: two kinds of campaign, of which one is missed half of the time.
func input() Input {
	minute := detectors.Minute
	outcome := func(kind string, strength simulate.Strength, found bool, delay detectors.Time) evaluate.Outcome {
		return evaluate.Outcome{Campaign: simulate.CampaignTruth{ID: kind + "-1", Kind: kind, Strength: strength, FirstCall: 1, LastCall: detectors.Day, Calls: 1234}, Victim: "backend", Found: found, Delay: delay, Calls: 3}
	}
	own := evaluate.Score{
		Outcomes: []evaluate.Outcome{
			outcome("tor", simulate.Normal, true, minute), outcome("tor", simulate.Slow, true, 3*minute),
			outcome("storm", simulate.Slow, false, 0), outcome("storm", simulate.Smash, true, 2*minute),
		},
		Alarms: 4, False: []evaluate.Alarm{{Title: "A <b>title</b> | with a bar", Risk: 17.25, Archetype: "person"}}, Months: 20, Residents: map[string]float64{"person": 10, "backend": 10},
	}
	rules := peers.Rules()
	ruled := []evaluate.Ruled{{Rule: rules[0], Score: evaluate.Score{Outcomes: own.Outcomes[2:], Alarms: 60, False: make([]evaluate.Alarm, 60), Months: 20}}}
	for _, group := range []string{peers.Vendor, peers.HandWritten} {
		ruled = append(ruled, evaluate.Ruled{Rule: evaluate.Rule{Name: "all " + group + " rules", Group: group}, Score: ruled[0].Score})
	}
	e := &evaluate.Evaluation{
		Suite: evaluate.Suite{Name: "reporting", Seed: 100, Trials: 2, Principals: 20, Days: 30}, Events: 1234567, Own: own, Rules: ruled,
		Ablation: []evaluate.Ablated{{Detector: "key-check", Lost: own.Outcomes[:1], False: 2, Prompt: 1}, {Detector: "resale"}},
		Line:     []evaluate.Point{{Risk: 3, Found: 4, Campaigns: 4, Alarms: 9, False: 5, Months: 20}, {Risk: 10, Found: 3, Campaigns: 4, Alarms: 4, False: 1, Months: 20}, {Risk: 20, Campaigns: 4, Months: 20}},
	}
	p := &evaluate.Promise{Sweep: evaluate.Benign, Days: 4096, Incidents: []evaluate.Churned{{Churn: 1, False: 2, Months: 100}, {Churn: 4, False: 90, Months: 100}}}
	p.Realised = []evaluate.Realised{{Detector: "key-check", Days: []int{4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1}}, {Detector: "resale", Days: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}
	return Input{Simulated: e, Production: e, Promise: p}
}

// section is what stands below a title.
func section(t *testing.T, d *Document, title string) string {
	t.Helper()
	_, text, ok := strings.Cut(d.Markdown(), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("there is no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// TestEncounters: found of all by kind and archetype, both the weakest first, others last, and no column of an archetype that nobody attacked.
func TestEncounters(t *testing.T) {
	in := input()
	for i, victim := range []string{"person", "", "backend", "backend"} {
		in.Simulated.Own.Outcomes[i].Victim = victim
	}
	d := New(in)
	const title = "Campaigns and the archetypes of their victims"
	want := "| campaign | backend | person | others |\n|---|--:|--:|--:|\n| `storm` | 1/2 |  |  |\n| `tor` |  | 1/1 | 1/1 |"
	if got := section(t, d, title); !strings.HasSuffix(strings.TrimSpace(got), want) {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	page, err := d.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`href="#encounters"`, `<section id="encounters">`, `<td><code>storm</code></td><td class="right">1/2</td><td class="right"></td>`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %s in the page", want)
		}
	}
	if n := strings.Count(d.Markdown(), title); n != 1 {
		t.Errorf("%d such tables: it is of simulated life", n)
	}
}

func TestLead(t *testing.T) {
	in := input()
	e := in.Simulated
	if lead := New(in).Lead[0]; !strings.Contains(lead, " 2 trials of 20 principals over 30 days each, with 4 campaigns of 2 kinds in 3 strengths: 1,234,567 records,") {
		t.Error(lead)
	}
	e.Suite.Trials, e.Suite.Principals, e.Suite.Days, e.Events, e.Own.Outcomes = 1, 1, 1, 1, e.Own.Outcomes[:1]
	e.Own.Outcomes[0].Open = true
	lead := New(Input{Simulated: e}).Lead
	if !strings.Contains(lead[0], " 1 trial of 1 principal over 1 day, with 1 campaign of 1 kind in 1 strength: 1 record,") {
		t.Error(lead[0])
	}
	if want := "One of the campaigns began while a true incident about the same victim was open, and counts as called at once."; lead[2] != want {
		t.Error(lead[2])
	}
}

func TestDocument(t *testing.T) {
	d := New(input())
	text := d.Markdown()
	for _, want := range []string{
		"The weakest is `storm`: 1/2, 50.0 % (9.5–90.5).",
		"3/4, 75.0 % (30.1–95.4)", "1 in 20, 0.050 (0.001–0.279)", "2.0 min, 3 calls",
		"| `storm-1` | slow | 100 | backend | 1,234 | 0 | 1.0 |",
		`A <b>title</b> \| with a bar`,
		"without `resale`",
		"1,234,567 records",
		"| × 4 | 90 in 100, 0.900 (0.724–1.1) | no |",
		"(evaluation/calibration.svg)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if storm, tor := strings.Index(text, "| `storm` |"), strings.Index(text, "| `tor` |"); storm < 0 || tor < storm {
		t.Error("the weakest campaign does not stand first")
	}
	if flat := New(Input{Simulated: input().Simulated}).Markdown(); !strings.Contains(flat, "no clients were given") || strings.Contains(flat, "calibration.svg") {
		t.Error("without clients and sweep the page does not say so")
	}
	tuned := input()
	tuned.Simulated.Suite.Name = "tuning"
	if !strings.Contains(New(tuned).Markdown(), "its figures flatter") {
		t.Error("on tuning seeds the page does not say so")
	}
	for i := range d.Sections {
		if s := &d.Sections[i]; s.Table != nil {
			for _, row := range s.Table.Rows {
				if len(row) != len(s.Table.Columns) {
					t.Errorf("%s: %d cells in %d columns: %v", s.ID, len(row), len(s.Table.Columns), row)
				}
			}
		}
	}
}

// outside is whatever makes a browser fetch something.
var outside = regexp.MustCompile(`(?i)<script|<link|<img|<iframe|@import|url\(|\bsrc=|href="[^#]`)

func TestHTML_stands_alone(t *testing.T) {
	page, err := New(input()).HTML()
	if err != nil {
		t.Fatal(err)
	}
	if found := outside.FindAll(page, -1); found != nil {
		t.Errorf("it needs what is elsewhere: %q", found)
	}
	if n := strings.Count(string(page), "<svg"); n != 10 {
		t.Errorf("%d charts in the page, want 10", n)
	}
	if strings.Contains(string(page), "<b>title</b>") || !strings.Contains(string(page), "&lt;b&gt;title") {
		t.Error("a title is not escaped")
	}
	ids := map[string]bool{}
	in := xml.NewDecoder(bytes.NewReader(page))
	in.Strict, in.AutoClose, in.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var links []string
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range start.Attr {
			switch a.Name.Local {
			case "id":
				if ids[a.Value] {
					t.Errorf("two elements are %q", a.Value)
				}
				ids[a.Value] = true
			case "href":
				links = append(links, a.Value)
			}
		}
	}
	for _, link := range links {
		if !ids[strings.TrimPrefix(link, "#")] {
			t.Errorf("%s leads nowhere", link)
		}
	}
	if len(links) < 10 {
		t.Errorf("%d links", len(links))
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	if err := New(input()).Write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "evaluation.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.html")); err != nil {
		t.Error(err)
	}
	checkCharts(t, dir, string(page))
}

// checkCharts holds the charts of a page to its folder: all that it shows are there, well-formed, and no others.
func checkCharts(t *testing.T, dir, page string) {
	t.Helper()
	shown := map[string]bool{}
	for _, match := range regexp.MustCompile(`\(evaluation/([a-z-]+\.svg)\)`).FindAllStringSubmatch(page, -1) {
		shown[match[1]] = true
	}
	files, err := os.ReadDir(filepath.Join(dir, Folder))
	if err != nil {
		t.Fatal(err)
	}
	if len(shown) == 0 || len(files) != len(shown) {
		t.Errorf("the page shows %d charts, and there are %d files", len(shown), len(files))
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, Folder, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !shown[f.Name()] {
			t.Errorf("no page shows %s", f.Name())
		}
		if err := xml.Unmarshal(data, new(struct{})); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
	}
}

func TestWriteLines(t *testing.T) {
	var out bytes.Buffer
	if err := WriteLines(&out, input()); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for line := range strings.Lines(out.String()) {
		var l struct {
			Line
			Found    int
			Recall   *Interval
			Campaign *simulate.CampaignTruth
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		kinds[l.Kind]++
		if l.Kind == "campaign" && l.Name == "storm" && (l.Found != 1 || l.Recall.Estimate != .5) {
			t.Error(line)
		}
		if l.Kind == "missed" && l.Campaign.ID != "storm-1" {
			t.Error(line)
		}
	}
	for kind, want := range map[string]int{"keywarden": 2, "rule": 6, "campaign": 4, "strength": 6, "archetype": 2, "detector": 4, "risk": 6, "missed": 2, "false": 2, "promise": 2, "churn": 2} {
		if kinds[kind] != want {
			t.Errorf("%d lines of kind %s, want %d", kinds[kind], kind, want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{duration(999), "0 s"}, {duration(90 * detectors.Second), "1.5 min"}, {duration(3 * detectors.Hour), "3.0 h"},
		{percent(.5), "50.0"}, {percent(1. / 4096), "0.02"}, {percent(0), "0.0"}, {small(0), "0"}, {small(12.34), "12.3"}, {small(.0123), "0.012"},
		{share(0, 0), "none"}, {upper("two"), "Two"}, {upper(""), ""}, {number(3), "three"}, {number(1200), "1,200"},
		{strings.Join(counted([]string{"b", "a", "b"}), ", "), "a, 2 × b"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
