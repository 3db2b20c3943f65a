package engine

import (
	"context"
	"maps"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// The functions that make progress.
const (
	DiagnosticsFunction = "diagnostics"
	UsageFunction       = "usage"
	SweepFunction       = "sweep"

	// WatchFunction is no function of its own: its progress has the resources
	// that a usage partition has met. They are many, so they are saved seldom.
	WatchFunction = "watch"
)

// ProgressKey names who makes progress: a function on one partition of a hub.
type ProgressKey struct {
	Function  string `json:"function"`
	Hub       string `json:"hub"`       // "NAMESPACE/NAME"; "" for a function without a hub
	Partition string `json:"partition"` // its id; "" for a function without a hub
}

// Progress is what a function has done on one partition, whoever ran it, and
// what went wrong there. It is bounded. A [Recorder] keeps it up to date.
type Progress struct {
	ProgressKey
	Since    detectors.Time `json:"since,omitzero"`  // the first success; 0 where there was none yet
	Last     detectors.Time `json:"last,omitzero"`   // the latest success
	Sequence int64          `json:"sequence"`        // of the latest event that was taken in
	Logged   detectors.Time `json:"logged,omitzero"` // the latest time that a record was logged at; 0 where there was none
	Lag      Lag            `json:"lag"`
	Total    Totals         `json:"total"`
	Rate     Rate           `json:"rate"`

	Poison    Trouble   `json:"poison"`            // records that could not be read
	Unkept    Trouble   `json:"unkept"`            // of them, those that no dead letter is kept of
	Throttled Trouble   `json:"throttled"`         // requests that the database or a hub put off
	Unknown   Troubles  `json:"unknown,omitempty"` // categories and operations that are not known, by name
	Drift     Troubles  `json:"drift,omitempty"`   // properties that were never seen, by name
	Gaps      []LostGap `json:"gaps,omitempty"`    // the latest ones

	Ends      []End              `json:"ends,omitempty"`      // of the partitions that sweep looks at
	Resources map[string]Watched `json:"resources,omitempty"` // of WatchFunction
	LeftOut   int64              `json:"leftOut,omitempty"`   // resources that there was no room for

	ETag string `json:"-"` // of the saved form; "" where there is none
}

// Totals are counts since the first success. Where two owners of a partition
// overlap, the same work may be counted twice.
type Totals struct {
	Events     int64   `json:"events"`
	Bytes      int64   `json:"bytes"` // of the events
	Records    int64   `json:"records"`
	Calls      int64   `json:"calls"` // judged
	Duplicates int64   `json:"duplicates"`
	Charge     float64 `json:"charge"` // request units
}

// Lag is how late the latest record was, in milliseconds.
type Lag struct {
	Event   int64 `json:"eventMs"`   // from the record's own time to its arrival in the hub: Azure's delay
	Enqueue int64 `json:"enqueueMs"` // from there until it was taken in: ours
	Judge   int64 `json:"judgeMs"`   // both
}

// Rate is how much comes in, by the minute of its arrival.
type Rate struct {
	Minute detectors.Time `json:"minute,omitzero"` // the latest
	Bytes  int64          `json:"bytes"`           // in it
	Peak   int64          `json:"peak"`            // bytes a second, the most of a minute
	PeakAt detectors.Time `json:"peakAt,omitzero"` // that minute; after rateKept a lower one takes its place
}

// Trouble is how often something went wrong, and when last.
type Trouble struct {
	Count int64          `json:"count"`
	Last  detectors.Time `json:"last,omitzero"` // 0 for never
}

// Troubles are by name; what does not fit is under "(other)".
type Troubles map[string]Trouble

// LostGap is a part of the log that was not judged because it is gone, and when that was found.
type LostGap struct {
	From  int64          `json:"from"` // the first sequence number that is missing
	To    int64          `json:"to"`   // the first that is there again
	Found detectors.Time `json:"found"`
}

// End is how far a partition of a hub goes, as its properties say. Whoever
// looks sets the key, Look and Enqueued.
type End struct {
	ProgressKey // who is to take it in
	Look
	Enqueued detectors.Time `json:"enqueued,omitzero"` // when the last event came
	Then     Look           `json:"then"`              // the one of one to two progressPatience before
	Next     Look           `json:"next"`              // that is to be Then
}

// Look is the last event of a partition at one time.
type Look struct {
	Sequence int64          `json:"sequence"` // -1 where the partition is empty
	Looked   detectors.Time `json:"looked,omitzero"`
}

// Watched is a resource that was met.
type Watched struct {
	Since      detectors.Time `json:"since"`    // first met, while it was remembered; cut to the hour
	Last       detectors.Time `json:"lastSeen"` // cut to the hour
	Principals int            `json:"principals"`
}

// ProgressStore keeps the progress of functions. Its methods may be called from several goroutines.
type ProgressStore interface {
	// Progress is what was saved last under the key; one without times where there is none.
	Progress(ctx context.Context, key ProgressKey) (Progress, error)

	// SaveProgress replaces the progress that was read or saved with this ETag,
	// and sets the new one. ErrStale where somebody else was faster.
	SaveProgress(ctx context.Context, p *Progress) error

	// AllProgress is the progress of all, in any order.
	AllProgress(ctx context.Context) ([]Progress, error)
}

const (
	progressNames     = 64 // in Troubles, besides "(other)"
	progressGaps      = 20 // the latest
	progressEnds      = 2000
	progressResources = 200 // of one usage partition

	rateKept = detectors.Hour
)

// Add counts a step in.
func (p *Progress) Add(s *Step) {
	if p.Since == 0 {
		p.Since = s.At
	}
	p.Last = max(p.Last, s.At)
	p.Sequence = max(p.Sequence, s.Sequence)
	p.Logged = max(p.Logged, s.Logged)
	if s.Enqueued != 0 {
		p.Lag.Enqueue = int64(max(0, s.At-s.Enqueued))
		p.Rate.add(s.Enqueued, s.Bytes)
	}
	if s.Enqueued != 0 && s.Logged != 0 {
		p.Lag.Event = int64(max(0, s.Enqueued-s.Logged))
		p.Lag.Judge = int64(max(0, s.At-s.Logged))
	}
	t := &p.Total
	t.Events += s.Events
	t.Bytes += s.Bytes
	t.Records += s.Records
	t.Calls += s.Calls
	t.Duplicates += s.Duplicates
	t.Charge += s.Charge
	p.Poison.add(s.Poison, s.At)
	p.Unkept.add(s.Unkept, s.At)
	p.Throttled.add(s.Throttled, s.At)
	p.Unknown.add(s.Counts.UnknownCategories, s.At)
	p.Unknown.add(s.Counts.UnknownOperations, s.At)
	p.Drift.add(s.Counts.Drift, s.At)
	for _, g := range s.Gaps {
		p.Gaps = append(p.Gaps, LostGap{g.From, g.To, s.At})
	}
	p.Gaps = p.Gaps[max(0, len(p.Gaps)-progressGaps):]
	if s.Ends != nil {
		p.look(s.Ends[:min(len(s.Ends), progressEnds)])
	}
	p.watch(s.Resources)
}

// look takes in how far the partitions go now.
func (p *Progress) look(ends []End) {
	before := make(map[ProgressKey]End, len(p.Ends))
	for _, e := range p.Ends {
		before[e.ProgressKey] = e
	}
	p.Ends = slices.Clone(ends)
	for i := range p.Ends {
		e := &p.Ends[i]
		old := before[e.ProgressKey]
		e.Then, e.Next = old.Then, old.Next
		if e.Looked-e.Next.Looked >= progressPatience {
			e.Then, e.Next = e.Next, e.Look
		}
	}
}

// watch adds resources; where there is no room, those that were not seen for longest are left out.
func (p *Progress) watch(met map[string]Watched) {
	if p.Resources == nil && len(met) > 0 {
		p.Resources = map[string]Watched{}
	}
	for id, w := range met {
		w.Since -= w.Since % detectors.Hour
		w.Last -= w.Last % detectors.Hour
		if known, there := p.Resources[id]; there {
			w = Watched{min(known.Since, w.Since), max(known.Last, w.Last), max(known.Principals, w.Principals)}
		}
		p.Resources[id] = w
	}
	for len(p.Resources) > progressResources {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(p.Resources)), func(a, b string) int { return p.older(a, b) })
		delete(p.Resources, oldest)
		p.LeftOut++
	}
}

func (r *Rate) add(at detectors.Time, bytes int64) {
	minute := at - at%detectors.Minute
	switch {
	case minute < r.Minute: // delivered again
		return
	case minute > r.Minute:
		r.Minute, r.Bytes = minute, 0
	}
	r.Bytes += bytes
	rate := r.Bytes * int64(detectors.Second) / int64(detectors.Minute)
	if rate >= r.Peak || minute-r.PeakAt > rateKept {
		r.Peak, r.PeakAt = rate, minute
	}
}

func (t *Trouble) add(n int64, at detectors.Time) {
	if n > 0 {
		t.Count += n
		t.Last = max(t.Last, at)
	}
}

func (t *Troubles) add(names map[string]int64, at detectors.Time) {
	if *t == nil && len(names) > 0 {
		*t = Troubles{}
	}
	for name, n := range names {
		if _, known := (*t)[name]; !known && len(*t) >= progressNames {
			name = "(other)"
		}
		one := (*t)[name]
		one.add(n, at)
		(*t)[name] = one
	}
}
