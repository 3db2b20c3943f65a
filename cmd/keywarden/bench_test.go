package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
	"github.com/keywarden/keywarden/internal/sqlite"
)

var benchCampaigns = []simulate.Campaign{
	{Kind: "storm", Strength: simulate.Slow, Day: 2},
	{Kind: "resale", Strength: simulate.Slow, Day: 2},
	{Kind: "enumeration", Day: 2},
	{Kind: "spray", Day: 3},
}

// benchLog is about 64 MB of a town's log.
var benchLog = sync.OnceValues(func() ([]byte, error) { return townLog(40, 64<<20) })

// townLog is the first bytes of the log of so many principals, one record a line, in the order of delivery.
func townLog(principals, enough int) ([]byte, error) {
	return logOf(simulate.Options{Seed: 1, Days: 14, Principals: principals, Campaigns: benchCampaigns}, enough)
}

// logOf is the first bytes of a simulated log.
func logOf(o simulate.Options, enough int) ([]byte, error) {
	log := make([]byte, 0, min(enough, 256<<20)+1<<20)
	_, err := simulate.Generate(o, func(d simulate.Delivery) error {
		if len(log) >= enough {
			return nil
		}
		var err error
		log, err = azurelog.Append(log, &d.Fragment, azurelog.Style{})
		log = append(log, '\n')
		return err
	})
	return log, err
}

// theLog is benchLog; it sets the benchmark's bytes.
func theLog(b *testing.B) []byte {
	b.Helper()
	log, err := benchLog()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	return log
}

func reportRecords(b *testing.B, log []byte) {
	b.ReportMetric(float64(bytes.Count(log, []byte("\n"))*b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkReplay is the whole path, from bytes to incidents in the store.
func BenchmarkReplay(b *testing.B) {
	for _, c := range []struct {
		name string
		open func(*testing.B) engine.Store
	}{
		{"memory", func(*testing.B) engine.Store { return engine.NewMemory() }},
		{"sqlite", func(b *testing.B) engine.Store {
			s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "store.db"))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() })
			return s
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			log := theLog(b)
			tables, err := geo.Embedded()
			if err != nil {
				b.Fatal(err)
			}
			made := peakHeap(b)
			for b.Loop() {
				store := c.open(b)
				e, err := engine.New(engine.Config{Detectors: all.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices(), Store: store})
				if err != nil {
					b.Fatal(err)
				}
				report, err := e.Replay(b.Context(), [][]engine.Source{{{Name: "log", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(log)), nil }}}})
				if err != nil {
					b.Fatal(err)
				}
				if found, err := store.Incidents(b.Context()); err != nil || len(found) == 0 || report.Calls == 0 || report.Poison > 0 {
					b.Fatalf("%d calls, %d records set aside, %d incidents, %v", report.Calls, report.Poison, len(found), err)
				}
			}
			reportRecords(b, log)
			b.ReportMetric(float64(made()), "peak-heap-B")
		})
	}
}

// peakHeap samples the heap until the function that it returns is called, which tells by how much it grew at most.
func peakHeap(b *testing.B) func() uint64 {
	b.Helper()
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var now runtime.MemStats
				runtime.ReadMemStats(&now)
				if now.HeapAlloc > before.HeapAlloc {
					peak.Store(max(peak.Load(), now.HeapAlloc-before.HeapAlloc))
				}
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-stopped
		return peak.Load()
	}
}

// plainRecord is a record as a program without a decoder of its own would read it.
type plainRecord struct {
	Time            string          `json:"time"`
	ResourceID      string          `json:"resourceId"`
	Category        string          `json:"category"`
	OperationName   string          `json:"operationName"`
	CallerIPAddress string          `json:"callerIpAddress"`
	CorrelationID   string          `json:"correlationId"`
	ResultSignature any             `json:"resultSignature"`
	DurationMs      any             `json:"durationMs"`
	Properties      json.RawMessage `json:"properties"`
}

// decode reads a record and its properties, which may be an object or one in a string.
func (p *plainRecord) decode(line []byte) (map[string]any, error) {
	if err := json.Unmarshal(line, p); err != nil {
		return nil, err
	}
	properties := []byte(p.Properties)
	if len(properties) > 0 && properties[0] == '"' {
		var text string
		if err := json.Unmarshal(properties, &text); err != nil {
			return nil, err
		}
		properties = []byte(text)
	}
	if len(properties) == 0 {
		return nil, nil
	}
	var read map[string]any
	return read, json.Unmarshal(properties, &read)
}

// BenchmarkYardstick is what BenchmarkReplay is compared with: the same bytes
// through encoding/json, on as many goroutines, and nothing else.
func BenchmarkYardstick(b *testing.B) {
	log := theLog(b)
	for b.Loop() {
		var parts sync.WaitGroup
		var failed atomic.Int64
		rest := log
		for n := runtime.GOMAXPROCS(0); n > 0; n-- {
			cut := len(rest) / n
			cut += bytes.IndexByte(rest[cut-1:], '\n')
			part := rest[:cut]
			rest = rest[cut:]
			parts.Go(func() {
				for line := range bytes.Lines(part) {
					var p plainRecord
					if _, err := p.decode(line); err != nil {
						failed.Add(1)
					}
				}
			})
		}
		parts.Wait()
		if len(rest) > 0 || failed.Load() > 0 {
			b.Fatalf("%d bytes left over, %d records not read", len(rest), failed.Load())
		}
	}
	reportRecords(b, log)
}
