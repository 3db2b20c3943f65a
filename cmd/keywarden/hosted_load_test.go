//go:build linux

package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/simulate"
)

// load is the logs that a hosted test sends, and what a replay of them finds.
type load struct {
	events   []logEvent // in the order in which they come
	file     string     // the same, one event a line
	end      time.Time  // after the last of them
	replayed string     // the incidents, as replay prints them
}

// logEvent is an event of the diagnostics hub: an envelope of records.
type logEvent struct {
	partition int
	at        detectors.Time // when its first record came
	body      []byte
}

// loadOptions say what logs to make. The same options give the same logs.
type loadOptions struct {
	seed       uint64
	partitions int  // of the diagnostics hub
	crowd      int  // callers of one gateway
	most       int  // records of an event; 40 by default
	quiet      bool // no life but the crowd's
}

// row is a record and when it comes.
type row struct {
	azurelog.Fragment
	at detectors.Time
}

// newLoad makes the logs of two days: some life under attack on several
// resources, and the callers of a gateway, one of whom is robbed.
func newLoad(t testing.TB, o loadOptions) *load {
	t.Helper()
	r := rand.New(rand.NewPCG(o.seed, 7))
	rows := crowd(r, o.crowd)
	if !o.quiet {
		rows = append(rows, attacked(t, o.seed)...)
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.at, b.at) })
	l := &load{file: filepath.Join(t.TempDir(), "logs.ndjson")}
	l.pack(t, r, rows, o.partitions, cmp.Or(o.most, 40))
	l.end = time.UnixMilli(int64(rows[len(rows)-1].at)).UTC().Add(time.Minute)
	var lines []byte
	for _, e := range l.events {
		lines = append(append(lines, e.body...), '\n')
	}
	if err := os.WriteFile(l.file, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	l.replayed = keywarden(t, "replay", "--format", "jsonl", l.file)
	if !strings.Contains(l.replayed, `"severity":"medium"`) && !strings.Contains(l.replayed, `"severity":"high"`) && !strings.Contains(l.replayed, `"severity":"critical"`) {
		t.Fatalf("nothing of medium severity or above is found: the test compares too little:\n%s", l.replayed)
	}
	return l
}

// firstDay is long past, whatever day it is today.
var firstDay = time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC)

// attacked is a third of some benign life, and all of the campaigns in it.
func attacked(t testing.TB, seed uint64) (rows []row) {
	t.Helper()
	options := simulate.Options{Seed: seed, Start: firstDay, Days: 2, Principals: 6, Campaigns: []simulate.Campaign{
		{Kind: "storm", Strength: simulate.Slow, Day: 2}, {Kind: "spray", Day: 2}, {Kind: "enumeration", Strength: simulate.Slow, Day: 2},
	}}
	_, err := simulate.Generate(options, func(d simulate.Delivery) error {
		if d.Campaign >= 0 || d.Fragment.Act != nil || d.Fragment.Correlation[0]%3 == 0 {
			rows = append(rows, row{d.Fragment, d.At})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// crowdGateway is whom the crowd calls.
const crowdGateway = "/subscriptions/00000000-0000-0000-0000-0000000000c0/resourcegroups/crowd/providers/microsoft.apimanagement/service/crowd"

// quietAccount is an account of which little is heard.
const quietAccount = "/subscriptions/00000000-0000-0000-0000-0000000000c0/resourcegroups/crowd/providers/microsoft.cognitiveservices/accounts/quiet"

// crowd is the calls of many subscriptions of one gateway: of each a few over
// two days, and of the first, on the second day, hundreds from elsewhere. Beside
// it quietAccount is called once an hour.
func crowd(r *rand.Rand, callers int) (rows []row) {
	start := detectors.TimeOf(firstDay)
	call := func(caller int, at detectors.Time, addr netip.Addr, operation string, class detectors.Class) {
		f := azurelog.Fragment{Category: azurelog.GatewayLogs, Resource: crowdGateway, Logged: at, Address: addr, Bits: 32, Subscription: fmt.Sprintf("tenant-%04d", caller)}
		binary.BigEndian.PutUint64(f.Correlation[:], r.Uint64())
		f.Call = detectors.Call{Time: at - 900, DurationMs: 900, Status: 200, Operation: operation, Class: class, RequestBytes: 1200, ResponseBytes: 3000}
		rows = append(rows, row{f, at + 3*detectors.Minute + detectors.Time(r.Int64N(int64(4*detectors.Minute)))})
	}
	home := func(caller int) netip.Addr { return netip.AddrFrom4([4]byte{81, 2, byte(caller >> 8), byte(caller)}) }
	for caller := range callers {
		for range 2 {
			call(caller, start+detectors.Time(r.Int64N(int64(46*detectors.Hour))), home(caller), "ChatCompletions_Create", detectors.ClassChat)
		}
	}
	if callers == 0 {
		return nil
	}
	for hour := range 40 {
		f := azurelog.Fragment{Category: azurelog.RequestResponse, Resource: quietAccount, Logged: start + detectors.Time(hour)*detectors.Hour,
			Address: netip.AddrFrom4([4]byte{81, 2, 69, 0}), Bits: 24}
		binary.BigEndian.PutUint64(f.Correlation[:], r.Uint64())
		f.Call = detectors.Call{Time: f.Logged - 900, DurationMs: 900, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat,
			Model: "gpt-4o", Deployment: "chat", RequestBytes: 1200, ResponseBytes: 3000}
		rows = append(rows, row{f, f.Logged + 5*detectors.Minute})
	}
	for hour := range 24 {
		call(0, start+detectors.Time(hour)*detectors.Hour, home(0), "ChatCompletions_Create", detectors.ClassChat)
	}
	for i := range 300 {
		far := [][4]byte{{41, 90, 64, 1}, {103, 102, 166, 1}, {177, 54, 144, 1}}[r.IntN(3)]
		far[3] = byte(r.IntN(250))
		call(0, start+34*detectors.Hour+detectors.Time(i)*10*detectors.Second, netip.AddrFrom4(far), "ImageGenerations_Create", detectors.ClassImage)
	}
	return rows
}

// pack makes events of the rows: envelopes of at most so many records of one
// partition, in the order of the last of each.
func (l *load) pack(t testing.TB, r *rand.Rand, rows []row, partitions, most int) {
	t.Helper()
	open := make([][][]byte, partitions)
	at := make([]detectors.Time, partitions)
	flush := func(p int) {
		if len(open[p]) > 0 {
			l.events = append(l.events, logEvent{p, at[p], azurelog.AppendEnvelope(nil, open[p]...)})
			open[p] = nil
		}
	}
	for i := range rows {
		p := r.IntN(partitions)
		record, err := azurelog.Append(nil, &rows[i].Fragment, azurelog.Style{})
		if err != nil {
			t.Fatal(err)
		}
		if len(open[p]) == 0 {
			at[p] = rows[i].at
		}
		open[p] = append(open[p], record)
		if rows[i].at > at[p]+5*detectors.Minute || len(open[p]) >= 1+r.IntN(most) {
			flush(p)
		}
	}
	for p := range open {
		flush(p)
	}
}
