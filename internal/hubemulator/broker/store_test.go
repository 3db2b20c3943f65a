package broker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// reopen opens a folder again, without closing what held it: as after a kill.
func reopen(t *testing.T, folder string, c *clock) (*Broker, *Hub) {
	t.Helper()
	b, err := Open(folder, c.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	hub, err := b.Hub("hub")
	if err != nil {
		t.Fatal(err)
	}
	return b, hub
}

func TestKeptAcrossKill(t *testing.T) {
	c, folder := newClock(), t.TempDir()
	_, before := newTestHub(t, folder, c, Spec{Name: "Hub", Partitions: 2, ConsumerGroups: []string{"g"}, Retention: time.Hour, GeoReplicated: true})
	appendBodies(t, partitionOf(t, before, "0"), "a", "b")
	c.pass(time.Second)
	appendBodies(t, partitionOf(t, before, "0"), "c")
	_, after := reopen(t, folder, c)
	if !after.Created().Equal(before.Created()) {
		t.Errorf("created %s, then %s", before.Created(), after.Created())
	}
	if diff := cmp.Diff(before.spec, after.spec); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	for _, id := range []string{"0", "1"} {
		was, is := partitionOf(t, before, id), partitionOf(t, after, id)
		if diff := cmp.Diff(was.Properties(), is.Properties()); diff != "" {
			t.Errorf("partition %s (-before +after):\n%s", id, diff)
		}
		wasEvents, _ := was.Read(0, 1<<20)
		isEvents, _ := is.Read(0, 1<<20)
		if diff := cmp.Diff(wasEvents, isEvents); diff != "" {
			t.Errorf("partition %s (-before +after):\n%s", id, diff)
		}
	}
	appendBodies(t, partitionOf(t, after, "0"), "d")
	_, again := reopen(t, folder, c)
	if diff := cmp.Diff([]string{"0 a", "1 b", "2 c", "3 d"}, read(t, partitionOf(t, again, "0"), 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNumbersGoOnAfterAllEventsExpired(t *testing.T) {
	c, folder := newClock(), t.TempDir()
	_, hub := newTestHub(t, folder, c, Spec{Name: "hub", Partitions: 1, Retention: time.Minute})
	p := partitionOf(t, hub, "0")
	body := strings.Repeat("x", 1<<20)
	for range 40 {
		appendBodies(t, p, body)
	}
	if n := len(segmentFiles(t, folder)); n < 3 {
		t.Fatalf("%d segments, want several", n)
	}
	c.pass(time.Hour)
	appendBodies(t, p, "y")
	if n := len(segmentFiles(t, folder)); n != 1 {
		t.Errorf("%d segments are left", n)
	}
	c.pass(time.Hour)
	_, after := reopen(t, folder, c)
	got := partitionOf(t, after, "0").Properties()
	if got.Begin != 41 || !got.Empty || got.Last != 40 {
		t.Errorf("%+v", got)
	}
	appendBodies(t, partitionOf(t, after, "0"), "z")
	if diff := cmp.Diff([]string{"41 z"}, read(t, partitionOf(t, after, "0"), 0)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func segmentFiles(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "hub", "0", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A log that was cut anywhere holds the events before the cut, and goes on.
func TestCutOffAnywhere(t *testing.T) {
	c, folder := newClock(), t.TempDir()
	_, hub := newTestHub(t, folder, c, Spec{Name: "hub", Partitions: 1})
	for i := range 5 {
		appendBodies(t, partitionOf(t, hub, "0"), fmt.Sprint(i))
	}
	file := segmentFiles(t, folder)[0]
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	record := len(whole) / 5
	rapid.Check(t, func(rt *rapid.T) {
		cut := rapid.IntRange(0, len(whole)).Draw(rt, "cut")
		if err := os.WriteFile(file, whole[:cut], 0o644); err != nil {
			rt.Fatal(err)
		}
		b, err := Open(folder, c.now)
		if err != nil {
			rt.Fatal(err)
		}
		defer b.Close() //nolint:errcheck // a test's
		hub, err := b.Hub("hub")
		if err != nil {
			rt.Fatal(err)
		}
		p, err := hub.Partition("0")
		if err != nil {
			rt.Fatal(err)
		}
		if p.Next() != int64(cut/record) {
			rt.Errorf("%d events of %d bytes", p.Next(), cut)
		}
		if _, err := p.Append([]Message{{Body: []byte("new")}}); err != nil {
			rt.Fatal(err)
		}
		events, err := p.Read(0, 1<<20)
		if err != nil || len(events) != cut/record+1 || string(events[cut/record].Body) != "new" {
			rt.Errorf("%d events, %v", len(events), err)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(t *testing.T, folder string)
		want  string
	}{
		"no_manifest":       {func(t *testing.T, f string) { must(t, os.Remove(filepath.Join(f, "hub", manifestName))) }, "remove it"},
		"manifest_no_json":  {func(t *testing.T, f string) { write(t, filepath.Join(f, "hub", manifestName), "{") }, manifestName},
		"manifest_nonsense": {func(t *testing.T, f string) { write(t, filepath.Join(f, "hub", manifestName), "{}") }, "name"},
		"foreign_file":      {func(t *testing.T, f string) { write(t, filepath.Join(f, "hub", "0", "notes.txt"), "") }, "notes.txt"},
		"not_a_folder":      {func(t *testing.T, f string) { must(t, os.RemoveAll(f)); write(t, f, "") }, "not a directory"},
		"damaged_in_the_middle": {func(t *testing.T, f string) {
			first := filepath.Join(f, "hub", "0", segment{}.name())
			write(t, filepath.Join(f, "hub", "0", segment{sequence: 9, offset: 9}.name()), "")
			write(t, first, "nonsense, and more")
		}, "damaged at byte 0"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "state")
			newTestHub(t, folder, newClock(), Spec{Name: "hub", Partitions: 1})
			test.spoil(t, folder)
			_, err := Open(folder, newClock().now)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; want %q in it", err, test.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

// Whatever a log holds, reading it ends, and what is a record is one again.
func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, &Event{Sequence: 1, Offset: 2, Enqueued: 3, Message: Message{Annotations: []byte("a"), Count: 1, Body: []byte("b")}}))
	f.Fuzz(func(t *testing.T, log []byte) {
		event, size, err := readRecord(bytes.NewReader(log))
		if err != nil {
			return
		}
		if again := appendRecord(nil, &event); !bytes.Equal(again, log[:size]) {
			t.Fatalf("%x became %x", log[:size], again)
		}
	})
}
