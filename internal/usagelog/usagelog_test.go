package usagelog

import (
	"errors"
	"math"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/simulate"
)

var source = Source{Hub: "ns.servicebus.windows.net/diagnostics/2026-01-02T03:04:05Z", Partition: "7"}

// simulated are the records of a few days, one an event.
func simulated(t testing.TB) (entries []Entry) {
	t.Helper()
	campaigns := []simulate.Campaign{{Kind: "storm", Day: 1}, {Kind: "insider", Day: 1}}
	_, err := simulate.Generate(simulate.Options{Seed: 5, Days: 3, Principals: 10, Campaigns: campaigns}, func(d simulate.Delivery) error {
		if d.Fragment.Act != nil {
			d.Fragment.Call = detectors.Call{} // says nothing
		}
		entries = append(entries, Entry{int64(len(entries)), d.Fragment})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// carried is what a message holds of entries.
var carried = cmp.Options{
	cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmpopts.IgnoreFields(azurelog.Fragment{}, "Offset"),
}

func write(m *Message) []byte {
	var w Writer
	w.Reset(m.Source, m.Arrived)
	for i := range m.Entries {
		w.Add(m.Entries[i].Sequence, &m.Entries[i].Fragment)
	}
	return w.Bytes()
}

func TestRead_gives_back_what_was_written_and_is_small(t *testing.T) {
	entries := simulated(t)
	const perMessage = 200
	var r Reader
	bytes, calls, acts := 0, 0, 0
	for len(entries) > 0 {
		n := min(perMessage, len(entries))
		want := Message{Source: source, Arrived: 20_000 * detectors.Day, Entries: entries[:n]}
		entries = entries[n:]
		b := write(&want)
		var got Message
		if err := r.Read(b, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, carried); d != "" {
			t.Fatalf("-written +read:\n%s", d)
		}
		bytes += len(b)
		for i := range got.Entries {
			switch f := &got.Entries[i].Fragment; {
			case f.Act != nil:
				acts++
			case f.Category == azurelog.RequestResponse && !f.NearEmpty, f.Category == azurelog.GatewayLogs:
				calls++
			}
		}
	}
	if calls < 1000 || acts == 0 {
		t.Fatalf("%d calls and %d acts: this test measures nothing", calls, acts)
	}
	if perCall := float64(bytes) / float64(calls); perCall > 120 {
		t.Errorf("%.1f bytes a call, with the rows of its tokens and its twins, want 120 at most", perCall)
	} else {
		t.Logf("%.1f bytes a call", perCall)
	}
}

func TestRead_a_tick(t *testing.T) {
	var got Message
	if err := new(Reader).Read(AppendTick(nil, 123, 45), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Message{Kind: Tick, Arrived: 123, Heard: 45}, got, carried); d != "" {
		t.Error(d)
	}
}

var sighted = []detectors.Sighting{
	{
		Time: 20_000 * detectors.Day, Principal: detectors.Principal{Kind: detectors.EntraObject, ID: "o", Resource: "/subscriptions/s/a"}, Detector: "key-check",
		Family: detectors.Errors, Bits: 4.25, Client: detectors.Client{APIVersion: "2023-09-01-preview", UserAgent: "python", Stream: detectors.NonStreaming},
		From: detectors.Network{Prefix: netip.MustParsePrefix("203.0.113.0/24"), Country: detectors.Country{'N', 'L'}, Weak: true, ASN: 64500, Organization: "Example B.V.", Kind: detectors.Hosting},
	},
	{
		Time: 20_000*detectors.Day - 5, Principal: detectors.Principal{Kind: detectors.AccountKey, ID: "/subscriptions/s/a", Resource: "/subscriptions/s/a"}, Detector: "watchlist",
		Bits: 20, From: detectors.Network{Prefix: netip.MustParsePrefix("2001:db8::/48")},
	},
}

// readsBack fails the test unless b is read as want, and less of it is not.
func readsBack(t *testing.T, b []byte, want *Message) {
	t.Helper()
	var r Reader
	var got Message
	for range 2 { // the second into used room
		if err := r.Read(b, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(*want, got, carried); d != "" {
			t.Error(d)
		}
	}
	for n := range b[:len(b)-1] {
		if err := r.Read(b[:n], &got); err == nil && len(got.Sightings)+len(got.Stays) == len(want.Sightings)+len(want.Stays) {
			t.Errorf("the first %d of %d bytes are read as all", n, len(b))
		}
	}
}

func TestRead_sightings(t *testing.T) {
	b := AppendSightings(nil, sighted)
	if perSighting := len(b) / len(sighted); perSighting > 120 {
		t.Errorf("%d bytes a sighting, want 120 at most", perSighting)
	}
	readsBack(t, b, &Message{Kind: Sightings, Sightings: sighted})
}

var premises = []detectors.Stay{
	{Network: netip.MustParsePrefix("203.0.113.0/24"), Since: 20_000 * detectors.Day, Until: 20_020*detectors.Day + detectors.Hour},
	{Network: netip.MustParsePrefix("2001:db8::/48"), Since: 0, Until: detectors.Hour},
}

func TestRead_premises(t *testing.T) {
	b := AppendPremises(nil, premises)
	if perStay := len(b) / len(premises); perStay > 20 {
		t.Errorf("%d bytes a stay, want 20 at most", perStay)
	}
	readsBack(t, b, &Message{Kind: Premises, Stays: premises})
	var r Reader
	var got Message
	for name, s := range map[string]detectors.Stay{"of no network": {Until: detectors.Hour}, "of no time": {Network: premises[0].Network}} {
		if err := r.Read(AppendPremises(nil, []detectors.Stay{s}), &got); !errors.Is(err, ErrMessage) {
			t.Errorf("a stay %s: error %v, want ErrMessage", name, err)
		}
	}
}

// drawEntries draws entries with values that Azure would not send, too.
func drawEntries(t *rapid.T) (entries []Entry) {
	number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1, 1000), rapid.SampledFrom([]int64{0, math.MaxInt64, math.MinInt64}))
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "gpt-4o", "a\x00\xff"}))
	var sequence int64
	ordinal := 0
	for range rapid.IntRange(0, 20).Draw(t, "entries") {
		if step := rapid.Int64Range(0, 3).Draw(t, "step"); step > 0 || len(entries) == 0 {
			sequence, ordinal = sequence+step, rapid.IntRange(0, 9).Draw(t, "ordinal")
		} else {
			ordinal += 1 + rapid.IntRange(0, 9).Draw(t, "more")
		}
		f := azurelog.Fragment{
			Category: azurelog.Category(rapid.IntRange(0, 6).Draw(t, "category")),
			Logged:   detectors.Time(number.Draw(t, "logged")),
			Resource: text.Draw(t, "resource"), Ordinal: ordinal,
		}
		if rapid.Bool().Draw(t, "correlated") {
			f.Correlation = azurelog.Correlation(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "correlation"))
		}
		switch rapid.IntRange(0, 3).Draw(t, "address") {
		case 1:
			f.Address, f.Bits = netip.MustParseAddr("203.0.113.7"), 32
		case 2:
			f.Address, f.Bits = netip.MustParseAddr("203.0.113.0"), 24
		case 3:
			f.Address, f.Bits = netip.MustParseAddr("2001:db8::1"), 128
		}
		if rapid.Bool().Draw(t, "act") {
			f.Act = &detectors.Act{
				Time: detectors.Time(number.Draw(t, "time")), Operation: text.Draw(t, "operation"), Target: text.Draw(t, "target"), Succeeded: rapid.Bool().Draw(t, "succeeded"),
				Actor: detectors.Actor{ObjectID: text.Draw(t, "object"), Name: text.Draw(t, "name"), AppID: text.Draw(t, "app")},
			}
		} else {
			f.NearEmpty, f.Continued = rapid.Bool().Draw(t, "near empty"), rapid.Bool().Draw(t, "continued")
			f.ObjectID, f.Subscription, f.Backend = text.Draw(t, "object"), text.Draw(t, "subscription"), text.Draw(t, "backend")
			f.Call = detectors.Call{
				Time: detectors.Time(number.Draw(t, "time")), DurationMs: number.Draw(t, "duration"), Status: rapid.Int().Draw(t, "status"),
				Operation: text.Draw(t, "operation"), Class: detectors.Class(rapid.IntRange(0, 6).Draw(t, "class")), Model: text.Draw(t, "model"),
				Deployment: text.Draw(t, "deployment"), RequestBytes: number.Draw(t, "request"), ResponseBytes: number.Draw(t, "response"), Images: rapid.Int().Draw(t, "images"),
				Client:   detectors.Client{APIVersion: text.Draw(t, "version"), UserAgent: text.Draw(t, "agent"), Stream: detectors.Stream(rapid.IntRange(0, 2).Draw(t, "stream"))},
				Filtered: rapid.Bool().Draw(t, "filtered"),
			}
			if rapid.Bool().Draw(t, "tokens") {
				f.Call.Tokens = detectors.Tokens{Prompt: number.Draw(t, "prompt"), Cached: number.Draw(t, "cached"), Completion: number.Draw(t, "completion"), Known: true}
			}
		}
		entries = append(entries, Entry{sequence, f})
	}
	return entries
}

func TestRead_gives_back_any_fragment(t *testing.T) {
	var w Writer
	var r Reader
	var got Message
	rapid.Check(t, func(t *rapid.T) {
		want := Message{Source: source, Arrived: detectors.Time(rapid.Int64().Draw(t, "arrived")), Entries: drawEntries(t)}
		w.Reset(want.Source, want.Arrived)
		for i := range want.Entries {
			w.Add(want.Entries[i].Sequence, &want.Entries[i].Fragment)
		}
		if w.Entries() != len(want.Entries) {
			t.Fatalf("%d entries counted, want %d", w.Entries(), len(want.Entries))
		}
		if err := r.Read(w.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, carried); d != "" {
			t.Fatalf("-written +read:\n%s", d)
		}
	})
}

func TestRead_refuses(t *testing.T) {
	good := write(&Message{Source: source, Arrived: 1, Entries: simulated(t)[:3]})
	var whole Message
	if err := new(Reader).Read(good, &whole); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		var m Message
		if err := new(Reader).Read(good[:n], &m); err == nil && len(m.Entries) == len(whole.Entries) {
			t.Errorf("the first %d of %d bytes are read as all", n, len(good))
		}
	}
	for name, b := range map[string][]byte{
		"nothing":       {},
		"another_kind":  {version, byte(kinds), 0, 0, 0},
		"tick_and_more": append(AppendTick(nil, 1, 1), 0),
		"JSON":          []byte(`{"records":[]}`),
	} {
		t.Run(name, func(t *testing.T) {
			if err := new(Reader).Read(b, new(Message)); !errors.Is(err, ErrMessage) {
				t.Errorf("error %v, want ErrMessage", err)
			}
		})
	}
}

func TestRead_leaves_a_later_version_to_a_later_release(t *testing.T) {
	if err := new(Reader).Read([]byte{version + 1, 0}, new(Message)); !errors.Is(err, ErrVersion) {
		t.Errorf("error %v, want ErrVersion", err)
	}
}

func TestPartition(t *testing.T) {
	// Never to be changed: state is found where these say.
	got := []int{Partition("/subscriptions/s/accounts/a", 8), Partition("custom:gateway", 8), Partition("", 32), Partition("x", 1)}
	if d := cmp.Diff([]int{7, 2, 5, 0}, got); d != "" {
		t.Error(d)
	}
}

func FuzzReader_Read(f *testing.F) {
	f.Add(AppendTick(nil, 20_000*detectors.Day, 19_999*detectors.Day))
	f.Add(write(&Message{Source: source, Arrived: 1, Entries: simulated(f)[:5]}))
	f.Add(AppendSightings(nil, sighted))
	f.Add(AppendPremises(nil, premises))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reader
		var first, again Message
		if r.Read(b, &first) != nil {
			return
		}
		rewritten := write(&first)
		switch first.Kind {
		case Tick, Command:
			return
		case Sightings:
			rewritten = AppendSightings(nil, first.Sightings)
			first.Source, first.Arrived = Source{}, 0
		case Premises:
			rewritten = AppendPremises(nil, first.Stays)
			first.Source, first.Arrived = Source{}, 0
		}
		if err := r.Read(rewritten, &again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(first, again, carried); d != "" {
			t.Errorf("read, written and read again:\n%s", d)
		}
	})
}

func BenchmarkMessage(b *testing.B) {
	entries := simulated(b)[:1000]
	m := Message{Source: source, Entries: entries}
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		var w Writer
		for b.Loop() {
			w.Reset(m.Source, m.Arrived)
			for i := range entries {
				w.Add(entries[i].Sequence, &entries[i].Fragment)
			}
		}
		b.ReportMetric(float64(len(w.Bytes()))/float64(len(entries)), "bytes/fragment")
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		data := write(&m)
		var r Reader
		var got Message
		for b.Loop() {
			if err := r.Read(data, &got); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestRead_a_command(t *testing.T) {
	want := &detectors.Command{Time: 20_000 * detectors.Day, By: "analyst@example.com", Exception: &detectors.Exception{
		ID: "x", Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, Owner: "o", Reason: "ünusual", Expires: 20_001 * detectors.Day,
	}}
	b, err := AppendCommand(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	var got Message
	if err := new(Reader).Read(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Message{Kind: Command, Arrived: want.Time, Command: want}, got, carried); d != "" {
		t.Error(d)
	}
	if _, err := AppendCommand(nil, &detectors.Command{}); err == nil {
		t.Error("a command that says nothing is written")
	}
	if err := new(Reader).Read(b[:len(b)-1], &got); !errors.Is(err, ErrMessage) {
		t.Errorf("error %v of a command that is cut off, want ErrMessage", err)
	}
}
