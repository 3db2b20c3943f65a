package engine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// Why a system is not in order, or should be looked at.
const (
	ReasonNoProgress   = "no-progress"   // a function does not run, or does not come forward
	ReasonLagging      = "lagging"       // what comes is taken in too late
	ReasonGap          = "gap"           // a part of the log is gone and was not judged
	ReasonSilent       = "silent"        // no records come
	ReasonLateDelivery = "late-delivery" // Azure delivers so late that calls no longer count in their minute
	ReasonPoison       = "poison"        // records could not be read
	ReasonDrift        = "drift"         // records have properties that were never seen
	ReasonUnknown      = "unknown"       // records are of categories or operations that are not known
	ReasonHotPartition = "hot-partition" // a partition nears what a hub can carry
	ReasonThrottled    = "throttled"     // the database or a hub puts requests off
)

// Bounds of health.
const (
	progressPatience = 10 * detectors.Minute // usage gets a tick every minute, and sweep sends it
	lagPatience      = 15 * detectors.Minute
	silencePatience  = detectors.Day
	troubleRecent    = detectors.Day

	// hotRate is half of what one partition of a hub takes: 1 MB/s.
	hotRate = 500_000
)

// Reason is one thing that is not in order.
type Reason struct {
	Reason string `json:"reason"`
	ProgressKey
	Grave bool           `json:"grave"`          // without it the system is in order all the same
	Since detectors.Time `json:"since,omitzero"` // when it began or was last seen; 0 where that is unknown
	Text  string         `json:"text"`           // what it is, in figures, and what to do
}

// Health is what the progress of all functions says at one time.
type Health struct {
	Degraded bool     // there is a grave reason
	Reasons  []Reason // the grave ones first
}

// HealthOf judges the progress of all functions at a time. Expected are the
// names of the functions that are to run.
func HealthOf(now detectors.Time, all []Progress, expected ...string) Health {
	h := &judgement{now: now, by: map[ProgressKey]*Progress{}}
	for i := range all {
		if all[i].Function != WatchFunction {
			h.by[all[i].ProgressKey] = &all[i]
		}
	}
	for _, name := range expected {
		h.running(name)
	}
	for _, p := range h.by {
		h.forward(p)
		h.troubles(p)
		h.ends(p)
	}
	slices.SortFunc(h.Reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(grave(b), grave(a)), strings.Compare(a.Reason, b.Reason), strings.Compare(a.Function, b.Function),
			strings.Compare(a.Hub, b.Hub), cmp.Compare(len(a.Partition), len(b.Partition)), strings.Compare(a.Partition, b.Partition), strings.Compare(a.Text, b.Text))
	})
	h.Reasons = slices.CompactFunc(h.Reasons, func(a, b Reason) bool {
		return a.Reason == b.Reason && a.ProgressKey == b.ProgressKey && a.Text == b.Text
	})
	h.Degraded = len(h.Reasons) > 0 && h.Reasons[0].Grave
	return h.Health
}

func grave(r Reason) int {
	if r.Grave {
		return 1
	}
	return 0
}

// judgement is a Health in the making.
type judgement struct {
	Health
	now detectors.Time
	by  map[ProgressKey]*Progress
}

// gravely and mildly add a reason.
func (h *judgement) gravely(reason string, key ProgressKey, since detectors.Time, text string, args ...any) {
	h.Reasons = append(h.Reasons, Reason{reason, key, true, since, fmt.Sprintf(text, args...)})
}

func (h *judgement) mildly(reason string, key ProgressKey, since detectors.Time, text string, args ...any) {
	h.Reasons = append(h.Reasons, Reason{reason, key, false, since, fmt.Sprintf(text, args...)})
}

// running looks whether a function has run at all, and for diagnostics whether anything comes.
func (h *judgement) running(name string) {
	last := detectors.Time(0)
	for key, p := range h.by {
		if key.Function == name {
			last = max(last, p.Last)
		}
	}
	key := ProgressKey{Function: name}
	switch {
	case name == DiagnosticsFunction && last == 0:
		h.mildly(ReasonSilent, key, 0, "no record has come yet: see that the diagnostic settings send to the hub")
	case name == DiagnosticsFunction && h.now-last >= silencePatience:
		h.mildly(ReasonSilent, key, last, "no record has come for %s: see that the diagnostic settings still send to the hub", span(h.now-last))
	case name != DiagnosticsFunction && last == 0:
		h.gravely(ReasonNoProgress, key, 0, "it has never run: see the log of the function")
	case name == SweepFunction && h.now-last >= progressPatience:
		h.gravely(ReasonNoProgress, key, last, "it last ran %s ago: see the log of the function", span(h.now-last))
	}
}

// forward looks whether a function keeps up.
func (h *judgement) forward(p *Progress) {
	if p.Function == UsageFunction && h.now-p.Last >= progressPatience {
		h.gravely(ReasonNoProgress, p.ProgressKey, p.Last, "it came forward last %s ago, though a tick comes every minute: see the log of the function", span(h.now-p.Last))
	}
	if late := detectors.Time(p.Lag.Enqueue); late >= lagPatience && h.now-p.Last < troubleRecent {
		h.gravely(ReasonLagging, p.ProgressKey, p.Last, "events are taken in %s after they came: give it more instances or partitions", span(late))
	}
	if late := detectors.Time(p.Lag.Event); late >= lateness && h.recent(p.Last) {
		h.mildly(ReasonLateDelivery, p.ProgressKey, p.Last, "Azure delivered the latest records %s after they were logged: after an hour calls only teach what is new", span(late))
	}
}

// ends compares with how far the partitions go that sweep has looked at: what
// was in one a while ago should have been taken in by now. What came shortly
// after the latest progress may have been, and that not be saved yet.
func (h *judgement) ends(sweep *Progress) {
	for _, e := range sweep.Ends {
		p := h.by[e.ProgressKey]
		if p == nil {
			p = &Progress{Sequence: -1}
		}
		if e.Then.Looked != 0 && e.Then.Sequence > p.Sequence && e.Enqueued-p.Last >= 2*recordEvery {
			h.gravely(ReasonNoProgress, e.ProgressKey, p.Last, "%d events wait in the partition, %d of them for %s at least: see the log of the function",
				e.Sequence-p.Sequence, e.Then.Sequence-p.Sequence, span(h.now-e.Then.Looked))
		}
	}
}

// troubles lists what went wrong on the way.
func (h *judgement) troubles(p *Progress) {
	key := p.ProgressKey
	for _, g := range p.Gaps {
		if h.recent(g.Found) {
			h.gravely(ReasonGap, key, g.Found, "events %d to %d are gone from the hub and were not judged: let the hub keep events for longer than an outage lasts", g.From, g.To-1)
		}
	}
	if h.recent(p.Poison.Last) {
		h.mildly(ReasonPoison, key, p.Poison.Last, "%d records could not be read so far: see keywarden deadletters", p.Poison.Count)
	}
	if h.recent(p.Unkept.Last) {
		h.mildly(ReasonPoison, key, p.Unkept.Last, "%d of the records that could not be read are only counted, because too many came in an hour: look at what their neighbours in keywarden deadletters say", p.Unkept.Count)
	}
	if h.recent(p.Throttled.Last) {
		h.mildly(ReasonThrottled, key, p.Throttled.Last, "%d requests were put off so far: raise the throughput of the database or hub", p.Throttled.Count)
	}
	if names, last := p.Drift.since(h.now - troubleRecent); len(names) > 0 {
		h.mildly(ReasonDrift, key, last, "records have what was never seen: %s: a newer release may read it", several(names))
	}
	if names, last := p.Unknown.since(h.now - troubleRecent); len(names) > 0 {
		h.mildly(ReasonUnknown, key, last, "records are of a sort that is not known: %s: a newer release may read them", several(names))
	}
	if p.Rate.Peak >= hotRate && h.now-p.Rate.PeakAt < 2*rateKept {
		h.mildly(ReasonHotPartition, key, p.Rate.PeakAt, "%d kB/s came in one minute, of 1,000 that a partition takes: spread the resources over more hubs", p.Rate.Peak/1000)
	}
}

func (h *judgement) recent(t detectors.Time) bool { return t != 0 && h.now-t < troubleRecent }

// since is the names of what was seen after a time, and when the last of them was.
func (t Troubles) since(from detectors.Time) (names []string, last detectors.Time) {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if t[name].Last > from {
			names = append(names, name)
			last = max(last, t[name].Last)
		}
	}
	return names, last
}

// several is a list of names, the first few.
func several(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// span is a length of time for people.
func span(t detectors.Time) string {
	switch {
	case t < 2*detectors.Hour:
		return fmt.Sprintf("%d minutes", t/detectors.Minute)
	case t < 2*detectors.Day:
		return fmt.Sprintf("%d hours", t/detectors.Hour)
	}
	return fmt.Sprintf("%d days", t/detectors.Day)
}
