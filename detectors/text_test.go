package detectors

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"
)

func TestTexts_are_read_back(t *testing.T) {
	roundTrip(t, Info, Low, Medium, High, Critical)
	roundTrip(t, AccountKey, APIMSubscription, EntraObject, ResourcePrincipal, Operator)
	roundTrip(t, TimeOf(time.Date(2026, 1, 5, 3, 4, 5, 0, time.UTC)), TimeOf(time.Date(2026, 1, 5, 3, 4, 5, 6e6, time.UTC)))
	t.Run("unknown", func(t *testing.T) {
		var s Severity
		if err := json.Unmarshal([]byte(`"grave"`), &s); err == nil {
			t.Error("an unknown severity is read")
		}
		var at Time
		if err := json.Unmarshal([]byte(`"yesterday"`), &at); err == nil {
			t.Error("an unknown time is read")
		}
	})
	t.Run("written_only", func(t *testing.T) {
		b, err := json.Marshal([]any{PerPrincipal, PerResource, PerOperator, Place, ControlPlane})
		if want := `["principal","resource","operator","place","control-plane"]`; err != nil || string(b) != want {
			t.Errorf("%s, %v, want %s", b, err, want)
		}
	})
}

func roundTrip[V comparable](t *testing.T, values ...V) {
	t.Helper()
	for _, v := range values {
		b, err := json.Marshal(v)
		var again V
		if err != nil || json.Unmarshal(b, &again) != nil || again != v {
			t.Errorf("%v is written as %s (%v) and read as %v", v, b, err, again)
		}
	}
}

func TestProfile_UnmarshalBinary_refuses_what_is_cut_off(t *testing.T) {
	p := &Profile{Guarded: true}
	c := &Call{Time: 20000 * Day, Model: "gpt-4o", From: Network{Prefix: netip.MustParsePrefix("10.0.0.0/24"), ASN: 64500, Country: Country{'D', 'E'}}}
	p.Advance(c.Time)
	p.Learn(c, false)
	p.LearnPeer(c, EntraObject, 0, false)
	b, _ := p.AppendBinary(nil)
	for n := range b {
		if err := new(Profile).UnmarshalBinary(b[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are read as a profile", n, len(b))
		}
	}
	if err := new(Profile).UnmarshalBinary(append(b, 0)); err == nil {
		t.Error("a byte too many is read")
	}
	if err := new(Profile).UnmarshalBinary([]byte{profileVersion + 1}); err == nil {
		t.Error("another version is read")
	}
}

func TestProfile_Accuse(t *testing.T) {
	p := &Profile{}
	office := Network{Prefix: netip.MustParsePrefix("10.0.0.0/24"), ASN: 64500}
	start := 20000 * Day
	p.Learn(&Call{Time: start, From: office}, false)
	now := start + 5*Day
	if s := p.Standing(&office, now); s != Usual {
		t.Fatalf("standing %d, want usual", s)
	}
	p.Accuse([]netip.Prefix{office.Prefix}, now)
	if s := p.Standing(&office, now+accusedFor-1); s != Foreign {
		t.Errorf("accused: standing %d, want foreign", s)
	}
	if strangers := p.Strangers(now, 5); len(strangers) != 1 || strangers[0].Prefix != office.Prefix {
		t.Errorf("strangers %v, want the accused network", strangers)
	}
	if s := p.Standing(&office, now+accusedFor); s != Usual {
		t.Errorf("accused long ago: standing %d, want usual", s)
	}
	p.Absolve()
	if s := p.Standing(&office, now); s != Usual {
		t.Errorf("absolved: standing %d, want usual", s)
	}
}

func TestProfile_Standing(t *testing.T) {
	resource, p := &Profile{}, &Profile{}
	p.Resource = resource
	start := 20000 * Day
	prefix := func(s string, asn uint32) Network { return Network{Prefix: netip.MustParsePrefix(s), ASN: asn} }
	office, peer := prefix("10.0.0.0/24", 1), prefix("10.9.0.0/24", 9)
	p.Learn(&Call{Time: start, From: office}, false)
	resource.LearnPeer(&Call{Time: start, Model: "m", From: peer}, EntraObject, 0, false)
	for _, c := range []struct {
		name string
		from Network
		at   Time
		want Standing
	}{
		{"known", office, start + 3*Day, Usual},
		{"no_address", Network{}, start + 3*Day, Usual},
		{"first_day", prefix("10.5.0.0/24", 5), start + Hour, Usual},
		{"same_organisation", prefix("10.0.7.0/24", 1), start + 3*Day, Near},
		{"network_of_a_peer", peer, start + 3*Day, Near},
		{"new", prefix("10.5.0.0/24", 5), start + 3*Day, Foreign},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := p.Standing(&c.from, c.at); got != c.want {
				t.Errorf("standing %d, want %d", got, c.want)
			}
		})
	}
}

func TestDetector_Wrap(t *testing.T) {
	d := New(Description{ID: "every-call", Version: 1}, func(_ *Profile, e Event, own *struct{ Calls int64 }) (Finding, bool) {
		own.Calls++
		return Finding{Time: e.When(), Bits: 5}, true
	})
	overheard := 0
	w := d.Wrap(func(_ *Profile, _ Event, f Finding, found bool) (Finding, bool) {
		if found && f.Bits == 5 {
			overheard++
		}
		return Finding{}, false
	})
	m := w.NewMemory()
	for _, e := range []Event{&Call{Time: 1}, &Usage{Time: 2}, &Act{Time: 3}, Tick(4)} {
		if _, found := w.Observe(&Profile{}, e, m); found {
			t.Error("what review refused is found")
		}
	}
	if overheard != 4 {
		t.Errorf("%d findings overheard, want 4", overheard)
	}
	restored, err := d.ReadMemory(1, w.AppendMemory(nil, m))
	if err != nil || restored.(*struct{ Calls int64 }).Calls != 4 {
		t.Errorf("the memory is read as %v, %v", restored, err)
	}
}

func TestProfile_UnmarshalBinary_refuses_hours_that_cannot_be(t *testing.T) {
	for name, corrupt := range map[string]func(*Profile){
		"closed_before_1970":        func(p *Profile) { p.closed = -30 },
		"now_before_1970":           func(p *Profile) { p.now = -1 },
		"minute_of_a_closed_hour":   func(p *Profile) { p.minutes.list[0].at = p.closed*60 - 1 },
		"minutes_out_of_order":      func(p *Profile) { p.minutes.list[0].at = p.minutes.list[1].at + 1 },
		"the_same_minute_two_times": func(p *Profile) { p.minutes.list[0].at = p.minutes.list[1].at },
	} {
		t.Run(name, func(t *testing.T) {
			p := &Profile{}
			p.Learn(&Call{Time: 20000 * Day}, false)
			p.Learn(&Call{Time: 20000*Day + Minute}, false)
			corrupt(p)
			b, _ := p.AppendBinary(nil)
			if err := new(Profile).UnmarshalBinary(b); err == nil {
				t.Error("accepted")
			}
		})
	}
}
