package all

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

// TestListed compares the list with the folders: each folder with Go files in
// it, but for this one, the tests' and those under internal, is a detector.
func TestListed(t *testing.T) {
	files, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, file := range files {
		folder := filepath.Base(filepath.Dir(file))
		if folder != "all" && folder != "detectortest" && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	var ids []string
	for _, d := range Detectors() {
		if slices.Contains(ids, d.ID) {
			t.Errorf("%s is listed twice", d.ID)
		}
		ids = append(ids, d.ID)
		if !slices.Contains(folders, d.ID) {
			t.Errorf("%s has no folder of its name", d.ID)
		}
	}
	for _, folder := range folders {
		if !slices.Contains(ids, folder) {
			t.Errorf("detectors/%s is not in the list of all.go", folder)
		}
	}
	if len(ids) == 0 {
		t.Error("no detectors found")
	}
}

var update = flag.Bool("update", false, "rewrite the lists of detectors in the documents")

// Between these lines of a document stands the list of detectors.
const (
	begin = "<!-- detectors: written by make generate -->\n"
	end   = "<!-- /detectors -->\n"
)

// TestDocuments compares the lists of detectors in the documents with the detectors.
func TestDocuments(t *testing.T) {
	var documents []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	lists := 0
	for _, document := range documents {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		before, rest, found := strings.Cut(string(text), begin)
		if !found {
			continue
		}
		lists++
		_, after, found := strings.Cut(rest, end)
		if !found {
			t.Errorf("%s: the list of detectors has no end: expected %q", document, end)
			continue
		}
		want := before + begin + markdown(Detectors()) + end + after
		switch {
		case want == string(text):
		case *update:
			if err := os.WriteFile(document, []byte(want), 0o644); err != nil {
				t.Error(err)
			}
		default:
			t.Errorf("%s: the list of detectors is stale: run make generate", document)
		}
	}
	if lists == 0 {
		t.Error("no document with a list of detectors found")
	}
}

// markdown is the list of detectors as a table.
func markdown(list []*detectors.Detector) string {
	var out strings.Builder
	out.WriteString("| detector | finds | at most | family | techniques |\n|---|---|---|---|---|\n")
	for _, d := range list {
		var techniques []string
		for _, technique := range d.Techniques {
			techniques = append(techniques, technique.ID)
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", d.ID, d.Title, d.Severity, d.Family, strings.Join(techniques, ", "))
	}
	return out.String()
}
