package incident

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// Episode collects what is found about one principal and makes an Incident of
// it. The zero value is one that nothing has been found about. It is bounded.
type Episode struct {
	s state
}

// Open reports whether an episode is going on: there is an Incident.
func (e *Episode) Open() bool { return len(e.s.Traces) > 0 }

// Severity is the highest that the open episode has reached; Info where none is open.
func (e *Episode) Severity() detectors.Severity { return e.s.Severity }

// Accused are the networks that the open episode's findings accuse, sorted. The
// caller must not change it.
func (e *Episode) Accused() []netip.Prefix { return e.s.Accused }

// Suppress marks the open episode's incident as one that nobody is told of.
func (e *Episode) Suppress() { e.s.Suppressed = e.Open() }

// Announce takes Suppress back.
func (e *Episode) Announce() { e.s.Suppressed = false }

// Vouch says whether an analyst has found the open episode benign. What is
// found as it goes on still counts to its incident.
func (e *Episode) Vouch(benign bool) { e.s.Vouched = benign && e.Open() }

// Vouched reports whether an analyst has found the open episode benign.
func (e *Episode) Vouched() bool { return e.s.Vouched }

// ID is that of the open episode's incident; "" where none is open.
func (e *Episode) ID() string { return e.s.ID }

// Add counts a finding of d about p. One below Floor is ignored; one that comes
// Life after the latest ends the episode and begins the next.
func (e *Episode) Add(p detectors.Principal, d *detectors.Detector, f detectors.Finding) {
	if !(f.Bits >= Floor) { // not a number is none
		return
	}
	e.Tick(f.Time)
	p.ID, p.Resource = strings.ToValidUTF8(p.ID, "\uFFFD"), strings.ToValidUTF8(p.Resource, "\uFFFD")
	s := &e.s
	if !e.Open() {
		*s = state{ID: identify(p, f.Time), Latest: f.Time, FirstSeen: f.Time, LastSeen: f.Time, Closed: s.Closed}
	}
	s.Latest = max(s.Latest, f.Time)
	s.see(f.Time)
	if len(s.Principals) < maxPrincipals && !slices.Contains(s.Principals, p) {
		s.Principals = append(s.Principals, p)
	}
	s.accuse(f.Networks)
	o := observe(f)
	if t := s.trace(d); t != nil {
		t.add(o, f.Young)
	}
	for i := range s.Traces {
		s.Traces[i].renew(&o)
	}
	s.rise(weigh(s.Traces, s.Latest))
}

// Concern counts a call of the principal, if the incident is about it: the call
// comes from a network that a finding accuses, or from anywhere as long as none
// accuses any, less than Life from the findings. It reports whether it is. A call that failed
// costs nothing.
func (e *Episode) Concern(c *detectors.Call, prices *Prices) bool {
	if !e.about(c.Time, c.From.Prefix) {
		return false
	}
	s := &e.s
	s.see(c.Time)
	s.Totals.Calls++
	if !c.Failed() {
		s.Totals.Images += float64(max(c.Images, 0))
		s.spend(prices, c.Class, c.Model, c.Tokens, c.Images)
	}
	if t := &s.Totals; t.First == 0 {
		t.First, t.Last = c.Time, c.Time
	} else {
		t.First, t.Last = min(t.First, c.Time), max(t.Last, c.Time)
	}
	return true
}

// ConcernUsage counts tokens that came after their call, as Concern counts a call.
func (e *Episode) ConcernUsage(u *detectors.Usage, prices *Prices) bool {
	if !e.about(u.Time, u.From.Prefix) {
		return false
	}
	e.s.see(u.Time)
	e.s.spend(prices, u.Class, u.Model, u.Tokens, 0)
	return true
}

// Tick ends the episode when Life has passed between its latest finding and t.
func (e *Episode) Tick(t detectors.Time) {
	if !e.Open() || t-e.s.Latest < Life {
		return
	}
	closed := e.s.Closed
	if e.s.Changed {
		i := e.Incident()
		closed = append(closed, document{i, i.Evidence})
	}
	e.s = state{Closed: closed}
}

// Incident is the incident as it stands, nil where the episode is not open.
func (e *Episode) Incident() *Incident {
	if !e.Open() {
		return nil
	}
	s := &e.s
	i := &Incident{
		ID:         s.ID,
		Principal:  s.Principals[0],
		Principals: slices.Clone(s.Principals),
		Severity:   s.Severity,
		Risk:       tenths(s.Risk),
		Status:     StatusNew,
		OpenedAt:   s.OpenedAt,
		FirstSeen:  s.FirstSeen,
		LastSeen:   s.LastSeen,
		Findings:   []Finding{},
	}
	if s.Suppressed {
		i.Status = StatusSuppressed
	}
	if s.Priced {
		loss := cents(s.Loss)
		i.LossUSD = &loss
	}
	for _, t := range s.Traces {
		i.Evidence = append(i.Evidence, t.Evidence)
	}
	slices.SortStableFunc(i.Evidence, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(b.Strongest.Bits, a.Strongest.Bits), cmp.Compare(a.Detector, b.Detector))
	})
	for _, v := range i.Evidence {
		o := v.Strongest
		i.Findings = append(i.Findings, Finding{v.Detector, o.Time, tenths(o.Bits), v.Count, o.Summary, o.Observed, o.Usual})
	}
	i.Title = title(s.Principals, i.Evidence, s.Totals, s.span())
	i.Certainty = certainty(s.Principals)
	i.Why = why(&s.Worst, s.Traces)
	i.Harmless = harmless(&s.Worst, i.Evidence)
	return i
}

// Take is the incidents that changed since the last Take, those of episodes
// that have ended first. Whoever takes them writes them.
func (e *Episode) Take() []*Incident {
	var changed []*Incident
	for _, d := range e.s.Closed {
		d.Incident.Evidence = d.Evidence
		changed = append(changed, d.Incident)
	}
	if e.s.Changed {
		changed = append(changed, e.Incident())
	}
	e.s.Closed, e.s.Changed = nil, false
	return changed
}

// span is how long the calls went on that the incident is about.
func (s *state) span() detectors.Time {
	if s.Totals.First == 0 {
		return s.LastSeen - s.FirstSeen
	}
	return s.Totals.Last - s.Totals.First
}

func (e *Episode) about(t detectors.Time, from netip.Prefix) bool {
	s := &e.s
	if !e.Open() || t-s.Latest >= Life || s.Traces[0].First.Time-t >= Life {
		return false
	}
	_, accused := slices.BinarySearchFunc(s.Accused, from, netip.Prefix.Compare)
	return accused || len(s.Accused) == 0
}

// see widens the incident's time and marks it as changed.
func (s *state) see(t detectors.Time) {
	s.FirstSeen, s.LastSeen = min(s.FirstSeen, t), max(s.LastSeen, t)
	s.Changed = true
}

func (s *state) spend(prices *Prices, class detectors.Class, model string, t detectors.Tokens, images int) {
	if t.Known {
		s.Totals.Tokens += float64(max(t.Prompt, 0)) + float64(max(t.Completion, 0))
	}
	if usd, known := prices.Cost(class, model, t, images); known {
		s.Loss += usd
		s.Priced = true
	}
}

func (s *state) accuse(networks []detectors.Network) {
	for _, n := range networks {
		at, there := slices.BinarySearchFunc(s.Accused, n.Prefix, netip.Prefix.Compare)
		if n.Known() && !there && len(s.Accused) < maxAccused {
			s.Accused = slices.Insert(s.Accused, at, n.Prefix)
		}
	}
}

// trace is what is kept of d, nil where there is no room for another detector.
func (s *state) trace(d *detectors.Detector) *trace {
	if t := find(s.Traces, d.ID); t != nil {
		return t
	}
	if len(s.Traces) == maxDetectors {
		return nil
	}
	s.Traces = append(s.Traces, trace{
		Evidence: Evidence{Detector: d.ID, Title: d.Title},
		Family:   uint8(d.Family),
		Limit:    d.Severity,
	})
	return &s.Traces[len(s.Traces)-1]
}

// rise brings risk, severity, opening and grounds up to date.
func (s *state) rise(w weighing) {
	if s.Severity < detectors.Medium && (w.Severity >= detectors.Medium || w.Risk > s.Risk) {
		s.OpenedAt = w.At
	}
	s.Risk, s.Severity = max(s.Risk, w.Risk), max(s.Severity, w.Severity)
	if w.Severity == s.Severity && w.worse(&s.Worst) {
		s.Worst = w
	}
}

// identify is the id of the incident whose first finding was at t.
func identify(p detectors.Principal, t detectors.Time) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", p.Kind, p.Resource, p.ID, t))
	return fmt.Sprintf("%04d-%s", t.UTC().Year(), hex.EncodeToString(sum[:8]))
}
