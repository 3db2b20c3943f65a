package detectors

import (
	"bytes"
	"errors"
	"math"
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
				if now/Minute%3 == 0 {
					p.Watch(&Act{Time: now, Operation: []string{settingWritten, settingDeleted}[now/Minute/3%2], Target: account, Succeeded: true}, now)
				}
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

// account is what acts are done to.
const account = "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a/providers/microsoft.insights/diagnosticsettings/to-siem"

func TestProfile_Watch_knows_what_is_logged(t *testing.T) {
	var p Profile
	p.Watch(&Act{Time: 20000 * Day, Operation: settingDeleted, Target: "/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/v/providers/microsoft.insights/diagnosticsettings/old", Succeeded: true}, 0)
	if _, due := p.Awaited(); due != 0 {
		t.Error("the setting of a vault is awaited")
	}
}

func TestProfile_Elsewhere(t *testing.T) {
	region := func(country byte, kind NetworkKind) Network {
		return Network{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, country, 0}), 24), ASN: 7, Country: Country{country, 'A'}, Weak: true, Kind: kind}
	}
	var p Profile
	for hour := range Time(30) {
		p.Learn(&Call{Time: 20000*Day + hour*Hour, Status: 200, Operation: "ChatCompletions_Create", From: region('D', Cloud)}, false)
	}
	now := 20001*Day + 7*Hour
	other, same, house := region('S', Cloud), region('D', Cloud), region('S', Residential)
	if !p.Elsewhere(&other, now) || p.Elsewhere(&same, now) || p.Elsewhere(&house, now) {
		t.Errorf("another region %t, the same %t, no cloud %t", p.Elsewhere(&other, now), p.Elsewhere(&same, now), p.Elsewhere(&house, now))
	}
	if p.Elsewhere(&other, 20000*Day+Hour) {
		t.Error("a region that is known for an hour is the owner's")
	}
}

func TestProfile_Watch(t *testing.T) {
	const deleted = settingDeleted
	noon := 20000*Day + 12*Hour
	type act struct {
		minute    Time
		operation string
		refused   bool
	}
	for name, test := range map[string]struct {
		acts []act
		due  Time // in minutes after noon; 0 for never
	}{
		"nothing":          {nil, 0},
		"deleted":          {[]act{{0, deleted, false}}, 60},
		"refused":          {[]act{{0, deleted, true}}, 0},
		"written_again":    {[]act{{0, deleted, false}, {5, settingWritten, false}}, 0},
		"written_first":    {[]act{{0, settingWritten, false}, {5, deleted, false}}, 0},
		"written_long_ago": {[]act{{0, settingWritten, false}, {90, deleted, false}}, 150},
		"told_late":        {[]act{{5, settingWritten, false}, {0, deleted, false}}, 0},
		"not_written":      {[]act{{0, deleted, false}, {5, settingWritten, true}}, 60},
		"account_deleted":  {[]act{{0, deleted, false}, {30, accountDeleted, false}}, 0},
		"hub_deleted":      {[]act{{0, "microsoft.eventhub/namespaces/eventhubs/delete", false}}, 0},
		"deleted_twice":    {[]act{{0, deleted, false}, {20, deleted, false}}, 80},
	} {
		t.Run(name, func(t *testing.T) {
			var p Profile
			for _, a := range test.acts {
				p.Watch(&Act{Time: noon + a.minute*Minute, Operation: a.operation, Target: account, Succeeded: !a.refused}, a.minute*Minute)
			}
			tick, due := p.Awaited()
			if due != test.due*Minute || due != 0 && tick.When() != noon+due {
				t.Fatalf("due at %v (%v), want minute %d", due, tick, test.due)
			}
			if due == 0 {
				return
			}
			p.Learn(tick, false)
			if tick, due = p.Awaited(); due != 0 {
				t.Errorf("told, and due again at %v (%v)", due, tick)
			}
		})
	}
}

// FuzzProfile_UnmarshalBinary holds a profile of any bytes that are accepted to
// work on: time passes, calls are learned, and it can be saved again.
func FuzzProfile_UnmarshalBinary(f *testing.F) {
	p := &Profile{}
	call := &Call{Time: 20000 * Day, From: Network{Prefix: netip.MustParsePrefix("10.0.0.0/24"), ASN: 1}}
	p.Learn(call, false)
	b, _ := p.AppendBinary(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Profile
		if p.UnmarshalBinary(b) != nil {
			return
		}
		for _, after := range []Time{-Hour, Hour, 400 * Day} {
			c := *call
			c.Time = min(max(0, p.Last+after), lastTime)
			p.Advance(c.Time)
			if q := p.Quiet(c.Time); !(q >= 0 && q <= 1) {
				t.Errorf("Quiet is %v", q)
			}
			for what, share := range map[string]float64{"Moved": p.Moved(Near, c.Time), "Displaced": p.Displaced(c.Time)} {
				if !(share >= 0 && share <= 1) {
					t.Errorf("%s is %v", what, share)
				}
			}
			if b := p.Busier(c.Time); !(b >= 1) {
				t.Errorf("Busier is %v", b)
			}
			p.Strangers(c.Time, 3)
			p.Learn(&c, false)
		}
		saved, _ := p.AppendBinary(nil)
		var again Profile
		if err := again.UnmarshalBinary(saved); err != nil {
			t.Fatalf("what was accepted cannot be saved and restored: %v", err)
		}
		if resaved, _ := again.AppendBinary(nil); !bytes.Equal(saved, resaved) {
			t.Error("the restored profile differs")
		}
	})
}

func TestProfile_UnmarshalBinary_refuses_the_impossible(t *testing.T) {
	for name, spoil := range map[string]func(*Profile){
		"before_1970":             func(p *Profile) { p.First = -1 },
		"after_9999":              func(p *Profile) { p.Last = lastTime + 1 },
		"negative_hour":           func(p *Profile) { p.closed = -30 },
		"hour_beyond_all_times":   func(p *Profile) { p.closed = math.MaxInt64 / 60 },
		"minute_of_a_closed_hour": func(p *Profile) { p.minutes.list[0].at = p.closed*60 - 1 },
		"minute_to_come":          func(p *Profile) { p.minutes.list[0].at = p.now + 1 },
		"minute_twice":            func(p *Profile) { p.minutes.list = append(p.minutes.list, p.minutes.list[0]) },
		"not_a_number":            func(p *Profile) { p.Calls = math.NaN() },
		"infinite":                func(p *Profile) { p.Week[3] = math.Inf(1) },
		"negative_count":          func(p *Profile) { p.total[Requests].Mean = -1 },
		"visit_without_a_call":    func(p *Profile) { p.Visits[Near] = Visit{First: Day, Last: Day} },
		"visit_ends_first":        func(p *Profile) { p.Visits[Foreign] = Visit{First: 2 * Day, Last: Day, Calls: 1} },
		"visit_in_hiding":         func(p *Profile) { p.Visits[Foreign] = Visit{First: Day, Last: Day, Calls: 1, Hidden: 2} },
		"days_of_a_mean":          func(p *Profile) { p.Daily.Days = dailyDays + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			p := &Profile{}
			p.Learn(&Call{Time: 20000 * Day}, false)
			spoil(p)
			b, _ := p.AppendBinary(nil)
			if err := new(Profile).UnmarshalBinary(b); !errors.Is(err, errProfile) {
				t.Errorf("error %v, want %v", err, errProfile)
			}
		})
	}
}

// TestProfile_tells_a_move_from_a_visit: of a caller without a rhythm it is told
// by whether its usual network is heard beside the new one.
func TestProfile_tells_a_move_from_a_visit(t *testing.T) {
	network := func(b byte, asn uint32, kind NetworkKind) Network {
		return Network{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{b, 1, 1, 0}), 24), ASN: asn, Kind: kind}
	}
	home, other, hidden := network(10, 1, Cloud), network(20, 2, Cloud), network(30, 3, VPN)
	start := 20000 * Day
	var p *Profile
	call := func(at Time, from Network) {
		p.Advance(at)
		p.Learn(&Call{Time: at, From: from}, false)
	}
	begin := start + 6*Day
	visit := func(from Network) {
		p = &Profile{}
		for day := range Time(5) { // a burst a day, each at another hour
			for i := range Time(30) {
				call(start+day*Day+5*day*Hour+i*Minute, home)
			}
		}
		for i := range Time(10) {
			call(begin+i*Minute, from)
		}
	}
	now := begin + 10*Minute
	visit(hidden)
	if moved := p.Moved(Foreign, now); moved > 0.25 {
		t.Errorf("moved into hiding by %.2f", moved)
	}
	visit(other)
	if moved := p.Moved(Foreign, now); moved < 0.9 {
		t.Errorf("nothing was heard of the usual network: moved by %.2f", moved)
	}
	for i := range Time(10) {
		call(now+i*Minute, home)
	}
	now += 10 * Minute
	if moved, displaced := p.Moved(Foreign, now), p.Displaced(now); moved > 0.2 || displaced > 0.2 {
		t.Errorf("both are in use: moved by %.2f, displaced by %.2f", moved, displaced)
	}
	if v := p.Visits[Foreign]; v.First != begin || v.Calls != 10 || v.Usual != 10 {
		t.Errorf("visit %+v", v)
	}
	call(now+2*Day, network(40, 4, Cloud))
	if v := p.Visits[Foreign]; v.Usual != 0 || v.First != now+2*Day {
		t.Errorf("after a pause: %+v", v)
	}
}

// TestProfile_Busier is more than once only while the day, or the hour, has more than those before.
func TestProfile_Busier(t *testing.T) {
	p := &Profile{}
	start := 20000 * Day
	for day := range Time(4) {
		for i := range Time(20) {
			p.Advance(start + day*Day + i*Hour)
			p.Learn(&Call{Time: start + day*Day + i*Hour}, false)
		}
	}
	now := start + 4*Day
	p.Advance(now)
	if b := p.Busier(now); b != 1 {
		t.Errorf("a quiet day begins %v times as busy", b)
	}
	for i := range Time(100) {
		p.Advance(now + i*10*Minute)
		p.Learn(&Call{Time: now + i*10*Minute}, false)
	}
	if b := p.Busier(now + 999*Minute); b < 5 || b > 8 {
		t.Errorf("100 calls where 20 a day and one an hour are usual: %v times as busy", b)
	}
	if b := p.Daily.busier(now - Hour); b != 1 {
		t.Errorf("a late call, of the day before: %v", b)
	}
}

// TestProfile_near_the_epoch learns and asks at times around 1970: no hour is out of range.
func TestProfile_near_the_epoch(t *testing.T) {
	for from := -10 * Day; from < 10*Day; from += 7 * Hour {
		p := &Profile{}
		for c := (Call{Time: from}); c.Time < from+10*Day; c.Time += 11 * Hour {
			p.Advance(c.Time)
			p.Learn(&c, false)
			p.Quiet(c.Time)
		}
		if p.hours < 0 || p.Calls != 22 {
			t.Errorf("from %v: %v hours and %v calls learned", from, p.hours, p.Calls)
		}
	}
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

// TestProfile_Rest is high at the hours at which nobody ever called, on days enough.
func TestProfile_Rest(t *testing.T) {
	p := &Profile{}
	start := 20000 * Day
	work := func(first, last Time) {
		for day := first; day < last; day++ {
			for hour := Time(8); hour < 17; hour++ {
				for i := range Time(5) {
					at := start + day*Day + hour*Hour + i*Minute
					p.Advance(at)
					p.Learn(&Call{Time: at}, false)
				}
			}
		}
	}
	night := start + 30*Day + 2*Hour
	work(0, 1)
	p.Advance(start + 2*Day)
	if rest := p.Rest(night); rest > 2.5 {
		t.Errorf("%.1f bits after a day", rest)
	}
	work(2, 9)
	p.Advance(start + 10*Day)
	if rest := p.Rest(night); rest < 4 {
		t.Errorf("%.1f bits at night", rest)
	}
	for _, hour := range []Time{6, 9, 16, 18} {
		if rest := p.Rest(start + 30*Day + hour*Hour); rest > 0.1 {
			t.Errorf("%.1f bits at %d o'clock", rest, hour)
		}
	}
}

func TestProfile_Alike(t *testing.T) {
	client := Client{APIVersion: "2024-10-21"}
	var p Profile
	for hour := range Time(30) { // a gateway names no model
		p.Learn(&Call{Time: 20000*Day + hour*Hour, Status: 200, Client: client, Deployment: "chat"}, false)
	}
	now := 20001*Day + 7*Hour
	for name, test := range map[string]struct {
		call Call
		want bool
	}{
		"as_always":          {Call{Client: client, Deployment: "chat"}, true},
		"and_a_model_known":  {Call{Client: client, Deployment: "chat", Model: "gpt-4o"}, true},
		"another_deployment": {Call{Client: client, Deployment: "images"}, false},
		"none":               {Call{Client: client}, false},
		"another_program":    {Call{Client: Client{APIVersion: "2023-05-15"}, Deployment: "chat"}, false},
	} {
		test.call.Time = now
		if got := p.Alike(&test.call); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

func TestProfile_Bits_knows_little_at_first(t *testing.T) {
	levels := [Stages][]float64{{1, 2, 3}, {1, 2, 3}, {1, 2, 3}}
	p := Profile{First: 20000 * Day, Scale: NewScale(map[string]*[Stages][]float64{"measured": &levels})}
	last := 0.0
	for _, at := range []struct {
		age         Time
		least, most float64
	}{{Day - 1, 0, 0}, {Day, 1.8, 2}, {2 * Day, 2.5, 2.7}, {4 * Day, 2.9, 3}, {30 * Day, 2.999, 3}} {
		bits := p.Bits("measured", p.First+at.age, 3)
		if bits < at.least || bits > at.most || bits < last {
			t.Errorf("at %v: %.2f bits after %.2f, want %v to %v", at.age, bits, last, at.least, at.most)
		}
		last = bits
	}
	if bits := p.Bits("stands as it is", p.First+Day, 3); bits != 3 {
		t.Errorf("%.2f bits of what is not measured, want 3", bits)
	}
}

// TestProfile_Guarded: what an open incident is about is not learned as usual, wherever it comes from, for a time.
func TestProfile_Guarded(t *testing.T) {
	office := Network{Prefix: netip.MustParsePrefix("198.51.100.0/24"), ASN: 1, Country: Country{'D', 'E'}}
	near := Network{Prefix: netip.MustParsePrefix("198.51.101.0/24"), ASN: 1, Country: Country{'D', 'E'}}
	stranger := Network{Prefix: netip.MustParsePrefix("192.0.2.0/24"), ASN: 9, Country: Country{'U', 'S'}}
	for name, from := range map[string][]Network{"its_own_network": {office}, "its_own_and_a_near_one": {office, near}, "a_strange_network": {stranger}} {
		t.Run(name, func(t *testing.T) {
			var p Profile
			images := func(at Time, n int, from ...Network) {
				for i := range n {
					p.Learn(&Call{Time: at + Time(i)*Hour/Time(n), Status: 200, Class: ClassImage, Images: 1, From: from[i%len(from)]}, false)
				}
				p.Advance(at + 4*Hour)
			}
			for day := range Time(10) {
				images((20_000+day)*Day+9*Hour, 20, office)
			}
			p.Guarded, p.Guard = true, 20_010*Day+2*Hour
			images(20_010*Day+2*Hour, 400, from...)
			for _, q := range []Quantity{Requests, Images} {
				if most := p.Total(q).Max; most > 20 {
					t.Errorf("the busiest hour had %.0f of quantity %d, as before were 20", most, q)
				}
			}
			images(20_014*Day+2*Hour, 400, office)
			if most := p.Total(Images).Max; most < 380 {
				t.Errorf("the busiest hour had %.0f images, want those of a launch that goes on", most)
			}
		})
	}
}
