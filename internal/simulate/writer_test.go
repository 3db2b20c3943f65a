package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywarden/keywarden/internal/azurelog"
)

// small is a run with every category in it.
var small = Options{Seed: 4, Days: 2, Principals: 20, Campaigns: []Campaign{{Kind: "theft-by-listkeys", Strength: Slow, Day: 1}, {Kind: "storm", Strength: Slow, Day: 1}, {Kind: "logging-cut", Day: 2}}}

// written is a run, as fragments and as w writes it.
func written(t *testing.T, o Options, w Writer) []azurelog.Fragment {
	t.Helper()
	var fragments []azurelog.Fragment
	run(t, o, func(d *Delivery) {
		if err := w.Write(*d); err != nil {
			t.Fatal(err)
		}
		fragments = append(fragments, d.Fragment)
	})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fragments
}

// compareFragments compares what was written with what is read.
func compareFragments(t *testing.T, want, got []azurelog.Fragment, d *azurelog.Decoder) {
	t.Helper()
	if len(want) < 5000 || len(got) != len(want) {
		t.Fatalf("%d rows read of %d", len(got), len(want))
	}
	options := cmp.Options{cmpopts.IgnoreFields(azurelog.Fragment{}, "Offset", "Ordinal"), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})}
	for i := range want {
		if equal(want[i], got[i]) {
			continue
		}
		if diff := cmp.Diff(want[i], got[i], options); diff != "" {
			t.Fatalf("row %d: %s", i, diff)
		}
	}
	counts := d.Counts()
	if len(counts.UnknownOperations)+len(counts.UnknownCategories)+len(counts.Drift) > 0 {
		t.Errorf("not understood: %v %v %v", counts.UnknownOperations, counts.UnknownCategories, counts.Drift)
	}
	for category, n := range counts.Records {
		if n == 0 {
			t.Errorf("no %v was written", azurelog.Category(category))
		}
	}
}

// equal reports whether two fragments are plainly the same: cmp.Diff of all would take minutes.
func equal(a, b azurelog.Fragment) bool {
	if a.Act != nil && b.Act != nil {
		same := *a.Act == *b.Act
		a.Act, b.Act = nil, nil
		if !same {
			return false
		}
	}
	a.Offset, a.Ordinal, b.Offset, b.Ordinal = 0, 0, 0, 0
	return a == b
}

func TestStream_reads_back(t *testing.T) {
	var out bytes.Buffer
	want := written(t, small, NewStream(&out))
	lines := bytes.SplitAfter(out.Bytes(), []byte("\n"))
	if len(lines) < 1000 || len(lines) >= len(want) {
		t.Errorf("%d rows in %d messages, want several rows in some", len(want), len(lines))
	}
	for _, line := range lines[:len(lines)-1] {
		if !json.Valid(line) || len(line) > 1<<20 {
			t.Fatalf("no message of at most 1 MB: %.200s", line)
		}
	}
	d := azurelog.NewDecoder()
	got, bad := d.Decode(nil, azurelog.Block{Data: out.Bytes()})
	if len(bad) > 0 {
		t.Fatal(bad[0])
	}
	compareFragments(t, want, got, d)
}

func TestArchive_reads_back(t *testing.T) {
	root := t.TempDir()
	want := written(t, small, NewArchive(root))
	layout := regexp.MustCompile(`^[a-z-]+/resourceId=/[A-Z0-9/.-]+/y=2026/m=09/d=\d\d/h=\d\d/m=00/PT1H\.json$`)
	d := azurelog.NewDecoder()
	var got []azurelog.Fragment
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if name, _ := filepath.Rel(root, path); !layout.MatchString(filepath.ToSlash(name)) {
			t.Errorf("%s is not Azure's layout", name)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rows, bad := d.Decode(nil, azurelog.Block{Data: data})
		if len(bad) > 0 {
			t.Errorf("%s: %v", path, bad[0])
		}
		got = append(got, rows...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	order := func(a, b azurelog.Fragment) int {
		x, y := Delivery{Fragment: a, Message: uint64(a.Category)}, Delivery{Fragment: b, Message: uint64(b.Category)}
		return compare(&x, &y)
	}
	slices.SortStableFunc(want, order)
	slices.SortStableFunc(got, order)
	compareFragments(t, want, got, d)
}

func TestArchive_says_what_fails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := NewArchive(file)
	_, err := Generate(Options{Days: 1, Principals: 3}, a.Write)
	if err == nil {
		err = a.Close()
	}
	var path *fs.PathError
	if !errors.As(err, &path) {
		t.Errorf("an archive below a file: %v", err)
	}
}

// full is a disk with room for some bytes.
type full int

func (f *full) Write(p []byte) (int, error) {
	if *f -= full(len(p)); *f < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestStream_ends_with_its_writer(t *testing.T) {
	room := full(1 << 20)
	truth, err := Generate(Options{Days: 30}, NewStream(&room).Write)
	if !errors.Is(err, io.ErrShortWrite) || truth.Calls > 100_000 {
		t.Errorf("after %d calls: %v", truth.Calls, err)
	}
}
