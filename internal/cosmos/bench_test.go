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
	for _, u := range []usage{
		{resources: 1, calls: 1000},
		{resources: 1, calls: 2000},
		{resources: 20, calls: 1000},
		{resources: 1000, calls: 1000},
		{resources: 1000, calls: 2000},
		{resources: 1000, calls: 1000, days: 14},
	} {
		u.principals = 1000
		b.Run(fmt.Sprintf("resources=%d/calls=%d/days=%d", u.resources, u.calls, u.days), func(b *testing.B) {
			for b.Loop() {
				cost := u.measure(b)
				b.ReportMetric(cost.state/float64(u.calls), "RU/call")
				b.ReportMetric(cost.state, "RU/s")
				b.ReportMetric(cost.incidents, "incident-RU/s")
			}
		})
	}
}

// What the state costs goes by the principals that call, not by their calls. That
// is for some of the 1,000 principals that the goal, 0.15 units a call, is set for.
func TestLedger_costs_no_more_when_the_calls_double(t *testing.T) {
	for name, u := range map[string]usage{
		"each_on_a_resource_of_its_own": {principals: 20, resources: 20, calls: 20},
		"all_on_one_resource":           {principals: 40, resources: 1, calls: 40},
	} {
		t.Run(name, func(t *testing.T) {
			once := u.measure(t)
			if perCall := once.state / float64(u.calls); perCall > 0.15 {
				t.Errorf("%.3f request units a call, want 0.15 at most", perCall)
			}
			u.calls *= 2
			if twice := u.measure(t); twice.state > 1.1*once.state {
				t.Errorf("%.2f request units a second, and %.2f at twice as many calls", once.state, twice.state)
			}
		})
	}
}

// usage is what principals do.
type usage struct {
	principals int
	resources  int
	calls      int // a second
	days       int // that they have called before
}

// cost is request units a second.
type cost struct{ state, incidents float64 }

// measure is what the usage costs, over four minutes.
func (u usage) measure(tb testing.TB) cost {
	tb.Helper()
	const partitions, before, minutes = 4, 3, 4
	client := open(tb, account(tb, cosmosemulator.Config{}))
	t := &traffic{
		principals: u.principals, resources: u.resources, partitions: partitions, r: rand.New(rand.NewPCG(1, 1)),
		now: 20_600*detectors.Day + 9*detectors.Hour, writers: make([]usagelog.Writer, partitions), next: make([]int64, partitions),
	}
	judges := judges(tb, client.Ledger(), partitions)
	pass := func(by detectors.Time, calls int) {
		for p, events := range t.pass(by, calls) {
			if err := judges[p].Take(tb.Context(), t.now.UTC(), events); err != nil {
				tb.Fatal(err)
			}
		}
	}
	for range u.days * 4 {
		pass(6*detectors.Hour, t.principals)
	}
	for range before * 60 {
		pass(detectors.Second, u.calls)
	}
	began := units(client)
	for range minutes * 60 {
		pass(detectors.Second, u.calls)
	}
	spent := units(client)
	const seconds = minutes * 60
	return cost{(spent.state - began.state) / seconds, (spent.incidents - began.incidents) / seconds}
}

// judges judge the partitions of a usage hub.
func judges(tb testing.TB, ledger engine.Ledger, partitions int) (all []*engine.Partition) {
	tb.Helper()
	for p := range partitions {
		all = append(all, judge(tb, engine.Config{}, engine.PartitionConfig{Log: usageLog(p), Ledger: ledger, Reader: noReader{}}))
	}
	return all
}

func usageLog(partition int) engine.LogID {
	return engine.LogID{Hub: "ns/usage", Created: 1, Partition: fmt.Sprint(partition)}
}

// judge judges one partition, as the product does where c says nothing else.
func judge(tb testing.TB, c engine.Config, p engine.PartitionConfig) *engine.Partition {
	tb.Helper()
	tables, err := geo.Embedded()
	if err != nil {
		tb.Fatal(err)
	}
	c.Detectors, c.Locate, c.Prices, c.Store = detectorsall.Detectors(), tables.Locate, incident.ListPrices(), engine.NewMemory()
	e, err := engine.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	judge, err := e.Partition(p)
	if err != nil {
		tb.Fatal(err)
	}
	return judge
}

// noReader reads logs that begin now.
type noReader struct{}

func (noReader) Read(_ context.Context, _ engine.LogID, _, to int64, _ func(engine.LogEvent) error) (int64, error) {
	return to, nil
}

// units are the request units spent so far: on incidents, and on all else.
func units(c *cosmos.Client) (spent cost) {
	for _, charge := range c.Charges() {
		if charge.Container == cosmos.IncidentsContainer {
			spent.incidents += charge.Units
		} else {
			spent.state += charge.Units
		}
	}
	return spent
}
