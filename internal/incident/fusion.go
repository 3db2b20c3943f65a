package incident

import (
	"cmp"
	"math"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// Weights of the fusion. Bits are -log2 of the share of benign principal-days
// on which a detector says as much or more.
const (
	// Floor is the least bits that count at all: less comes up on more than
	// one benign day in eight and tells nothing.
	Floor = 3

	// Corroborates is what a second family needs to speak for the first: what
	// most new networks bring with them, a few calls more, does not.
	Corroborates = 3.5

	// VeryStrong is what one family needs alone for more than low: beyond the 12
	// bits or so that calibration resolves, a fitted tail is trusted only with room to spare.
	VeryStrong = 17

	// HalfLife of a finding's bits, in event time: an attack's parts come
	// within hours, coincidences do not. They are renewed by a finding that
	// accuses the same network.
	HalfLife = 6 * detectors.Hour

	// maxYoung is the most that an incident can be of whose principal next to nothing is known yet.
	maxYoung = detectors.High

	// Life of an episode after its last finding.
	Life = 24 * detectors.Hour
)

// caps is the most that each family adds to a risk, in bits: no single one
// makes an incident high. What is no Tor exit, nor a server for rent in a strange
// country, nor homes of several, says detectors.MostOfPlace of a place at most, and
// fan-out is below VeryStrong, because benign principals do move; a program or a task that was
// never seen, from networks that were never seen, may be just above it.
var caps = [detectors.Families]float64{
	detectors.Place:        18,
	detectors.Volume:       24,
	detectors.Image:        24,
	detectors.FanOut:       16,
	detectors.Errors:       20,
	detectors.ControlPlane: 24,
	detectors.Behaviour:    18,
	detectors.Hours:        18,
}

// MaxRisk is the sum of the caps of all families that add up, which no risk exceeds.
var MaxRisk = func() (sum float64) {
	most := caps
	most[lesser(&most, detectors.Volume, detectors.Image)] = 0
	for _, bits := range most {
		sum += bits
	}
	return sum
}()

// ladder is the least risk of each severity, the highest first. Medium is where
// simulated benign life and production rhythms together have some 0.1 incidents a
// principal-month, which is the budget (docs/decisions/0004-fusion.md); each
// further step is rarer by 2^5 at least. Info is the rest.
var ladder = [...]struct {
	severity detectors.Severity
	risk     float64
}{
	{detectors.Critical, 42},
	{detectors.High, 28},
	{detectors.Medium, 15},
	{detectors.Low, 8},
}

// chains are what an attack does in this order within Life. The second step's
// finding is then corroborated, and worth some bits more; several chains count
// as the best of them.
var chains = [...]struct {
	first, then string // detectors
	bits        float64
}{
	{"key-check", "image-burst", 4}, // tested, then drained
	{"key-check", "volume-surge", 4},
	{"model-enumeration", "image-burst", 3}, // looked around, then used
	{"model-enumeration", "volume-surge", 3},
	{"key-auth-appears", "image-burst", 3}, // a key out of nowhere, then drained
	{"key-auth-appears", "volume-surge", 3},
}

// trace is a detector's evidence and what fusion has to know about it.
type trace struct {
	Evidence
	Family uint8              `json:"family"`
	Limit  detectors.Severity `json:"limit"` // the most that the detector makes of an incident alone
	Peaks  peaks              `json:"peaks"`
	Young  bool               `json:"young,omitempty"` // Strongest was judged by a young profile

	Accusations [detectors.Hands][]accusation   `json:"accusations"`
	Latest      [detectors.Hands]detectors.Time `json:"latest"` // finding about each hand
}

// peaks are the strongest findings of a detector at present, by whose doing they are about.
type peaks [detectors.Hands]peak

// accusation is the strongest finding ever of a detector about one hand in one
// network, the first of those that it accuses.
type accusation struct {
	Bits     float64        `json:"bits,omitempty"` // capped by the family
	Time     detectors.Time `json:"time,omitempty"`
	Networks []string       `json:"networks,omitempty"` // prefixes
}

// of is the stronger of what is about one hand and what is about nobody's in particular.
func (p *peaks) of(h detectors.Hand) peak {
	if p[h].weaker(p[detectors.AnyHand]) {
		return p[detectors.AnyHand]
	}
	return p[h]
}

// peak is the finding of a detector whose decayed bits are the most. Decay is
// the same for all, so the order of two peaks never changes.
type peak struct {
	Bits  float64        `json:"bits"` // capped by the family
	Time  detectors.Time `json:"time"`
	Fresh detectors.Time `json:"fresh,omitempty"` // when it was renewed, if it was
}

// at is the peak's bits, decayed until t.
func (p peak) at(t detectors.Time) float64 {
	return p.Bits * math.Exp2(-float64(max(t-max(p.Time, p.Fresh), 0))/float64(HalfLife))
}

// weaker reports whether p is worth no more than q whenever both have happened.
func (p peak) weaker(q peak) bool {
	now := max(p.Time, p.Fresh, q.Time, q.Fresh)
	return p.at(now) <= q.at(now)
}

// add counts an observation.
func (t *trace) add(o Observation, young bool) {
	if t.Count == 0 {
		t.First = o
	}
	if o.Bits > t.Strongest.Bits {
		t.Strongest, t.Young = o, young
	}
	t.Last = o
	t.Count++
	p := peak{Bits: min(o.Bits, caps[t.Family]), Time: o.Time}
	if t.Peaks[o.Hand].weaker(p) {
		t.Peaks[o.Hand] = p
	}
	t.Latest[o.Hand] = max(t.Latest[o.Hand], o.Time)
	t.accuse(&o, p.Bits)
}

// maxAccusations is how many networks a detector's strongest findings about one hand are kept of.
const maxAccusations = 4

// accuse keeps what o says of the network that it accuses first: of several the
// weakest makes room.
func (t *trace) accuse(o *Observation, bits float64) {
	if len(o.Networks) == 0 {
		return
	}
	a := accusation{Bits: bits, Time: o.Time}
	for _, n := range o.Networks {
		a.Networks = append(a.Networks, n.Prefix)
	}
	kept := &t.Accusations[o.Hand]
	i := slices.IndexFunc(*kept, func(k accusation) bool { return k.Networks[0] == a.Networks[0] })
	if i < 0 && len(*kept) < maxAccusations {
		*kept = append(*kept, a)
		return
	}
	if i < 0 {
		i = 0
		for j := range *kept {
			if (*kept)[j].Bits < (*kept)[i].Bits {
				i = j
			}
		}
	}
	if a.Bits > (*kept)[i].Bits {
		(*kept)[i] = a
	}
}

// about reports whether o accuses a network that a does.
func (a *accusation) about(o *Observation) bool {
	return slices.ContainsFunc(o.Networks, func(n Network) bool { return slices.Contains(a.Networks, n.Prefix) })
}

// renew makes what the trace says about each hand in a network as fresh as o,
// where o accuses it, too: what was strange about it is no less so while it goes on.
func (t *trace) renew(o *Observation) {
	for hand := range t.Accusations {
		for _, a := range t.Accusations[hand] {
			if a.about(o) {
				renewed := peak{Bits: a.Bits, Time: a.Time, Fresh: max(o.Time, a.Time)}
				if t.Peaks[hand].weaker(renewed) {
					t.Peaks[hand] = renewed
				}
			}
		}
	}
}

// weighing is the risk at a time, the severity that follows from it, and what it is made of.
type weighing struct {
	At       detectors.Time     `json:"at"`
	Risk     float64            `json:"risk"`
	Severity detectors.Severity `json:"severity"`
	Young    bool               `json:"young,omitempty"` // Severity is what a young profile allows
	Grounds  []ground           `json:"grounds"`         // by family, then the chain
}

// ground is what a family or a chain adds to a risk.
type ground struct {
	Detector string  `json:"detector"`       // the family's strongest
	Then     string  `json:"then,omitempty"` // of a chain, the detector of its second step
	Bits     float64 `json:"bits"`
}

// worse reports whether w makes more of an incident than o.
func (w *weighing) worse(o *weighing) bool {
	return w.Severity > o.Severity || w.Severity == o.Severity && w.Risk > o.Risk
}

// strongest is the grounds that show in tenths of a bit, the strongest first.
func (w *weighing) strongest() []ground {
	shown := slices.DeleteFunc(slices.Clone(w.Grounds), func(g ground) bool { return tenths(g.Bits) == 0 })
	slices.SortStableFunc(shown, func(g, h ground) int { return cmp.Compare(h.Bits, g.Bits) })
	return shown
}

// madeOf reports whether a detector's family is one that it adds bits for.
func (w *weighing) madeOf(detector string) bool {
	return slices.ContainsFunc(w.Grounds, func(g ground) bool { return g.Detector == detector && g.Then == "" })
}

// weigh is the risk at a time and the severity that follows from it: that of
// the principal's own networks or that of the strangers, whichever is worse. An
// attack is one hand's work, so what the one does says nothing about the
// other; acts speak for both.
func weigh(traces []trace, now detectors.Time) weighing {
	own, strange := weighHand(traces, now, detectors.OwnHand), weighHand(traces, now, detectors.StrangeHand)
	if strange.worse(&own) {
		return strange
	}
	return own
}

// weighHand is the risk of one hand's doings.
//
// Of each family the strongest detector counts: its members see the same thing
// from several sides. Families add up, but a burst of images is one of requests
// and tokens, too: of these two the stronger counts. A family corroborates others as long as
// it is worth Corroborates; without corroboration an incident is low at most, unless
// VeryStrong, and never more than its detectors may make of it alone.
func weighHand(traces []trace, now detectors.Time, h detectors.Hand) weighing {
	var families [detectors.Families]float64
	var carriers [detectors.Families]string
	alone, most := detectors.Info, maxYoung
	for i := range traces {
		t := &traces[i]
		bits := t.Peaks.of(h).at(now)
		if bits > families[t.Family] {
			families[t.Family], carriers[t.Family] = bits, t.Detector
		}
	}
	less := lesser(&families, detectors.Volume, detectors.Image)
	families[less] = 0
	for i := range traces {
		if t := &traces[i]; detectors.Family(t.Family) != less && t.Peaks.of(h).at(now) >= Floor {
			alone = max(alone, t.Limit)
			if !t.Young {
				most = detectors.Critical
			}
		}
	}
	var strongest float64
	var present int
	w := weighing{At: now}
	for family, bits := range families {
		if bits > 0 {
			w.Grounds = append(w.Grounds, ground{Detector: carriers[family], Bits: bits})
		}
		w.Risk += bits
		strongest = max(strongest, bits)
		if bits >= Corroborates {
			present++
		}
	}
	link, chained := chain(traces, now, h)
	if link.Bits > 0 {
		w.Grounds = append(w.Grounds, link)
	}
	w.Risk = min(w.Risk+link.Bits, MaxRisk)
	w.Severity = grade(w.Risk)
	if w.Young = w.Severity > most; w.Young {
		w.Severity = most
	}
	if present >= 2 || chained {
		return w
	}
	if strongest < VeryStrong {
		w.Severity = min(w.Severity, detectors.Low)
	}
	w.Severity = min(w.Severity, alone)
	return w
}

// lesser is which of two families is worth less.
func lesser(families *[detectors.Families]float64, f, g detectors.Family) detectors.Family {
	if families[f] < families[g] {
		return f
	}
	return g
}

// chain is the best chain, its bits decayed since its second step, and whether
// the second step of any is still worth Floor.
func chain(traces []trace, now detectors.Time, h detectors.Hand) (best ground, chained bool) {
	for _, c := range chains {
		first, then := find(traces, c.first), find(traces, c.then)
		if first == nil || then == nil {
			continue
		}
		second := then.Peaks.of(h)
		if second.Bits == 0 || !first.precedes(second.Time, h) {
			continue
		}
		if bits := (peak{Bits: c.bits, Time: second.Time, Fresh: second.Fresh}).at(now); bits > best.Bits {
			best = ground{c.first, c.then, bits}
		}
		chained = chained || second.at(now) >= Floor
	}
	return best, chained
}

// precedes reports whether a finding that is kept and may be of a hand came before then, by less than Life.
func (t *trace) precedes(then detectors.Time, h detectors.Hand) bool {
	for _, o := range []*Observation{&t.First, &t.Strongest, &t.Last} {
		if (o.Hand == h || o.Hand == detectors.AnyHand) && before(o.Time, then) {
			return true
		}
	}
	return before(t.Latest[h], then) || before(t.Latest[detectors.AnyHand], then)
}

// before reports whether t, where it is any time, is earlier than then, by less than Life.
func before(t, then detectors.Time) bool { return t != 0 && t < then && then-t < Life }

func find(traces []trace, detector string) *trace {
	for i := range traces {
		if traces[i].Detector == detector {
			return &traces[i]
		}
	}
	return nil
}

// least is the least risk of a severity from low on, in bits.
func least(severity detectors.Severity) float64 {
	return ladder[detectors.Critical-severity].risk
}

func grade(risk float64) detectors.Severity {
	for _, step := range ladder {
		if risk >= step.risk {
			return step.severity
		}
	}
	return detectors.Info
}
