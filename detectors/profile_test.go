package detectors

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawCall draws a call of a small world at t.
func drawCall(r *rapid.T, t Time) *Call {
	n := byte(rapid.IntRange(1, 90).Draw(r, "network"))
	return &Call{
		Time: t, Status: 200, Operation: "ChatCompletions_Create", Class: ClassChat,
		Model:  rapid.SampledFrom([]string{"gpt-4o", "gpt-4o-mini", ""}).Draw(r, "model"),
		Client: Client{APIVersion: "2024-10-21"},
		Tokens: Tokens{Prompt: rapid.Int64Range(0, 5000).Draw(r, "tokens"), Known: true},
		Images: rapid.IntRange(0, 2).Draw(r, "images"),
		From: Network{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, n, 0}), 24), ASN: uint32(n % 30),
			Country: Country{'A' + n%26, 'B'}},
	}
}

// drawTime draws the time of the next event: mostly later, by minutes or days, sometimes earlier.
func drawTime(r *rapid.T, t Time) Time {
	return t + Time(rapid.OneOf(rapid.Int64Range(-50, 50), rapid.Int64Range(0, 3000)).Draw(r, "minutes"))*Minute
}

func TestProfile_is_the_same_after_saving_and_restoring(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		kept, saved := &Profile{}, &Profile{}
		now := 20000 * Day
		for range rapid.IntRange(1, 60).Draw(r, "calls") {
			now = drawTime(r, now)
			c := drawCall(r, now)
			for _, p := range []*Profile{kept, saved} {
				p.Advance(now)
				p.Learn(c, false)
			}
			b, _ := saved.AppendBinary(nil)
			saved = &Profile{}
			if err := saved.UnmarshalBinary(b); err != nil {
				r.Fatal(err)
			}
			again, _ := saved.AppendBinary(nil)
			want, _ := kept.AppendBinary(nil)
			if d := cmp.Diff(want, again); d != "" {
				r.Fatalf("the restored profile differs: %s", d)
			}
			if *kept.Hour() != *saved.Hour() {
				r.Fatalf("rolling hour %v, restored %v", *kept.Hour(), *saved.Hour())
			}
		}
	})
}

func FuzzProfile_UnmarshalBinary(f *testing.F) {
	p := &Profile{}
	p.Learn(&Call{Time: 20000 * Day, From: Network{Prefix: netip.MustParsePrefix("10.0.0.0/24")}}, false)
	b, _ := p.AppendBinary(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Profile
		if p.UnmarshalBinary(b) != nil {
			return
		}
		p.Advance(p.Last + Hour)
	})
}

// TestMinutes_sum holds the rolling hour and the closed hours against a plain list of calls.
func TestMinutes_sum(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := &Profile{}
		now := 20000 * Day
		var at []Time
		for range rapid.IntRange(1, 80).Draw(r, "calls") {
			c := drawCall(r, drawTime(r, now))
			now = max(now, c.Time)
			late := now-c.Time > Hour
			p.Advance(c.Time)
			p.Learn(c, late)
			if !late {
				at = append(at, c.Time)
			}
			want := 0.0
			for _, t := range at {
				if int64(t/Minute) > int64(now/Minute)-60 {
					want++
				}
			}
			if got := p.Hour().Total(Requests); got != want {
				r.Fatalf("rolling hour has %v requests, want %v", got, want)
			}
		}
	})
}
