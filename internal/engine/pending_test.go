package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// watched is a ledger that knows which chunks are there.
type watched struct {
	*engine.InMemory
	mu     sync.Mutex
	chunks map[engine.ChunkKey]bool
	before func(engine.ChunkKey)   // a chunk is written
	drops  func([]engine.ChunkKey) // before some are dropped
}

func newWatched() *watched {
	return &watched{InMemory: engine.NewInMemory(), chunks: map[engine.ChunkKey]bool{}, before: func(engine.ChunkKey) {}, drops: func([]engine.ChunkKey) {}}
}

func (l *watched) SaveChunk(ctx context.Context, key engine.ChunkKey, data []byte) error {
	l.before(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.chunks[key] = true
	return l.InMemory.SaveChunk(ctx, key, data)
}

func (l *watched) DropChunks(ctx context.Context, keys []engine.ChunkKey) error {
	l.drops(keys)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		delete(l.chunks, key)
	}
	return l.InMemory.DropChunks(ctx, keys)
}

// check fails where a chunk is there that no head names, or one is not there
// that a head names. It returns the state of all resources, without what
// chunks are called.
func (l *watched) check(t *testing.T, resources []string) (states [][]byte) {
	t.Helper()
	left := maps.Clone(l.chunks)
	for _, id := range resources {
		head, err := l.Head(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, head.Data)
		for i, generation := range head.Chunks {
			if generation == 0 {
				continue
			}
			key := engine.ChunkKey{Resource: id, Index: i, Generation: generation}
			data, err := l.Chunk(t.Context(), key)
			if err != nil {
				t.Errorf("%v, which the head names: %v", key, err)
			}
			states = append(states, data)
			delete(left, key)
		}
	}
	for key := range left {
		t.Errorf("%v is left behind", key)
	}
	return states
}

const crowdResources, crowdPrincipals = 2, 80

// crowds is a log of so many messages with calls of some of many principals, and the resources in it.
func crowds(r *rand.Rand, messages int) (log []engine.LogEvent, resources []string) {
	for i := range crowdResources {
		resources = append(resources, fmt.Sprint("/resource/", i))
	}
	var w usagelog.Writer
	for number := range int64(messages) {
		now := noon + detectors.Time(number)*detectors.Minute
		w.Reset(usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, now)
		for i := range 1 + r.IntN(30) {
			f := azurelog.Fragment{
				Category: azurelog.RequestResponse, Resource: resources[r.IntN(len(resources))], ObjectID: fmt.Sprint("caller ", r.IntN(crowdPrincipals)),
				Logged: now, Ordinal: i, Call: detectors.Call{Time: now, Status: 200, Model: "gpt-4o"},
			}
			binary.BigEndian.PutUint64(f.Correlation[:], uint64(number)<<32+uint64(i)+1)
			w.Add(number, &f)
		}
		log = append(log, engine.LogEvent{Sequence: number, Body: slices.Clone(w.Bytes())})
	}
	return log, resources
}

// However often owners are killed between a chunk and its head, or two are at
// it, no chunk stays that no head names, none is missing that one names, and
// each call is in them once.
func TestPartition_leaves_no_chunk_behind(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			hub := newUsageHub(1)
			var resources []string
			hub.logs[0], resources = crowds(r, 120)
			c := config(t)
			c.Memory = 1 // everything is saved and dropped after each batch
			want := newWatched()
			one := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: want, Reader: hub})
			for i := range hub.logs[0] { // chunks are split where the fold of the log splits them
				if err := one.Take(t.Context(), time.Unix(int64(i), 0), hub.logs[0][i:i+1]); err != nil {
					t.Fatal(err)
				}
			}
			if err := one.Save(t.Context(), time.Unix(1000, 0)); err != nil {
				t.Fatal(err)
			}
			got := newWatched()
			if kills := owners(t, r, hub, c, got); kills < 2 {
				t.Errorf("%d kills: this test tests nothing", kills)
			}
			if len(want.chunks) < crowdResources {
				t.Errorf("%d chunks: this test tests nothing", len(want.chunks))
			}
			if a, b := want.check(t, resources), got.check(t, resources); !slices.EqualFunc(a, b, bytes.Equal) {
				t.Error("the states differ from those of an owner that nothing happened to")
			}
		})
	}
}

// An owner that stands still between its note and its chunks, while another
// takes over, deletes what it wrote in vain, and nothing that the other needs.
func TestPartition_late_owner_deletes_nothing_alive(t *testing.T) {
	for name, more := range map[string]int{"the_other_is_as_far": 0, "the_other_is_ahead": 5, "the_other_is_behind": -5} {
		t.Run(name, func(t *testing.T) {
			hub := newUsageHub(1)
			var resources []string
			hub.logs[0], resources = crowds(rand.New(rand.NewPCG(1, 4)), 80)
			ledger := newWatched()
			c := config(t)
			c.Memory = 1 // everything is saved after each batch
			owner := func() *engine.Partition {
				return partition(t, c, engine.PartitionConfig{Log: logID(0), Ledger: ledger, Reader: hub})
			}
			take := func(p *engine.Partition, from, to int) {
				if err := p.Take(t.Context(), time.Unix(int64(to), 0), hub.logs[0][from:to]); err != nil {
					t.Errorf("events %d to %d: %v", from, to, err)
				}
			}
			late, other := owner(), owner()
			take(late, 0, 50)
			var stood atomic.Bool
			ledger.before = func(engine.ChunkKey) {
				if stood.CompareAndSwap(false, true) {
					take(other, 50, 60+more)
				}
			}
			var caughtUp atomic.Bool
			ledger.drops = func(keys []engine.ChunkKey) { // where the late one drops chunks of the event that it stood at, they are the other's by now
				if more < 0 && slices.ContainsFunc(keys, func(k engine.ChunkKey) bool { return k.Generation == 59 }) && caughtUp.CompareAndSwap(false, true) {
					take(other, 60+more, 60)
				}
			}
			take(late, 50, 60)
			ledger.before, ledger.drops = func(engine.ChunkKey) {}, func([]engine.ChunkKey) {}
			take(other, 60+more, 70)
			take(late, 70, 80)
			ledger.check(t, resources)
		})
	}
}
