package engine

import (
	"maps"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// Step is what a function did in one invocation that succeeded.
type Step struct {
	At       detectors.Time // when it was done, by the clock of this machine
	Sequence int64          // of the last event
	Logged   detectors.Time // the latest time that a record was logged at; 0 where there was none
	Enqueued detectors.Time // when the last event had come; 0 where there was none

	Events, Bytes, Records, Calls, Duplicates, Poison int64
	Unkept                                            int64           // of Poison, those that no dead letter is kept of
	Counts                                            azurelog.Counts // whose names are wanted

	Throttled int64   // requests that were put off
	Charge    float64 // request units
	Gaps      []Gap
	Ends      []End              // nil where nobody looked
	Resources map[string]Watched // times not cut
}

// Step is what taking in these events was, at the given time.
func (r *Routed) Step(at detectors.Time, events []HubEvent) Step {
	s := Step{At: at, Logged: r.Logged, Events: int64(len(events)), Records: int64(r.Records), Poison: int64(len(r.Poison)), Counts: r.Counts}
	for i := range events {
		s.Sequence = max(s.Sequence, events[i].Sequence)
		s.Enqueued = max(s.Enqueued, events[i].Enqueued)
		s.Bytes += int64(len(events[i].Body))
	}
	return s
}

// Step is what was done since an earlier status, at the given time, with these
// events. Arrived is when the latest of them had come; 0 where that is unknown.
func (s *PartitionStatus) Step(before *PartitionStatus, at, arrived detectors.Time, events []LogEvent) Step {
	step := Step{
		At: at, Sequence: s.Next - 1, Logged: min(s.Clock, at), Enqueued: arrived, Events: int64(len(events)),
		Records:    s.fragments() - before.fragments(),
		Calls:      s.Calls - before.Calls,
		Duplicates: s.Duplicates + s.Again - before.Duplicates - before.Again,
		Poison:     s.Poison - before.Poison,
		Unkept:     s.Unkept - before.Unkept,
	}
	if len(s.Gaps) > len(before.Gaps) {
		step.Gaps = s.Gaps[len(before.Gaps):]
	}
	for _, e := range events {
		step.Bytes += int64(len(e.Body))
	}
	return step
}

// fragments is how many were taken in, roughly: those that wait are counted later.
func (s *PartitionStatus) fragments() int64 {
	return s.Calls + s.Usages + s.Acts + s.Twins + s.Duplicates + s.Unmatched
}

// Resources are the resources in memory, with the times on the log's clock
// that they were last heard of. Principals are those in memory, no more.
func (p *Partition) Resources() map[string]Watched {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return nil
	}
	return p.w.watched()
}

// Resources are the resources in memory, as those of a Partition.
func (l *Live) Resources() map[string]Watched {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]Watched{}
	if l.run == nil {
		return all
	}
	each := make([]map[string]Watched, len(l.run.workers))
	l.run.each(func(w *worker) { each[w.index] = w.watched() })
	for _, met := range each {
		maps.Copy(all, met)
	}
	return all
}

func (w *worker) watched() map[string]Watched {
	met := make(map[string]Watched, len(w.resources))
	for id, r := range w.resources {
		if r.hand != nil {
			continue
		}
		one := Watched{Since: r.chunks[0].used, Last: r.chunks[0].used}
		for _, c := range r.chunks {
			if c != nil {
				one.Principals += len(c.subjects)
			}
		}
		if one.Last != 0 {
			met[id] = one
		}
	}
	return met
}

// older orders resources by when they were last seen, then by their ids.
func (p *Progress) older(a, b string) int {
	if x, y := p.Resources[a].Last, p.Resources[b].Last; x != y {
		if x < y {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}
