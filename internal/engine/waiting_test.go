package engine_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// drawWaiting is a log of several hours of accounts that are called now and
// then and quiet in between: rows without identity, before their twins, after
// them, much later, twice or alone; pauses of all; ticks; clocks that are wrong.
func drawWaiting(r *rand.Rand) *usageHub {
	type arrival struct {
		at  detectors.Time
		row azurelog.Fragment
	}
	var rows []arrival
	accounts, wrongClocks := 2+r.IntN(mostAccounts-1), r.IntN(3) == 0
	at := noon + detectors.Time(r.Int64N(int64(detectors.Hour)))
	delay := func() detectors.Time {
		most := []detectors.Time{detectors.Second, detectors.Minute, 10 * detectors.Minute, 20 * detectors.Minute, 50 * detectors.Minute}
		return detectors.Time(r.Int64N(int64(most[r.IntN(len(most))])))
	}
	pauses := []detectors.Time{detectors.Second, detectors.Minute, 5 * detectors.Minute, 15 * detectors.Minute, 3 * detectors.Hour}
	pauses = pauses[:2+r.IntN(len(pauses)-1)]
	for call := range 60 + r.IntN(300)*(6-len(pauses)) {
		at += detectors.Time(r.Int64N(int64(pauses[min(r.IntN(9), r.IntN(9), len(pauses)-1)])))
		f := row(nil)
		f.Logged, f.Call.Time = at, at
		f.Resource = accountOf(min(r.IntN(accounts), r.IntN(accounts)))
		f.ObjectID = fmt.Sprintf("11111111-1111-1111-1111-%012d", r.IntN(3))
		f.Call.Client.APIVersion = "2024-10-21"
		binary.BigEndian.PutUint64(f.Correlation[:], uint64(call+1))
		empty := f
		twin(&empty)
		empty.Call.Client = detectors.Client{}
		var some []azurelog.Fragment
		switch r.IntN(6) {
		case 0:
			some = []azurelog.Fragment{empty}
		case 1:
			some = []azurelog.Fragment{f}
		default:
			some = []azurelog.Fragment{f, empty}
		}
		if r.IntN(8) == 0 {
			some = append(some, some[r.IntN(len(some))])
		}
		for _, f := range some {
			if wrongClocks && r.IntN(30) == 0 {
				f.Logged += detectors.Time(r.Int64N(int64(20 * detectors.Hour)))
			}
			rows = append(rows, arrival{at + delay(), f})
		}
	}
	slices.SortStableFunc(rows, func(a, b arrival) int { return int(a.at - b.at) })
	hub := newUsageHub(1)
	add := func(body []byte) {
		log := &hub.logs[0]
		*log = append(*log, engine.LogEvent{Sequence: int64(len(*log)), Body: bytes.Clone(body)})
	}
	var w usagelog.Writer
	for i := 0; i < len(rows); {
		n := min(1+r.IntN(4), len(rows)-i)
		last := rows[i+n-1].at
		w.Reset(usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, last)
		for ; n > 0; n-- {
			w.Add(int64(i), &rows[i].row)
			i++
		}
		add(w.Bytes())
		if r.IntN(10) == 0 {
			add(usagelog.AppendTick(nil, last+detectors.Time(r.Int64N(int64(10*detectors.Minute))), 0))
		}
	}
	for _, later := range []detectors.Time{0, 20 * detectors.Minute} {
		add(usagelog.AppendTick(nil, rows[len(rows)-1].at+later, 0))
	}
	return hub
}

// TestPartition_judges_what_waits_at_its_time compares all that accounts have
// learned, not only their incidents.
func TestPartition_judges_what_waits_at_its_time(t *testing.T) {
	seeds := 60
	if n, err := strconv.Atoi(os.Getenv("KEYWARDEN_SEEDS")); err == nil {
		seeds = max(seeds, n)
	}
	kills := 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 9))
		hub := drawWaiting(r)
		c := config(t)
		if seed%2 == 1 {
			c.Memory = 1 // everything is saved and dropped after each batch
		}
		got := engine.NewInMemory()
		kills += owners(t, r, hub, c, got)
		want, _ := fold(t, hub)
		if d := cmp.Diff(linesOf(t, want), linesOf(t, got)); d != "" {
			t.Errorf("seed %d: the incidents differ from the fold's (-want +got):\n%s", seed, d)
		}
		for i := range mostAccounts {
			if account := accountOf(i); !bytes.Equal(learned(t, want, account), learned(t, got, account)) {
				t.Errorf("seed %d: %s has learned something else than in the fold", seed, account)
			}
		}
	}
	if kills < seeds {
		t.Errorf("killed %d times only in %d logs", kills, seeds)
	}
}

// mostAccounts is of how many accounts a log of drawWaiting may be.
const mostAccounts = 9

func accountOf(i int) string { return fmt.Sprint("/subscriptions/s/accounts/", i) }

// TestPartition_recovers_between_the_rows_of_a_call has an owner begin to read
// again after a call's row and before its twin, which it is not to judge.
func TestPartition_recovers_between_the_rows_of_a_call(t *testing.T) {
	for at := range detectors.Time(60) {
		hub := newUsageHub(1)
		var w usagelog.Writer
		for minute := range detectors.Time(200) {
			f := row(nil)
			f.Logged, f.Resource = noon+minute*detectors.Minute, accountOf(1)
			f.Correlation = azurelog.Correlation{2, byte(minute)}
			if minute == at || minute == at+12 {
				f.Resource, f.Correlation = accountOf(0), azurelog.Correlation{1}
			}
			if minute == at+12 {
				twin(&f)
			}
			f.Call.Time = f.Logged
			w.Reset(usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, f.Logged)
			w.Add(int64(minute), &f)
			hub.logs[0] = append(hub.logs[0], engine.LogEvent{Sequence: int64(minute), Body: bytes.Clone(w.Bytes())})
		}
		got := engine.NewInMemory()
		for _, part := range [][]engine.LogEvent{hub.logs[0][:at+20], hub.logs[0][at+20 : 190], hub.logs[0][190:]} {
			owner := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: got, Reader: hub})
			if err := errors.Join(owner.Take(t.Context(), time.Time{}, part), owner.Save(t.Context(), time.Time{})); err != nil {
				t.Fatal(err)
			}
		}
		if want, _ := fold(t, hub); !bytes.Equal(learned(t, want, accountOf(0)), learned(t, got, accountOf(0))) {
			t.Errorf("called %d minutes after noon, the account has learned something else than in the fold", at)
		}
	}
}

// learned is the state of an account, with its callers.
func learned(t *testing.T, l *engine.InMemory, account string) []byte {
	t.Helper()
	head, err := l.Head(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	all := head.Data
	for i, generation := range head.Chunks {
		if generation == 0 {
			continue
		}
		chunk, err := l.Chunk(t.Context(), engine.ChunkKey{Resource: account, Index: i, Generation: generation})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, chunk...)
	}
	return all
}
