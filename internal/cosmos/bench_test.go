package cosmos_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	detectorsall "github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// traffic is calls of so many principals on so many resources, each at the same
// rate, from a few networks of its own and for a few models.
type traffic struct {
	principals, resources, partitions int

	r       *rand.Rand
	now     detectors.Time
	calls   uint64
	writers []usagelog.Writer
	next    []int64 // sequence numbers of the usage partitions
}

func (t *traffic) resource(principal int) string {
	return fmt.Sprintf("/subscriptions/7f3c5c1e-0000-4000-8000-000000000001/resourcegroups/rg-openai-%02d/providers/microsoft.cognitiveservices/accounts/account-%04d", principal%t.resources%20, principal%t.resources)
}

// call is one of a principal's calls.
func (t *traffic) call(principal int) azurelog.Fragment {
	t.calls++
	r := t.r
	network := (principal*31 + r.IntN(1+r.IntN(6))) % 50_000 // the first of its networks mostly
	model := []string{"gpt-4o", "gpt-4o-mini", "text-embedding-3-large"}[r.IntN(1+r.IntN(3))]
	f := azurelog.Fragment{
		Category: azurelog.RequestResponse, Resource: t.resource(principal), Logged: t.now,
		Address: netip.AddrFrom4([4]byte{byte(20 + network/25_000*32), byte(network / 256), byte(network), 0}), Bits: 24,
		Call: detectors.Call{
			Time: t.now - detectors.Time(r.IntN(3_000)), DurationMs: int64(300 + r.IntN(4_000)), Status: 200,
			Operation: "ChatCompletions_Create", Model: model, Deployment: model + "-prod", RequestBytes: int64(500 + r.IntN(20_000)), ResponseBytes: int64(200 + r.IntN(4_000)),
			Client: detectors.Client{APIVersion: "2024-10-21", Stream: detectors.NonStreaming},
			Tokens: detectors.Tokens{Prompt: int64(200 + r.IntN(5_000)), Completion: int64(50 + r.IntN(900)), Known: true},
		},
	}
	if t.principals > t.resources {
		f.ObjectID = fmt.Sprintf("5b1d0c3a-0000-4000-8000-%012d", principal)
	}
	binary.BigEndian.PutUint64(f.Correlation[:], t.calls)
	return f
}

// pass lets so much time pass and returns the messages of so many calls, by usage partition.
func (t *traffic) pass(by detectors.Time, calls int) [][]engine.LogEvent {
	t.now += by
	events := make([][]engine.LogEvent, t.partitions)
	source := usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}
	for p := range t.writers {
		t.writers[p].Reset(source, t.now)
	}
	for range calls {
		f := t.call(t.r.IntN(t.principals))
		t.writers[usagelog.Partition(f.Resource, t.partitions)].Add(int64(t.calls), &f)
	}
	for p := range t.writers {
		if t.writers[p].Entries() > 0 {
			events[p] = []engine.LogEvent{{Sequence: t.next[p], Body: slices.Clone(t.writers[p].Bytes())}}
			t.next[p]++
		}
	}
	return events
}

// BenchmarkLedger_units is what the state costs: request units, as the stand-in
// reckons them, for 1,000 principals that make 1,000 or 2,000 calls a second,
// with a flush every two minutes. Time is that of the messages: nobody waits.
// With days of a past, in which each called every six hours, the states are
// those of old principals, and each has an incident now: it calls so much more.
func BenchmarkLedger_units(b *testing.B) {
	for _, c := range []usage{
		{resources: 1, calls: 1000},
		{resources: 1, calls: 2000},
		{resources: 20, calls: 1000},
		{resources: 1000, calls: 1000},
		{resources: 1000, calls: 1000, days: 14},
	} {
		b.Run(fmt.Sprintf("resources=%d/calls=%d/days=%d", c.resources, c.calls, c.days), func(b *testing.B) {
			for b.Loop() {
				c.measure(b)
			}
		})
	}
}

// usage is what 1,000 principals do.
type usage struct {
	resources int
	calls     int // a second
	days      int // that they have called before
}

func (u usage) measure(b *testing.B) {
	const partitions, before, minutes = 4, 3, 4
	client := open(b, account(b, cosmosemulator.Config{}))
	t := &traffic{
		principals: 1000, resources: u.resources, partitions: partitions, r: rand.New(rand.NewPCG(1, 1)),
		now: 20_600*detectors.Day + 9*detectors.Hour, writers: make([]usagelog.Writer, partitions), next: make([]int64, partitions),
	}
	judges := judges(b, client.Ledger(), partitions)
	pass := func(by detectors.Time, calls int) {
		for p, events := range t.pass(by, calls) {
			if err := judges[p].Take(b.Context(), t.now.UTC(), events); err != nil {
				b.Fatal(err)
			}
		}
	}
	for range u.days * 4 {
		pass(6*detectors.Hour, t.principals)
	}
	for range before * 60 {
		pass(detectors.Second, u.calls)
	}
	stateBegan, incidentsBegan := units(client)
	for range minutes * 60 {
		pass(detectors.Second, u.calls)
	}
	state, incidents := units(client)
	const seconds = minutes * 60
	b.ReportMetric((state-stateBegan)/float64(seconds*u.calls), "RU/call")
	b.ReportMetric((state-stateBegan)/seconds, "RU/s")
	b.ReportMetric((incidents-incidentsBegan)/seconds, "incident-RU/s")
	for _, c := range client.Charges() {
		b.Logf("%+v: %.1f each", c, c.Units/float64(c.Requests))
	}
}

// judges judge the partitions of a usage hub.
func judges(b *testing.B, ledger engine.Ledger, partitions int) (all []*engine.Partition) {
	b.Helper()
	tables, err := geo.Embedded()
	if err != nil {
		b.Fatal(err)
	}
	e, err := engine.New(engine.Config{Detectors: detectorsall.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices(), Store: engine.NewMemory()})
	if err != nil {
		b.Fatal(err)
	}
	for p := range partitions {
		judge, err := e.Partition(engine.PartitionConfig{
			Log: engine.LogID{Hub: "ns/usage", Created: 1, Partition: fmt.Sprint(p)}, Ledger: ledger, Reader: noReader{},
		})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, judge)
	}
	return all
}

// noReader reads logs that begin now.
type noReader struct{}

func (noReader) Read(_ context.Context, _ engine.LogID, _, to int64, _ func(engine.LogEvent) error) (int64, error) {
	return to, nil
}

// units are the request units spent so far: on incidents, and on all else.
func units(c *cosmos.Client) (state, incidents float64) {
	for _, charge := range c.Charges() {
		if charge.Container == cosmos.IncidentsContainer {
			incidents += charge.Units
		} else {
			state += charge.Units
		}
	}
	return state, incidents
}
