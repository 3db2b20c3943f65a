// Package keywarden holds no code, only the law of its folders: imports point
// one way. The domain (detectors) knows nobody, the path of a record knows the
// domain, adapters know both but not one another, and what is only for
// developing and measuring is in no one's way.
package keywarden

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/keywarden/keywarden/"

// A layer is folders with the same rights.
type layer struct {
	name    string
	folders []string
	knows   []string // layers whose packages it may import, besides its own package's folder
	foreign bool     // it may import other modules
}

var layers = []layer{
	{name: "domain", folders: []string{"detectors"}},
	{name: "path", folders: []string{"internal/azurelog", "internal/geo", "internal/usagelog", "internal/engine", "internal/incident"}, knows: []string{"domain", "path"}, foreign: true},
	{name: "adapters", folders: []string{"internal/eventhub", "internal/cosmos", "internal/sqlite", "internal/teams", "internal/web"}, knows: []string{"domain", "path"}, foreign: true},
	{name: "handlers", folders: []string{"handlers"}, knows: []string{"domain", "path"}, foreign: true},
	{name: "tools", folders: []string{"internal/simulate", "internal/evaluate", "internal/functionshost", "internal/hubemulator", "internal/cosmosemulator"},
		knows: []string{"domain", "path", "tools"}, foreign: true},
	{name: "commands", folders: []string{"cmd"}, knows: []string{"domain", "path", "adapters", "handlers", "tools"}, foreign: true},
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Deps       []string // direct and indirect
}

func TestImportsPointOneWay(t *testing.T) {
	packages := list(t)
	checked := 0
	for _, p := range packages {
		if !strings.HasPrefix(p.ImportPath, module) {
			continue
		}
		checked++
		from, ok := layerOf(p.ImportPath)
		if !ok {
			t.Errorf("%s is in no layer: give its folder one in this test", p.ImportPath)
			continue
		}
		for _, dep := range p.Deps {
			if reason := refused(from, p.ImportPath, packages[dep]); reason != "" {
				t.Errorf("%s imports %s, directly or not: %s", p.ImportPath, dep, reason)
			}
		}
	}
	if checked == 0 {
		t.Fatal("no packages found")
	}
}

// list is all packages of the module and all that they import, by import path.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Deps", "./...").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	packages := map[string]pkg{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages[p.ImportPath] = p
	}
}

// refused is why a package of a layer may not import dep; "" where it may.
func refused(from layer, path string, dep pkg) string {
	if dep.Standard {
		return ""
	}
	if !strings.HasPrefix(dep.ImportPath, module) {
		if !from.foreign {
			return "the " + from.name + " imports the standard library only"
		}
		return ""
	}
	to, _ := layerOf(dep.ImportPath)
	switch {
	case slices.Contains(from.knows, to.name), folderOf(from, path) == folderOf(to, dep.ImportPath):
		return ""
	case from.name == to.name:
		return "the " + from.name + " do not know one another"
	}
	return "the " + from.name + " must not know the " + to.name
}

// layerOf is the layer of a package of the module.
func layerOf(path string) (layer, bool) {
	for _, l := range layers {
		if folderOf(l, path) != "" {
			return l, true
		}
	}
	return layer{}, false
}

// folderOf is the folder of a layer that a package is in; "" where it is in none.
func folderOf(l layer, path string) string {
	for _, folder := range l.folders {
		if path == module+folder || strings.HasPrefix(path, module+folder+"/") {
			return folder
		}
	}
	return ""
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		path, dep string
		allowed   bool
	}{
		"domain_to_domain":            {"detectors/imageburst", "detectors/internal/stat", true},
		"domain_to_path":              {"detectors/imageburst", "internal/azurelog", false},
		"domain_to_other_module":      {"detectors/imageburst", "github.com/other/module", false},
		"path_to_domain":              {"internal/engine", "detectors", true},
		"path_to_other_module":        {"internal/geo", "github.com/other/module", true},
		"path_to_adapter":             {"internal/engine", "internal/sqlite", false},
		"path_to_tool":                {"internal/engine", "internal/simulate", false},
		"adapter_to_path":             {"internal/sqlite", "internal/engine", true},
		"adapter_to_itself":           {"internal/sqlite", "internal/sqlite/schema", true},
		"adapter_to_adapter":          {"internal/web", "internal/cosmos", false},
		"adapter_to_command":          {"internal/web", "cmd/keywarden", false},
		"handler_to_adapter":          {"handlers/usage", "internal/cosmos", false},
		"command_to_adapter_and_tool": {"cmd/keywarden", "internal/simulate", true},
	} {
		t.Run(name, func(t *testing.T) {
			dep := test.dep
			if !strings.HasPrefix(dep, "github.com/") {
				dep = module + dep
			}
			from, ok := layerOf(module + test.path)
			if !ok {
				t.Fatalf("%s is in no layer", test.path)
			}
			if reason := refused(from, module+test.path, pkg{ImportPath: dep}); (reason == "") != test.allowed {
				t.Errorf("allowed: %v (%q), want %v", reason == "", reason, test.allowed)
			}
		})
	}
}
