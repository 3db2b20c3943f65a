package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// distant is a ledger whose reads take a second each. It counts them.
type distant struct {
	*engine.InMemory
	mu    sync.Mutex
	reads map[any]int // by resource or chunk
}

func (l *distant) read(key any) {
	time.Sleep(time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads[key]++
}

func (l *distant) Head(ctx context.Context, resource string) (engine.Head, error) {
	l.read(resource)
	return l.InMemory.Head(ctx, resource)
}

func (l *distant) Chunk(ctx context.Context, key engine.ChunkKey) ([]byte, error) {
	l.read(key)
	return l.InMemory.Chunk(ctx, key)
}

// crowd is a message with a call of each of so many principals on each of so many resources.
func crowd(number int64, resources, principals int) engine.LogEvent {
	var w usagelog.Writer
	w.Reset(usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, noon)
	for i := range resources * principals {
		f := azurelog.Fragment{
			Category: azurelog.RequestResponse, Resource: fmt.Sprintf("/resource/%d", i%resources), ObjectID: fmt.Sprint("caller ", i/resources),
			Logged: noon + detectors.Time(number), Ordinal: i, Call: detectors.Call{Time: noon + detectors.Time(number), Status: 200, Model: "gpt-4o"},
		}
		binary.BigEndian.PutUint64(f.Correlation[:], uint64(number)<<32+uint64(i)+1)
		w.Add(number, &f)
	}
	return engine.LogEvent{Sequence: number, Body: w.Bytes()}
}

// What a message needs of the ledger is read once, and much of it at the same time.
func TestPartition_reads_ahead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const resources, principals = 20, 60
		hub := newUsageHub(1)
		hub.logs[0] = []engine.LogEvent{crowd(0, resources, principals), crowd(1, resources, principals)}
		kept := &distant{InMemory: engine.NewInMemory(), reads: map[any]int{}}
		judge := func() *engine.Partition {
			return partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: kept, Reader: hub})
		}
		first := judge()
		if err := first.Take(t.Context(), time.Now(), hub.logs[0][:1]); err != nil {
			t.Fatal(err)
		}
		if err := first.Save(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}

		clear(kept.reads)
		began := time.Now()
		second := judge()
		if err := second.Take(t.Context(), time.Now(), hub.logs[0][1:]); err != nil {
			t.Fatal(err)
		}
		if s := second.Status(); s.Calls != resources*principals || s.Resources != resources {
			t.Errorf("%+v: not all is judged", s)
		}
		for key, n := range kept.reads {
			if n != 1 {
				t.Errorf("%v was read %d times", key, n)
			}
		}
		if n, took := len(kept.reads), time.Since(began); n < 2*resources || took > time.Duration(n)*time.Second/8 {
			t.Errorf("%d reads of a second each took %v: that is one after the other", n, took)
		}
	})
}
