// Scaffold makes a new detector, for `make new-detector ID=some-name`: a
// folder with a detector that compiles and finds nothing, a test that fails
// until it has scenarios, and a line in the list of all detectors.
package main

import (
	"bytes"
	"embed"
	"errors"
	"flag"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

func main() {
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: make new-detector ID=some-name")
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	made, err := scaffold("detectors", flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "new-detector:", err)
		os.Exit(1)
	}
	for _, path := range made {
		fmt.Println(path)
	}
}

//go:embed *.tmpl
var templates embed.FS

// idPattern is how a detector may be called: it is a folder, a flag's value and a part of a URL.
var idPattern = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// scaffold writes the detector of an id below the folder of all detectors, and
// returns the files that it wrote.
func scaffold(root, id string) ([]string, error) {
	if !idPattern.MatchString(id) {
		return nil, fmt.Errorf("%q is no id: write lower-case words with hyphens, for instance image-burst", id)
	}
	list := filepath.Join(root, "all", "all.go")
	before, err := os.ReadFile(list)
	if err != nil {
		return nil, fmt.Errorf("%w: run this at the root of the repository", err)
	}
	after, err := register(before, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", list, err)
	}
	folder := filepath.Join(root, id)
	if err := os.Mkdir(folder, 0o755); errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already", folder)
	} else if err != nil {
		return nil, err
	}
	made := []string{filepath.Join(folder, packageName(id)+".go"), filepath.Join(folder, packageName(id)+"_test.go"), list}
	for i, name := range []string{"detector.go.tmpl", "detector_test.go.tmpl"} {
		text, err := fill(name, id)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(made[i], text, 0o644); err != nil {
			return nil, err
		}
	}
	return made, os.WriteFile(list, after, 0o644)
}

// packageName is the package of a detector: its id without hyphens.
func packageName(id string) string { return strings.ReplaceAll(id, "-", "") }

// fill is a template with the names of a detector in it, in gofmt's format.
func fill(name, id string) ([]byte, error) {
	var text bytes.Buffer
	names := struct{ ID, Package string }{id, packageName(id)}
	if err := template.Must(template.ParseFS(templates, name)).Execute(&text, names); err != nil {
		return nil, err
	}
	return format.Source(text.Bytes())
}

// register adds a detector to the source of the list, in the order of packages.
func register(source []byte, id string) ([]byte, error) {
	lines := strings.Split(string(source), "\n")
	imports := fmt.Sprintf("\t%s %q", packageName(id), "github.com/keywarden/keywarden/detectors/"+id)
	lines, err := insert(lines, "import (", ")", imports)
	if err != nil {
		return nil, err
	}
	lines, err = insert(lines, "\treturn []*detectors.Detector{", "\t}", "\t\t"+packageName(id)+".Detector,")
	if err != nil {
		return nil, err
	}
	return format.Source([]byte(strings.Join(lines, "\n")))
}

// insert puts a line at its place among the sorted lines between two others.
func insert(lines []string, from, to, line string) ([]string, error) {
	first := slices.Index(lines, from) + 1
	length := slices.Index(lines[first:], to)
	if first == 0 || length < 0 {
		return nil, fmt.Errorf("cannot find the lines between %q and %q: add the detector by hand", from, to)
	}
	i, _ := slices.BinarySearch(lines[first:first+length], line)
	return slices.Insert(lines, first+i, line), nil
}
