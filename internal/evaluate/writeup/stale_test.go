package writeup

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/evaluate/peers"
	"github.com/keywarden/keywarden/internal/simulate"
)

// docs is where `make evaluate` puts the page and its charts.
const docs = "../../../docs"

// TestPage tells where docs/evaluation.md is of another program than this: of
// other detectors, campaigns, archetypes, rules or sections. The figures
// themselves need `make evaluate`.
func TestPage(t *testing.T) {
	data, err := os.ReadFile(docs + "/evaluation.md")
	if err != nil {
		t.Fatalf("%v: run make evaluate", err)
	}
	page := string(data)
	checkCharts(t, docs, page)
	sections := regexp.MustCompile(`(?m)^## (.*)\n`).FindAllStringSubmatch(page, -1)
	have := map[string]bool{}
	for _, s := range sections {
		have[s[1]] = true
	}
	for _, s := range New(input()).Sections {
		if !have[s.Title] {
			t.Errorf("docs/evaluation.md has no section %q: run make evaluate", s.Title)
		}
		delete(have, s.Title)
	}
	for title := range have {
		t.Errorf("docs/evaluation.md has a section %q that a report has no more: run make evaluate", title)
	}

	var detectors, rules []string
	for _, d := range all.Detectors() {
		detectors = append(detectors, d.ID)
	}
	rules = append(rules, "keywarden", "all vendor rules", "all hand-written rules")
	for _, r := range peers.Rules() {
		rules = append(rules, r.Name)
	}
	for title, want := range map[string][]string{
		"What each detector adds":                        detectors,
		"Campaigns on simulated life, the weakest first": simulate.Kinds(),
		"Archetypes, the weakest first":                  append(simulate.Archetypes(), "others"),
		"Campaigns and the archetypes of their victims":  simulate.Kinds(),
		"Beside the rules of others, on simulated life":  rules,
	} {
		got := firstColumn(page, title)
		for _, name := range want {
			if !got[name] {
				t.Errorf("docs/evaluation.md, %s: no %s: run make evaluate", title, name)
			}
			delete(got, name)
		}
		for name := range got {
			t.Errorf("docs/evaluation.md, %s: %s is no more: run make evaluate", title, name)
		}
	}
}

// TestReadme holds the table in README.md to the page's.
func TestReadme(t *testing.T) {
	page, err := os.ReadFile(docs + "/evaluation.md")
	if err != nil {
		t.Fatalf("%v: run make evaluate", err)
	}
	readme, err := os.ReadFile(docs + "/../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(page), "\n## In short\n")
	want, _, _ = strings.Cut(want, "\n## ")
	_, got, _ := strings.Cut(string(readme), "<!-- evaluation: written by make evaluate -->\n")
	got, _, _ = strings.Cut(got, "<!-- /evaluation -->")
	if want = strings.TrimSpace(want); want == "" || want != strings.TrimSpace(got) {
		t.Errorf("the table in README.md is not that of docs/evaluation.md: run make evaluate")
	}
}

// firstColumn is the names in the first column of the table below a title.
func firstColumn(page, title string) map[string]bool {
	names := map[string]bool{}
	_, section, _ := strings.Cut(page, "\n## "+title+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, match := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		names[match[1]] = true
	}
	return names
}
