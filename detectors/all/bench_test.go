package all

import (
	"math/rand/v2"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

// benign is a stream in the steady state: a backend on three networks with two
// models and a call every few seconds, after a warm-up of weeks.
type benign struct {
	profile, resource *detectors.Profile
	now               detectors.Time
	calls             []detectors.Call
	next              int
}

func newBenign(list []*detectors.Detector, memories []detectors.Memory) *benign {
	b := &benign{resource: new(detectors.Profile), now: detectortest.Start}
	b.profile = &detectors.Profile{Principal: detectors.Principal{Kind: detectors.APIMSubscription}, Resource: b.resource}
	r := rand.New(rand.NewPCG(1, 1))
	for range 4096 {
		c := detectortest.Chat(0, detectortest.Backend(r.IntN(3)))
		if r.IntN(3) == 0 {
			c.Model, c.Deployment = "gpt-4o-mini", "gpt-4o-mini"
		}
		c.Tokens.Prompt = int64(200 + r.IntN(1000))
		b.calls = append(b.calls, c)
	}
	for range 14 * 24 * 60 {
		c := b.call(detectors.Minute)
		b.profile.Advance(c.Time)
		for i, d := range list {
			d.Observe(b.profile, c, memories[i])
		}
		b.learn(c)
	}
	return b
}

// call is the next call, a step of time after the last.
func (b *benign) call(step detectors.Time) *detectors.Call {
	c := &b.calls[b.next%len(b.calls)]
	b.next++
	b.now += step
	c.Time = b.now
	return c
}

func (b *benign) learn(c *detectors.Call) {
	b.profile.Learn(c, false)
	b.resource.LearnPeer(c, detectors.APIMSubscription, 0, false)
}

// step is the time between two calls of the stream that is measured.
const step = 61 * detectors.Second

func BenchmarkJudge(b *testing.B) {
	for _, d := range Detectors() {
		b.Run(d.ID, func(b *testing.B) { benchmark(b, []*detectors.Detector{d}, false) })
	}
	b.Run("learn", func(b *testing.B) { benchmark(b, nil, true) })
	b.Run("all_and_learn", func(b *testing.B) { benchmark(b, Detectors(), true) })
}

// benchmark has the detectors judge the stream. Where learning is not measured,
// the profile stays as it was, and so does the time.
func benchmark(b *testing.B, list []*detectors.Detector, learn bool) {
	var memories []detectors.Memory
	for _, d := range list {
		memories = append(memories, d.NewMemory())
	}
	stream := newBenign(list, memories)
	b.ReportAllocs()
	for b.Loop() {
		if !learn {
			c := stream.call(0)
			for i, d := range list {
				d.Observe(stream.profile, c, memories[i])
			}
			continue
		}
		c := stream.call(step)
		stream.profile.Advance(c.Time)
		for i, d := range list {
			d.Observe(stream.profile, c, memories[i])
		}
		stream.learn(c)
	}
}

// TestJudge_allocates_nothing holds the steady state to no allocation where nothing is found.
func TestJudge_allocates_nothing(t *testing.T) {
	var memories []detectors.Memory
	list := Detectors()
	for _, d := range list {
		memories = append(memories, d.NewMemory())
	}
	stream := newBenign(list, memories)
	findings := 0
	allocs := testing.AllocsPerRun(5000, func() {
		c := stream.call(step)
		stream.profile.Advance(c.Time)
		for i, d := range list {
			if _, found := d.Observe(stream.profile, c, memories[i]); found {
				findings++
			}
		}
		stream.learn(c)
	})
	if findings > 0 || allocs > 0 {
		t.Errorf("%d findings and %v allocations per call on a steady stream, want none", findings, allocs)
	}
}
