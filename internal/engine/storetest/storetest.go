// Package storetest is the test that every engine.Store must pass. The test of
// a store calls [Run] with a function that makes an empty one.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// Run tests the promises of engine.Store. Each call of open must give a store of its own, empty.
func Run(t *testing.T, open func(t *testing.T) engine.Store) {
	for name, test := range map[string]func(*testing.T, engine.Store){
		"new_is_empty":                       newIsEmpty,
		"finds_a_commit_wholly":              findsACommitWholly,
		"later_commit_replaces":              laterCommitReplaces,
		"cancelled_commit_leaves_nothing":    cancelledCommitLeavesNothing,
		"refuses_what_builds_on_an_old_log":  refusesWhatBuildsOnAnOldLog,
		"keeps_odd_keys_apart":               keepsOddKeysApart,
		"keeps_a_large_state":                keepsALargeState,
		"can_be_read_while_a_commit_is_done": canBeReadWhileACommitIsDone,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Incident is an incident with evidence, opened at the given time.
func Incident(id string, opened detectors.Time) *incident.Incident {
	loss := 123.45
	p := detectors.Principal{Kind: detectors.EntraObject, ID: "o", Resource: "/subscriptions/s"}
	seen := incident.Observation{
		Time: opened, Bits: 12.5, Summary: "Ünusual <&> \"images\"",
		Observed: incident.Facts{"images": 812.0, "models": []string{"a", "b"}, "country": "NL"}, Usual: incident.Facts{},
		Networks: []incident.Network{{Prefix: "203.0.113.0/24", Country: "NL", ASN: 64500, Organization: "Example", Kind: "hosting"}},
	}
	return &incident.Incident{
		ID: id, Principal: p, Principals: []detectors.Principal{p}, Severity: detectors.High, Risk: 12.5,
		Status: incident.StatusNew, Title: "Title of " + id, OpenedAt: opened, FirstSeen: opened, LastSeen: opened + detectors.Hour, LossUSD: &loss,
		Findings: []incident.Finding{{Detector: "d", Time: opened, Bits: 12.5, Count: 2, Summary: seen.Summary, Observed: seen.Observed, Usual: seen.Usual}},
		Evidence: []incident.Evidence{{Detector: "d", Title: "D", Count: 2, First: seen, Strongest: seen, Last: seen}},
	}
}

// Batch is a batch with something of everything; n tells batches apart.
func Batch(n int) *engine.Batch {
	opened := 20_000*detectors.Day + detectors.Time(n)*detectors.Hour
	return &engine.Batch{
		Log: engine.Log{
			Pace:      engine.Pace{Now: opened, Heard: opened - 1, Pulse: 5},
			Awaited:   map[string]detectors.Time{"r": 7, "s": 9},
			Rules:     engine.Rules{Decoys: map[string]detectors.Decoy{"d": {ID: fmt.Sprint("d", n), Owner: "o"}}, Premises: Premises(n)},
			Positions: map[string]engine.Position{"a": {Offset: int64(n)}, "b": {Offset: 1 << 40, Done: true}},
			Waiting:   []string{"r", fmt.Sprint("waits ", n)},
		},
		States: []engine.State{
			{Key: engine.Key{Resource: "r"}, Data: fmt.Appendf(nil, "resource %d", n)},
			{Key: engine.Key{Resource: "r", Chunk: 1}, Data: fmt.Appendf(nil, "chunk\x00 %d", n)},
		},
		Incidents: []*incident.Incident{Incident("2024-c", opened), Incident("2024-b", opened+1), Incident("2024-a", opened)},
	}
}

// Premises are two networks'; n tells them apart.
func Premises(n int) *detectors.Premises {
	return new(detectors.Premises).With(
		detectors.Stay{Network: netip.MustParsePrefix("203.0.113.0/24"), Since: detectors.Time(n) * detectors.Hour, Until: detectors.Time(n+1) * detectors.Hour},
		detectors.Stay{Network: netip.MustParsePrefix("2001:db8::/48"), Since: 0, Until: detectors.Hour},
	)
}

// SamePremises compares premises, for cmp.
var SamePremises = cmp.Comparer(func(a, b *detectors.Premises) bool { return slices.Equal(a.Stays(), b.Stays()) })

// Check fails the test where the store does not hold b, as it is after one commit of it.
func Check(t testing.TB, s engine.Store, b *engine.Batch) {
	t.Helper()
	log, err := s.Log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.Log, log, cmpopts.EquateEmpty(), SamePremises, cmpopts.IgnoreFields(engine.Log{}, "Commits")); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
	for _, want := range b.States {
		checkState(t, s, want)
	}
	got, err := s.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := slices.SortedFunc(slices.Values(b.Incidents), incident.Compare)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("incidents (-want +got):\n%s", d)
	}
}

func checkState(t testing.TB, s engine.Store, want engine.State) {
	t.Helper()
	got, err := s.State(t.Context(), want.Key)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Data) {
		t.Errorf("state of %.80v: %d bytes, %.40q; want %d, %.40q", want.Key, len(got), got, len(want.Data), want.Data)
	}
}

// Commit commits b on what the store's log says now.
func Commit(ctx context.Context, s engine.Store, b *engine.Batch) error {
	log, err := s.Log(ctx)
	if err != nil {
		return err
	}
	b.Log.Commits = log.Commits
	return s.Commit(ctx, b)
}

func commit(t testing.TB, s engine.Store, b *engine.Batch) {
	t.Helper()
	if err := Commit(t.Context(), s, b); err != nil {
		t.Fatal(err)
	}
}

func newIsEmpty(t *testing.T, s engine.Store) {
	log, err := s.Log(t.Context())
	if err != nil || log.Positions == nil {
		t.Fatalf("log %+v, error %v: want empty positions that can be written to", log, err)
	}
	Check(t, s, &engine.Batch{States: []engine.State{{Key: engine.Key{Resource: "r"}}}})
}

func findsACommitWholly(t *testing.T, s engine.Store) {
	commit(t, s, Batch(1))
	Check(t, s, Batch(1))
}

func laterCommitReplaces(t *testing.T, s engine.Store) {
	commit(t, s, Batch(1))
	second := Batch(2)
	delete(second.Log.Positions, "b")
	second.Log.Waiting = nil
	second.States, second.Incidents = second.States[:1], second.Incidents[:1]
	commit(t, s, second)
	want := Batch(1)
	want.Log.Pace, want.Log.Rules, want.Log.Waiting, want.Log.Awaited = second.Log.Pace, second.Log.Rules, nil, second.Log.Awaited
	want.Log.Positions["a"] = second.Log.Positions["a"]
	want.States[0], want.Incidents[0] = second.States[0], second.Incidents[0]
	Check(t, s, want)
}

func cancelledCommitLeavesNothing(t *testing.T, s engine.Store) {
	commit(t, s, Batch(1))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	second := Batch(2)
	second.Log.Commits = 1
	if err := s.Commit(ctx, second); err == nil {
		t.Error("a commit whose context has ended is no error")
	}
	Check(t, s, Batch(1))
}

func refusesWhatBuildsOnAnOldLog(t *testing.T, s engine.Store) {
	commit(t, s, Batch(1))
	if err := s.Commit(t.Context(), Batch(2)); !errors.Is(err, engine.ErrStale) {
		t.Errorf("error %v, want ErrStale", err)
	}
	Check(t, s, Batch(1))
	commit(t, s, Batch(3))
	Check(t, s, Batch(3))
}

func keepsOddKeysApart(t *testing.T, s engine.Store) {
	long := strings.Repeat("é/", 512)
	b := &engine.Batch{Log: engine.Log{Pace: engine.Pace{Now: 1}, Positions: map[string]engine.Position{}}}
	for _, resource := range []string{"", "a", "a/b", "A", "a ", "ä", "a\u0308", "%2F", "' OR 1=1 --", "日本", long, long + "x"} {
		b.Log.Positions[resource] = engine.Position{Offset: int64(len(b.States))}
		for _, chunk := range []int{0, 1, 10, 1 << 15} {
			b.States = append(b.States, engine.State{Key: engine.Key{Resource: resource, Chunk: chunk}, Data: fmt.Append(nil, len(b.States))})
		}
	}
	commit(t, s, b)
	Check(t, s, b)
}

func keepsALargeState(t *testing.T, s engine.Store) {
	b := Batch(1)
	b.States[0].Data = bytes.Repeat([]byte("\x00\xff'\n5 MB"), 5_000_000/8)
	commit(t, s, b)
	Check(t, s, b)
}

// canBeReadWhileACommitIsDone: what a reader sees is of a commit that was done, not of half of one.
func canBeReadWhileACommitIsDone(t *testing.T, s engine.Store) {
	commit(t, s, Batch(0))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				incidents, err := s.Incidents(t.Context())
				if err != nil || len(incidents) != 3 || incidents[1].OpenedAt != incidents[0].OpenedAt || incidents[2].OpenedAt != incidents[0].OpenedAt+1 {
					t.Errorf("beside a commit: %d incidents, not all of one commit; error %v", len(incidents), err)
					return
				}
				if _, err := s.Log(t.Context()); err != nil {
					t.Errorf("log beside a commit: %v", err)
					return
				}
				if data, err := s.State(t.Context(), engine.Key{Resource: "r"}); err != nil || !bytes.HasPrefix(data, []byte("resource ")) {
					t.Errorf("state beside a commit: %q, %v", data, err)
					return
				}
			}
		})
	}
	for n := range 20 {
		commit(t, s, Batch(n))
	}
	close(stop)
	readers.Wait()
	Check(t, s, Batch(19))
}
