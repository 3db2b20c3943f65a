package cosmos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// keptLog is the log of one usage partition, as its hub keeps it.
type keptLog []engine.LogEvent

// Read implements engine.LogReader.
func (l keptLog) Read(_ context.Context, _ engine.LogID, from, to int64, do func(engine.LogEvent) error) (int64, error) {
	for _, e := range l[from:to] {
		if err := do(e); err != nil {
			return from, err
		}
	}
	return from, nil
}

// BenchmarkRecovery is how long the owner of a partition was killed for: its
// successor begins with nothing in memory, and has the partition's next event
// judged. 100,000 principals on 20 resources have called about once an hour
// each; the last two minutes of it were not saved, which every second chunk has
// a part in. A request to the database takes as long as is said.
func BenchmarkRecovery(b *testing.B) {
	at := account(b, cosmosemulator.Config{})
	log := crowded(b, open(b, at))
	for _, latency := range []time.Duration{0, 5 * time.Millisecond} {
		b.Run(fmt.Sprintf("latency=%v", latency), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := at
				c.Transport = slow{at.Transport, latency}
				client := open(b, c)
				judge := patient(b, client.Ledger(), log)
				b.StartTimer()
				if err := judge.Take(b.Context(), time.Now(), log[len(log)-1:]); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				s := judge.Status()
				b.ReportMetric(units(client).state, "RU")
				b.ReportMetric(float64(count(client, cosmos.StateContainer, "read").Requests), "reads")
				b.ReportMetric(float64(s.Reread), "messages")
				b.ReportMetric(float64(s.Bytes)/(1<<20), "MiB-state")
				b.StartTimer()
			}
		})
	}
}

// crowded is the log of a partition with 100,000 principals, of which all but
// the last two minutes are in the heads.
func crowded(b *testing.B, client *cosmos.Client) keptLog {
	b.Helper()
	const principals, step, hours = 100_000, 10 * detectors.Second, 3
	t := &traffic{
		principals: principals, resources: 20, partitions: 1, r: rand.New(rand.NewPCG(1, 1)),
		now: 20_600*detectors.Day + 9*detectors.Hour, writers: make([]usagelog.Writer, 1), next: make([]int64, 1),
	}
	var log keptLog
	judge := patient(b, client.Ledger(), noReader{})
	for range hours * detectors.Hour / step {
		events := t.pass(step, principals*int(step)/int(detectors.Hour))[0]
		log = append(log, events...)
		if err := judge.Take(b.Context(), t.now.UTC(), events); err != nil {
			b.Fatal(err)
		}
	}
	if err := judge.Save(b.Context(), t.now.UTC()); err != nil {
		b.Fatal(err)
	}
	for range 2 * detectors.Minute / step {
		log = append(log, t.pass(step, principals*int(step)/int(detectors.Hour))[0]...)
	}
	return log
}

// patient judges the partition, and saves when it is told to.
func patient(b *testing.B, ledger engine.Ledger, reader engine.LogReader) *engine.Partition {
	b.Helper()
	return judge(b, engine.Config{Memory: 8 << 30}, engine.PartitionConfig{Log: usageLog(0), Ledger: ledger, Reader: reader, Flush: 24 * time.Hour})
}

// slow is a way to a service that is some time away.
type slow struct {
	policy.Transporter
	latency time.Duration
}

// Do implements policy.Transporter.
func (s slow) Do(r *http.Request) (*http.Response, error) {
	time.Sleep(s.latency)
	return s.Transporter.Do(r)
}
