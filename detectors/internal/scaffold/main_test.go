package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const list = `package all

import (
	"github.com/keywarden/keywarden/detectors"
	imageburst "github.com/keywarden/keywarden/detectors/image-burst"
	newnetwork "github.com/keywarden/keywarden/detectors/new-network"
)

func Detectors() []*detectors.Detector {
	return []*detectors.Detector{
		imageburst.Detector,
		newnetwork.Detector,
	}
}
`

func TestRegister(t *testing.T) {
	t.Run("keeps_the_order", func(t *testing.T) {
		got, err := register([]byte(list), "key-check")
		if err != nil {
			t.Fatal(err)
		}
		want := strings.NewReplacer(
			"\tnewnetwork \"", "\tkeycheck \"github.com/keywarden/keywarden/detectors/key-check\"\n\tnewnetwork \"",
			"\t\tnewnetwork.", "\t\tkeycheck.Detector,\n\t\tnewnetwork.",
		).Replace(list)
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("says_what_to_do_where_the_list_looks_different", func(t *testing.T) {
		_, err := register([]byte("package all\n"), "key-check")
		if err == nil || !strings.Contains(err.Error(), "by hand") {
			t.Errorf("got %v", err)
		}
	})
}

func TestScaffoldRefuses(t *testing.T) {
	root := t.TempDir()
	writeList(t, root)
	if err := os.Mkdir(filepath.Join(root, "image-burst"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ root, id, want string }{
		"an_id_in_upper_case":  {root, "Image-Burst", "is no id"},
		"an_id_that_is_a_path": {root, "../burst", "is no id"},
		"no_id":                {root, "", "is no id"},
		"what_is_there":        {root, "image-burst", "there already"},
		"to_run_anywhere":      {t.TempDir(), "key-check", "at the root of the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := scaffold(test.root, test.id)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestScaffold makes a new detector: it must compile and be clean, and its
// test must fail for the want of scenarios.
func TestScaffold(t *testing.T) {
	root, err := os.MkdirTemp(".", "_made") // in the module, and "_" keeps it from ./...
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	writeList(t, root)
	made, err := scaffold(root, "some-name")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"some-name/somename.go", "some-name/somename_test.go", "all/all.go"}
	for i := range want {
		want[i] = filepath.Join(root, want[i])
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
	pkg := "./" + filepath.Join(root, "some-name")
	if out, err := exec.Command("go", "vet", pkg).CombinedOutput(); err != nil {
		t.Fatalf("go vet: %v\n%s", err, out)
	}
	out, err := exec.Command("go", "test", pkg).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "some-name has 0 scenarios of abuse and 0 near-misses") {
		t.Errorf("go test: %v, want a failure for the want of scenarios\n%s", err, out)
	}
}

// writeList makes a list of all detectors below a folder like detectors.
func writeList(t *testing.T, root string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(root, "all"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "all", "all.go"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
}
