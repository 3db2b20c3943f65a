package detectortest

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

const (
	// hostileEvents is a hundred times as many as a profile remembers values, over a week.
	hostileEvents = 10_000

	// mostProfile is how many bytes a profile may take: its values are many,
	// and its texts are as long as those of the hostile stream.
	mostProfile = 64 << 10
)

// hostile is a call of a stream in which nothing comes twice.
func hostile(i int) detectors.Call {
	from := Rented(i)
	from.Kind = detectors.NetworkKind(i % 8)
	c := Chat(Start+detectors.Time(i)*60*detectors.Second, from)
	c.Model, c.Deployment = fmt.Sprintf("model-%d", i), fmt.Sprintf("deployment-%d", i)
	c.Operation, c.Class = fmt.Sprintf("Operation_%d", i), detectors.Class(i%7)
	c.Client.APIVersion = fmt.Sprintf("%d-preview", i)
	c.Images, c.Status = i%40, 200+i%300
	c.RequestBytes, c.Tokens.Prompt = int64(i), int64(i)*1000
	return c
}

// testHostile holds a detector to bounded memory and to a cost that does not grow with what it saw.
func testHostile(t *testing.T, d *detectors.Detector) {
	p := newPlayer(d, Scenario{})
	size := binary.Size(p.memory)
	var first, second uint64
	for i := range hostileEvents {
		if i == hostileEvents/10 {
			first = mallocs()
		}
		if i == hostileEvents/10*2 {
			second = mallocs()
		}
		c := hostile(i)
		s := step{event: &c}
		p.judge(s)
		p.learn(s)
	}
	early, late := second-first, mallocs()-second
	if late > 10*early {
		t.Errorf("%d allocations for the second tenth of the stream, %d for the eight after it: the cost of an event grows", early, late)
	}
	if now := binary.Size(p.memory); now != size {
		t.Errorf("the memory grew from %d to %d bytes", size, now)
	}
	for _, of := range []*detectors.Profile{p.profile, p.resource} {
		if b, _ := of.AppendBinary(nil); len(b) > mostProfile {
			t.Errorf("the profile has %d bytes, want at most %d", len(b), mostProfile)
		}
	}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
