package evaluate

import (
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// serveGen writes lines as a ServeGen folder.
func serveGen(t *testing.T, lines ...string) string {
	t.Helper()
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, serveGenFile))
	if err != nil {
		t.Fatal(err)
	}
	out := gzip.NewWriter(file)
	_, err = out.Write([]byte(strings.Join(lines, "\n") + "\n"))
	if err := errors.Join(err, out.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReadServeGen(t *testing.T) {
	dir := serveGen(t, "# made of something", "m\t0\t0\t2 0x143", "m\t2\t1200\t1 5x141", "m\t4\t0\t1x10", "m\t6\t0\t100000x144")
	got, err := ReadServeGen(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Reporting) != 2 || len(got.Tuning) != 1 {
		t.Fatalf("%d clients to report on and %d to tune on, want 2 and 1: the one of ten windows is too short", len(got.Reporting), len(got.Tuning))
	}
	if first := got.Reporting[0]; first[0] != 2 || first[1] != 0 || len(first) != 144 {
		t.Errorf("%v", first)
	}
	if d := cmp.Diff([]int{0, 0, 1, 5}, []int(got.Tuning[0][:4])); d != "" {
		t.Errorf("the first window is in its place by its second: %s", d)
	}
	sum := 0
	for _, n := range got.Reporting[1] {
		sum += n
	}
	if sum < thinned*9/10 || sum > thinned*11/10 {
		t.Errorf("a busy client keeps %d calls a day, want about %d", sum, thinned)
	}
	again, err := ReadServeGen(dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(got, again); d != "" {
		t.Errorf("read again it differs: %s", d)
	}
}

func TestReadServeGen_says_what_is_wrong(t *testing.T) {
	for name, test := range map[string]struct{ line, says string }{
		"columns":       {"m\t0\t0", "line 1: 3 columns"},
		"first_second":  {"m\t0\t-5\t1", `line 1: the first second "-5"`},
		"no_number":     {"m\t0\t0\t1 two", `line 1: "two" is no count`},
		"repeat":        {"m\t0\t0\t1x0", `line 1: "1x0" is no count`},
		"far_too_long":  {"m\t0\t0\t1x99999999999", "is no count"},
		"too_few":       {"m\t0\t0\t1x144", "too few"},
		"negative":      {"m\t0\t0\t-1x144", "is no count"},
		"first_too_far": {"m\t0\t999999999999\t1", "the first second"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadServeGen(serveGen(t, test.line), 1); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q in it", err, test.says)
			}
		})
	}
	if _, err := ReadServeGen(t.TempDir(), 1); err == nil || !strings.Contains(err.Error(), serveGenFile) {
		t.Errorf("of an empty folder: %v", err)
	}
}

// TestReadServeGen_the_data reads the shared folder, where it stands beside the repository.
func TestReadServeGen_the_data(t *testing.T) {
	const dir = "../../../shared/data/servegen"
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("no ../shared/data")
	}
	got, err := ReadServeGen(dir, 14)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Reporting) < 50 || len(got.Tuning) < 50 {
		t.Errorf("%d and %d clients", len(got.Reporting), len(got.Tuning))
	}
}
