//go:build linux

package functionshost

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// running is how many goroutines there are in functions of this folder.
func running() (n int, all string) {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	var found []string
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if s := string(stack); strings.Contains(s, "/functionshost/") && !strings.Contains(s, "testing.tRunner") {
			found = append(found, s)
		}
	}
	return len(found), strings.Join(found, "\n\n")
}

// A host whose Run has returned leaves no goroutine behind, whatever had
// happened to its instances. It runs before the tests that run side by side.
func TestRun_leaves_no_goroutine_behind(t *testing.T) {
	before, _ := running()
	f := run(t, packaged(t, retryForEver), nil)
	f.hub.Send("0", "a", "fail-twice")
	f.hub.Send("1", "exit-once")
	f.quiet()
	n, err := f.Add("events", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Move("events", "0", n); err != nil {
		t.Fatal(err)
	}
	f.hub.Send("0", "b")
	f.quiet()
	if err := f.Lose("events", 0); err != nil {
		t.Fatal(err)
	}
	f.ask("GET", "/api/hello")
	f.stop()
	if err := f.ended(); err != nil {
		t.Fatal(err)
	}
	after, all := running()
	for deadline := time.Now().Add(30 * time.Second); after > before && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		after, all = running() // connections of clients end a moment later
	}
	if after > before {
		t.Errorf("%d goroutines, and %d before:\n%s", after, before, all)
	}
}
