//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/handlers/invocation"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Two processes that own the same partitions, one after the other and at the
// same time, share a SQLite store. They are killed at any moment, and find what
// one that nothing happens to finds.
func TestStore_shared_by_processes(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	program := filepath.Join(folder, "keywarden") // by that name the test binary is the product
	host, err := os.ReadFile("../../host.json")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "host.json"), host, 0o600)
	}
	if err == nil {
		err = os.Symlink(os.Args[0], program)
	}
	if err != nil {
		t.Fatal(err)
	}
	text := serveHubs(t, "127.0.0.1", 2, "diagnostics", "usage")
	store := "sqlite:" + filepath.Join(folder, "store.db")
	env := append(os.Environ(), "KEYWARDEN_EVENTHUB="+text, "KEYWARDEN_USAGE_HUB=usage", "KEYWARDEN_STORE="+store, "KEYWARDEN_FLUSH=1ms")
	fillUsageHub(t, platform{EventHub: text, DiagnosticsHub: "diagnostics", UsageHub: "usage", RecoveryGroup: "recovery", Store: store, Flush: time.Minute})

	r := rand.New(rand.NewPCG(1, 5))
	start := func() *process { return startHandler(t, program, folder, env) }
	owners := []*process{start(), start()}
	kills := 0
	for _, partition := range []string{"0", "1"} {
		events := partitionEvents(t, text, "usage", partition)
		for next := 0; next < len(events); {
			to := min(len(events), next+1+r.IntN(40))
			body := invocationOf(t, "usage", partition, events[max(0, next-r.IntN(5)):to])
			owner := r.IntN(2)
			if kills < 6 && r.IntN(4) == 0 {
				kills++
				victim := owners[owner]
				time.AfterFunc(time.Duration(r.IntN(30))*time.Millisecond, func() { _ = victim.Process.Kill() })
			}
			if err := owners[owner].invoke(t.Context(), "usage", body); err != nil { // the host delivers it again, to whomever
				if said := owners[owner].kill(); !killedOrStale(said) {
					t.Fatalf("%v\n%s", err, said)
				}
				owners[owner] = start()
				continue
			}
			next = to
		}
		// What is no older than an invocation is saved in the next one.
		last := start()
		for range 2 {
			time.Sleep(10 * time.Millisecond)
			if err := last.invoke(t.Context(), "usage", invocationOf(t, "usage", partition, events[len(events)-1:])); err != nil {
				t.Fatalf("%v\n%s", err, last.kill())
			}
		}
		last.kill()
	}
	if kills < 3 {
		t.Errorf("%d kills: this test tests nothing", kills)
	}
	want, err := (&fromHub{EventHub: text, UsageHub: "usage", ToolsGroup: "recovery"}).replayHub(t.Context(), &streams{out: io.Discard, err: io.Discard}, &engineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(want) == 0 {
		t.Fatal("no incidents: this test compares nothing")
	}
	if d := cmp.Diff(linesOf(t, want), linesOf(t, keptIncidents(t, store))); d != "" {
		t.Errorf("after %d kills the incidents differ from those of replay --from-hub (-want +got):\n%s", kills, d)
	}
}

// killedOrStale reports whether what a handler has said in the end is nothing
// bad: what failed was stale, or cut off.
func killedOrStale(said string) bool {
	for line := range strings.Lines(said) {
		if strings.Contains(line, `"ERROR"`) && !strings.Contains(line, engine.ErrStale.Error()) {
			return false
		}
	}
	return true
}

// fillUsageHub sends a town's log through the diagnostics hub and the router.
func fillUsageHub(t *testing.T, p platform) {
	t.Helper()
	log, err := logOf(simulate.Options{Seed: 1, Days: 3, Principals: 10, Campaigns: []simulate.Campaign{{Kind: "storm", Day: 2}, {Kind: "enumeration", Day: 2}}}, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	err = withHub(t.Context(), p.EventHub, "diagnostics", func(h *eventhub.Hub) error {
		_, err := h.Send(t.Context(), azurelog.NewScanner(bytes.NewReader(log)).Next, eventhub.Sending{Bytes: 16_000, Partition: "0"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{platform: p, log: slog.New(slog.DiscardHandler)}
	events := partitionEvents(t, p.EventHub, "diagnostics", "0")
	for len(events) > 0 {
		n := min(len(events), 3)
		batch := invocation.Batch{Namespace: "127.0.0.1", Hub: "diagnostics", ConsumerGroup: "keywarden", Partition: "0"}
		for _, e := range events[:n] {
			batch.Events = append(batch.Events, invocation.Event{Sequence: e.Sequence, Body: e.Body, Enqueued: time.Now()})
		}
		if err := (functions{s}).Publish(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		events = events[n:]
	}
	if err := s.end(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// keptIncidents is the incidents in a SQLite store.
func keptIncidents(t *testing.T, store string) []*incident.Incident {
	t.Helper()
	var name storeName
	var found []*incident.Incident
	err := name.UnmarshalText([]byte(store))
	if err == nil {
		err = name.with(t.Context(), func(s engine.Store) (err error) {
			found, err = s.Incidents(t.Context())
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// linesOf is incidents as replay prints them.
func linesOf(t *testing.T, all []*incident.Incident) string {
	t.Helper()
	var b bytes.Buffer
	for _, i := range all {
		if err := json.NewEncoder(&b).Encode(i); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
