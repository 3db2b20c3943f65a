// Package ledgertest is the tests that every engine.Ledger must pass: [Run] for
// what each of its methods promises, and for the whole a usage hub in memory
// ([Hub], [Route]) whose logs are judged in one go ([Fold]) or by owners that
// are killed and overlap ([Owners]): both must find the same.
package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Ledger is an engine.Ledger whose incidents can be read.
type Ledger interface {
	engine.Ledger

	// Incidents are all incidents, sorted as incident.Compare does.
	Incidents(ctx context.Context) ([]*incident.Incident, error)
}

// Run tests the promises of engine.Ledger. Each call of open must give a ledger of its own, empty.
func Run(t *testing.T, open func(t *testing.T) Ledger) {
	for name, test := range Tests() {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Tests are the tests that Run runs, by name. Each begins with an empty ledger.
func Tests() map[string]func(*testing.T, Ledger) {
	return map[string]func(*testing.T, Ledger){
		"new_is_empty":                    newIsEmpty,
		"keeps_the_number_of_partitions":  keepsTheNumberOfPartitions,
		"checkpoint_replaces_what_it_saw": checkpointReplacesWhatItSaw,
		"keeps_checkpoints_of_logs_apart": keepsCheckpointsOfLogsApart,
		"head_replaces_what_it_saw":       headReplacesWhatItSaw,
		"one_of_many_heads_wins":          oneOfManyHeadsWins,
		"head_may_be_large":               headMayBeLarge,
		"keeps_chunks_until_dropped":      keepsChunksUntilDropped,
		"keeps_odd_resources_apart":       keepsOddResourcesApart,
		"later_revision_of_incident_wins": laterRevisionOfIncidentWins,
		"latest_of_many_revisions_wins":   latestOfManyRevisionsWins,
	}
}

const noon = 20_000*detectors.Day + 12*detectors.Hour

var aLog = engine.LogID{Hub: "ns.servicebus.windows.net/usage", Created: noon, Partition: "0"}

// reached is how far some sources are.
func reached(n int64) []engine.Reach {
	return []engine.Reach{
		{Source: usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, Sequence: n, Ordinal: 3},
		{Source: usagelog.Source{Hub: "ns/diagnostics/1", Partition: "1"}, Sequence: 1 << 40},
	}
}

// Checkpoint is a checkpoint with something in every field; n tells them apart.
func Checkpoint(log engine.LogID, n int64, etag string) engine.Checkpoint {
	return engine.Checkpoint{
		Log: log, Next: n, ETag: etag,
		From: engine.Mark{Sequence: n - 1, Arrived: noon + detectors.Time(n), Reached: reached(n),
			Pace: engine.Pace{Now: noon, Heard: noon - 1, Pulse: 7}, Awaited: map[string]detectors.Time{"r": 3}, Rules: engine.Rules{Premises: storetest.Premises(int(n))}},
		Pending: []engine.Pending{{Resource: "/a", Chunks: [][2]int64{{1, n}, {2, n - 1}}}, {Resource: "/b", Chunks: [][2]int64{{7, 1 << 40}}}},
	}
}

// Head is a head with something in every field; n tells them apart.
func Head(resource string, n int64, etag string) engine.Head {
	return engine.Head{
		Resource: resource, Revision: engine.Revision{Created: noon, Sequence: n}, Reached: reached(n),
		Chunks: []int64{0, n, 0, 1 << 40}, Data: fmt.Appendf(nil, "head\x00\xff %d", n), ETag: etag,
	}
}

func newIsEmpty(t *testing.T, l Ledger) {
	c, err := l.Checkpoint(t.Context(), aLog)
	same(t, engine.Checkpoint{Log: aLog}, c, err)
	h, err := l.Head(t.Context(), "r")
	if err != nil || h.Resource != "r" || h.Data != nil || h.ETag != "" {
		t.Errorf("head of nothing: %+v, %v", h, err)
	}
	if _, err := l.Chunk(t.Context(), engine.ChunkKey{Resource: "r", Index: 1, Generation: 1}); !errors.Is(err, engine.ErrStale) {
		t.Errorf("chunk of nothing: error %v, want ErrStale", err)
	}
	if err := l.DropChunks(t.Context(), []engine.ChunkKey{{Resource: "r", Index: 1, Generation: 1}}); err != nil {
		t.Errorf("drop what is not there: %v", err)
	}
	all, err := l.Incidents(t.Context())
	if err != nil || len(all) > 0 {
		t.Errorf("incidents of nothing: %d, %v", len(all), err)
	}
}

func keepsTheNumberOfPartitions(t *testing.T, l Ledger) {
	for _, n := range []int{4, 4} {
		if err := l.Partitions(t.Context(), n); err != nil {
			t.Errorf("%d partitions: %v", n, err)
		}
	}
	if err := l.Partitions(t.Context(), 8); !errors.Is(err, engine.ErrPartitions) {
		t.Errorf("8 partitions where there were 4: error %v, want ErrPartitions", err)
	}
	if err := l.Partitions(t.Context(), 4); err != nil {
		t.Errorf("4 partitions after that: %v", err)
	}
}

func checkpointReplacesWhatItSaw(t *testing.T, l Ledger) {
	first := Checkpoint(aLog, 1, "")
	save(t, l.SaveCheckpoint, &first)
	second := Checkpoint(aLog, 2, first.ETag)
	save(t, l.SaveCheckpoint, &second)
	if first.ETag == "" || first.ETag == second.ETag {
		t.Errorf("etags %q and %q are no etags of two versions", first.ETag, second.ETag)
	}
	for _, etag := range []string{"", first.ETag} {
		late := Checkpoint(aLog, 3, etag)
		if err := l.SaveCheckpoint(t.Context(), &late); !errors.Is(err, engine.ErrStale) {
			t.Errorf("over what it has not seen (etag %q): error %v, want ErrStale", etag, err)
		}
	}
	got, err := l.Checkpoint(t.Context(), aLog)
	same(t, second, got, err)
	third := Checkpoint(aLog, 3, got.ETag)
	save(t, l.SaveCheckpoint, &third)
	got, err = l.Checkpoint(t.Context(), aLog)
	same(t, third, got, err)
}

func keepsCheckpointsOfLogsApart(t *testing.T, l Ledger) {
	var all []engine.Checkpoint
	for i, log := range []engine.LogID{
		aLog,
		{Hub: aLog.Hub, Created: aLog.Created + 1, Partition: "0"},
		{Hub: aLog.Hub, Created: aLog.Created, Partition: "1"},
		{Hub: aLog.Hub + "/0", Created: aLog.Created, Partition: "0"},
	} {
		c := Checkpoint(log, int64(i), "")
		save(t, l.SaveCheckpoint, &c)
		all = append(all, c)
	}
	for _, want := range all {
		got, err := l.Checkpoint(t.Context(), want.Log)
		same(t, want, got, err)
	}
}

func headReplacesWhatItSaw(t *testing.T, l Ledger) {
	first := Head("r", 1, "")
	save(t, l.SaveHead, &first)
	got, err := l.Head(t.Context(), "r")
	same(t, first, got, err)
	second := Head("r", 2, got.ETag)
	save(t, l.SaveHead, &second)
	for _, etag := range []string{"", first.ETag} {
		late := Head("r", 3, etag)
		if err := l.SaveHead(t.Context(), &late); !errors.Is(err, engine.ErrStale) {
			t.Errorf("over what it has not seen (etag %q): error %v, want ErrStale", etag, err)
		}
	}
	missing := Head("never saved", 3, second.ETag)
	if err := l.SaveHead(t.Context(), &missing); !errors.Is(err, engine.ErrStale) {
		t.Errorf("in place of one that is not there: error %v, want ErrStale", err)
	}
	want := Head("r", 2, second.ETag)
	second.Chunks[0], second.Reached[0].Sequence = 99, 99
	got, err = l.Head(t.Context(), "r")
	same(t, want, got, err)
}

func oneOfManyHeadsWins(t *testing.T, l Ledger) {
	etag := ""
	for round := range int64(4) {
		heads := make([]engine.Head, 8)
		errs := make([]error, len(heads))
		var savers sync.WaitGroup
		for i := range heads {
			heads[i] = Head("r", 10*round+int64(i), etag)
			savers.Go(func() { errs[i] = l.SaveHead(t.Context(), &heads[i]) })
		}
		savers.Wait()
		won := -1
		for i, err := range errs {
			switch {
			case err == nil && won < 0:
				won = i
			case err == nil || !errors.Is(err, engine.ErrStale):
				t.Fatalf("head %d and %d saved over the same one, or error %v", won, i, err)
			}
		}
		if won < 0 {
			t.Fatal("none of the heads was saved")
		}
		etag = heads[won].ETag
		got, err := l.Head(t.Context(), "r")
		same(t, heads[won], got, err)
	}
}

// noise is bytes that cannot be packed.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func headMayBeLarge(t *testing.T, l Ledger) {
	h := Head("r", 1, "")
	h.Data, h.Chunks = noise(300_000), make([]int64, 1<<15)
	save(t, l.SaveHead, &h)
	got, err := l.Head(t.Context(), "r")
	if !bytes.Equal(h.Data, got.Data) {
		t.Errorf("%d other bytes than the %d that were saved", len(got.Data), len(h.Data))
	}
	h.Data, got.Data = nil, nil
	same(t, h, got, err)
}

func keepsChunksUntilDropped(t *testing.T, l Ledger) {
	keys := []engine.ChunkKey{{Resource: "r", Index: 1, Generation: 1}, {Resource: "r", Index: 1, Generation: 2}, {Resource: "r", Index: 11, Generation: 1}, {Resource: "s", Index: 1, Generation: 1}}
	data := func(i int) []byte { return append(fmt.Appendf(nil, "chunk\x00 %d", i), noise(30_000)...) }
	for range 2 { // whoever saves it again saves the same
		for i, key := range keys {
			if err := l.SaveChunk(t.Context(), key, data(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, key := range keys {
		got, err := l.Chunk(t.Context(), key)
		if err != nil || !bytes.Equal(got, data(i)) {
			t.Errorf("%v: %d bytes, %v", key, len(got), err)
		}
	}
	if err := l.DropChunks(t.Context(), keys[:3]); err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		_, err := l.Chunk(t.Context(), key)
		if dropped := i < 3; dropped != errors.Is(err, engine.ErrStale) {
			t.Errorf("%v: dropped %t, error %v", key, dropped, err)
		}
	}
}

func keepsOddResourcesApart(t *testing.T, l Ledger) {
	long := strings.Repeat("é/", 512)
	resources := []string{"", "a", "a/b", `a\b`, "a#b", "a?b", "A", "a ", "ä", "a\u0308", "%2F", "' OR 1=1 --", "日本", "head", long, long + "x"}
	for i, r := range resources {
		h := Head(r, int64(i), "")
		save(t, l.SaveHead, &h)
		if err := l.SaveChunk(t.Context(), engine.ChunkKey{Resource: r, Index: 1, Generation: 1}, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range resources {
		got, err := l.Head(t.Context(), r)
		got.ETag = ""
		same(t, Head(r, int64(i), ""), got, err)
		data, err := l.Chunk(t.Context(), engine.ChunkKey{Resource: r, Index: 1, Generation: 1})
		same(t, fmt.Append(nil, i), data, err)
	}
}

func laterRevisionOfIncidentWins(t *testing.T, l Ledger) {
	at := func(day detectors.Time, sequence int64) engine.Revision {
		return engine.Revision{Created: noon + day*detectors.Day, Sequence: sequence}
	}
	for i, step := range []struct {
		revision engine.Revision
		wins     bool
	}{
		{at(0, 7), true}, {at(0, 7), false}, {at(0, 6), false}, {at(0, 8), true}, {at(1, 2), true}, {at(0, 99), false}, {at(1, 1), false}, {at(1, 3), true},
	} {
		before, err := l.Incidents(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		saved := storetest.Incident("2024-a", noon+detectors.Time(i))
		if err := l.SaveIncident(t.Context(), saved, step.revision); err != nil {
			t.Fatal(err)
		}
		want := []*incident.Incident{saved}
		if !step.wins {
			want = before
		}
		got, err := l.Incidents(t.Context())
		same(t, want, got, err)
	}
	other := storetest.Incident("2023-b", noon-detectors.Day)
	if err := l.SaveIncident(t.Context(), other, at(0, 1)); err != nil {
		t.Fatal(err)
	}
	got, err := l.Incidents(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("%d incidents, %v", len(got), err)
	}
	same(t, other, got[0], nil)
}

func latestOfManyRevisionsWins(t *testing.T, l Ledger) {
	var savers sync.WaitGroup
	const most = 16
	for i := range most {
		savers.Go(func() {
			n := int64(i*7%most + 1)
			if err := l.SaveIncident(t.Context(), storetest.Incident("2024-a", noon+detectors.Time(n)), engine.Revision{Created: noon, Sequence: n}); err != nil {
				t.Errorf("revision %d: %v", n, err)
			}
		})
	}
	savers.Wait()
	got, err := l.Incidents(t.Context())
	same(t, []*incident.Incident{storetest.Incident("2024-a", noon+most)}, got, err)
}

// save saves a head or a checkpoint, which must succeed.
func save[T any](t testing.TB, do func(context.Context, *T) error, v *T) {
	t.Helper()
	if err := do(t.Context(), v); err != nil {
		t.Fatal(err)
	}
}

// same fails the test where got is not want, or there was an error.
func same(t testing.TB, want, got any, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), storetest.SamePremises); d != "" {
		t.Errorf("(-want +got):\n%.2000s", d)
	}
}
