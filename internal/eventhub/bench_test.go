package eventhub_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/keywarden/keywarden/internal/engine"
)

// BenchmarkPublish sends messages of 8 KiB, some 100 calls each, to four
// partitions at once: one at a time to each of them.
func BenchmarkPublish(b *testing.B) {
	s := newStandIn(b)
	p := publisher(b, s.hub(b, "usage"))
	message := make([]byte, 8<<10)
	b.SetBytes(int64(len(message)))
	b.ResetTimer()
	var all sync.WaitGroup
	for partition := range 4 {
		all.Go(func() {
			for range (b.N + 3 - partition) / 4 {
				if err := p.Publish(context.Background(), partition, message); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRead reads messages of 8 KiB again.
func BenchmarkRead(b *testing.B) {
	s := newStandIn(b)
	h := s.hub(b, "usage")
	p := publisher(b, h)
	const kept = 2000
	for range kept {
		if err := p.Publish(context.Background(), 1, make([]byte, 8<<10)); err != nil {
			b.Fatal(err)
		}
	}
	log, reader, events := logOf(b, h), h.Reader("recovery"), 0
	b.SetBytes(kept * 8 << 10)
	b.ResetTimer()
	for range b.N {
		_, err := reader.Read(context.Background(), log, 0, kept, func(engine.LogEvent) error { events++; return nil })
		if err != nil {
			b.Fatal(err)
		}
	}
	if events != b.N*kept {
		b.Fatal(fmt.Sprint(events, " events"))
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
