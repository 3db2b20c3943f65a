// Package detectortest holds the one test that every detector must pass.
//
//	func TestDetector(t *testing.T) {
//		detectortest.Accept(t, Detector,
//			detectortest.Scenario{Name: "abuse", Below: 3, Play: func(s *detectortest.Script) {
//				s.Working(0, 14, 20, detectortest.Office)
//				s.Fires(5, func() { s.Call(detectortest.Check(detectortest.At(14, 3, 0), detectortest.Rented(0))) })
//			}},
//			…at least two near-misses…
//		)
//	}
//
// It holds a detector to its text, to a memory of fixed size, to judging by
// what it is handed alone (the same when saved and restored between any two
// events), to bounded cost under a hostile stream, and to its scenarios.
// Expectations stand beside the events that cause them. It fails where a
// detector brings no scenario in which it must fire, or fewer than two
// near-misses.
package detectortest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

// mostMemory is how many bytes a detector may remember of a principal.
const mostMemory = 1 << 10

// Accept is the acceptance test of a detector. It is called by a test in the detector's own folder.
func Accept(t *testing.T, d *detectors.Detector, scenarios ...Scenario) {
	t.Helper()
	t.Run("text", func(t *testing.T) { testText(t, d) })
	t.Run("memory", func(t *testing.T) { testMemory(t, d) })
	t.Run("hostile_stream", func(t *testing.T) { testHostile(t, d) })
	abuse, misses := 0, 0
	for _, s := range scenarios {
		script := record(s)
		if len(script.fires) > 0 {
			abuse++
		} else {
			misses++
		}
		t.Run(s.Name, func(t *testing.T) { testScenario(t, d, s, script) })
	}
	if abuse < 1 || misses < 2 {
		t.Errorf("%s has %d scenarios of abuse and %d near-misses: it needs 1 and 2", d.ID, abuse, misses)
	}
}

func testText(t *testing.T, d *detectors.Detector) {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if base := filepath.Base(folder); base != d.ID {
		t.Errorf("ID is %q, the folder's name %q", d.ID, base)
	}
	if n := len(strings.Fields(d.Title)); n == 0 || n > 6 {
		t.Errorf("title %q has %d words, want 1 to 6", d.Title, n)
	}
	if len(d.Text) < 80 {
		t.Errorf("text %q does not say what it recognises and on which side it errs", d.Text)
	}
	if len(d.Benign) == 0 || len(d.Triage) == 0 || len(d.Techniques) == 0 {
		t.Errorf("%d benign causes, %d steps of triage, %d techniques: none may be empty", len(d.Benign), len(d.Triage), len(d.Techniques))
	}
	for _, technique := range d.Techniques {
		if !strings.ContainsAny(technique.Framework, "0123456789") || technique.ID == "" {
			t.Errorf("technique %q of %q: both are needed, the framework with its version", technique.ID, technique.Framework)
		}
	}
	for _, text := range slices.Concat(d.Benign, d.Triage, []string{d.Text}) {
		if !strings.HasSuffix(text, ".") || strings.TrimSpace(text) != text {
			t.Errorf("%q is no sentence", text)
		}
	}
	if d.Version < 1 {
		t.Errorf("version %d, want 1 or more", d.Version)
	}
}

func testMemory(t *testing.T, d *detectors.Detector) {
	fresh := d.NewMemory()
	size := binary.Size(fresh)
	if size < 0 || size > mostMemory {
		t.Fatalf("memory %T is of %d bytes (-1 is: not of fixed size), want 0 to %d", fresh, size, mostMemory)
	}
	b := d.AppendMemory(nil, fresh)
	if len(b) != 0 {
		t.Errorf("an empty memory is saved as %d bytes, want none", len(b))
	}
	m, err := d.ReadMemory(d.Version, b)
	if err != nil || !reflect.DeepEqual(m, fresh) {
		t.Errorf("an empty memory is restored as %v, %v", m, err)
	}
	if _, err := d.ReadMemory(d.Version+1, b); err == nil {
		t.Error("a memory of the next version is read")
	}
	if _, err := d.ReadMemory(d.Version, make([]byte, mostMemory+1)); err == nil {
		t.Error("a memory that is too long is read")
	}
}
