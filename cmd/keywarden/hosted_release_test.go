//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost"
)

// released is the zip that is deployed, made as `make package` makes it.
func released(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program, zip := filepath.Join(dir, "keywarden-linux-amd64"), filepath.Join(dir, "keywarden.zip")
	for _, args := range [][]string{
		{"build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", program, "./cmd/keywarden"},
		{"run", "./handlers/internal/pack", "-handler", program, "-o", zip},
	} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = "../.."
		if args[0] == "build" {
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return zip
}

// TestHosted_package runs the very zip that is deployed, with sweep, the API and
// the host's own times.
func TestHosted_package(t *testing.T) {
	l := newLoad(t, loadOptions{seed: 1, partitions: 2, crowd: 60})
	zip := released(t)
	t.Run("runs", func(t *testing.T) {
		t.Parallel()
		h := deploy(t, hostedOptions{load: l, sources: 2, usage: 4, zip: zip, realTime: true, waiting: true,
			limit: batches(1, map[string]int{"diagnostics": 3, "usage": 20})})
		h.sideBySide()
		h.send(l.events)
		h.check()
		h.sweep()
		h.listed()
	})
	t.Run("beside_the_release_before", func(t *testing.T) {
		t.Parallel()
		for _, seed := range seeds(t) {
			upgrade(t, seed, zip)
		}
	})
}

// sweep runs the function once, as a minute's passing would.
func (h *deployment) sweep() {
	h.t.Helper()
	n, err := h.Add("sweep", "")
	if err != nil {
		h.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, "http://"+h.Addr()+"/admin/functions/sweep?code="+masterKey, strings.NewReader(`{}`))
	if err != nil {
		h.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	_ = answer.Body.Close()
	before := h.bounds("usage", "0").Next
	h.until("a tick is in the log", func() bool { return h.bounds("usage", "0").Next > before || answer.StatusCode != http.StatusAccepted })
	if err := h.Remove("sweep", n); err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	h.expect(h.fromHub())
}

// listed compares what the API lists with what is stored.
func (h *deployment) listed() {
	h.t.Helper()
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal(h.ask("/api/incidents?limit=500&sort=-openedAt"), &page); err != nil {
		h.t.Fatal(err)
	}
	stored := strings.Count(h.stored(), "\n")
	if len(page.Items) != stored {
		h.t.Errorf("the API lists %d incidents, and %d are stored", len(page.Items), stored)
	}
}

// upgrade replaces the instances of a release by those of the next one after
// another, while partitions move between both.
func upgrade(t *testing.T, seed uint64, next string) {
	l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
	h := deploy(t, hostedOptions{load: l, usage: 3, realTime: true, instances: map[string]int{"usage": 2, "diagnostics": 2}, flush: 10 * time.Millisecond,
		limit: batches(seed, map[string]int{"diagnostics": 12, "usage": 2}), waiting: true})
	moving := map[string]*owners{}
	for _, function := range []string{"diagnostics", "usage"} {
		o := &owners{deployment: h, function: function, r: rand.New(rand.NewPCG(seed, 15)), every: 3, left: 30}
		replaced := 0
		o.do = func(i functionshost.Invocation, r *rand.Rand) {
			if replaced < 2 && r.IntN(4) == 0 {
				replaced++
				if _, err := h.Add(function, next); err != nil {
					t.Error(err)
				}
				if i.Instance < 2 {
					go func() { _ = h.Remove(function, i.Instance) }() // it waits for this invocation; it may be lost already
				}
			}
			h.move(function, i.Partition, r)
		}
		moving[function] = o
	}
	set(h, &h.after, func(i functionshost.Invocation, err error) {
		if o := moving[i.Function]; o != nil {
			o.after(i, err)
		}
	})
	h.send(l.events)
	h.quiet()
	for function, o := range moving {
		if o.count < 5 {
			t.Errorf("seed %d: partitions of %s moved %d times only", seed, function, o.count)
		}
	}
	h.check()
}

// TestHosted_crowd is of a resource with five thousand principals, in less
// memory than they need.
func TestHosted_crowd(t *testing.T) {
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			t.Parallel()
			l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 5000, quiet: true})
			h := deploy(t, hostedOptions{load: l, usage: 1, flush: time.Second, env: []string{"KEYWARDEN_MEMORY=8MiB"},
				limit: batches(seed, map[string]int{"diagnostics": 300, "usage": 3}), waiting: true})
			k := &killer{deployment: h, r: rand.New(rand.NewPCG(seed, 31)), p: point{function: "usage", write: changesOf("state", "chunk-"), every: 400}, next: 300, left: 2}
			set(h, &h.storeFault, k.writes)
			h.send(l.events)
			h.quiet()
			if k.kills == 0 {
				t.Error("never killed")
			}
			h.check()
			head, err := h.db.Ledger().Head(t.Context(), crowdGateway)
			if err != nil || len(head.Chunks) < 128 {
				t.Errorf("the head names %d chunks (%v), want 128 at least for 5,000 principals", len(head.Chunks), err)
			}
		})
	}
}
