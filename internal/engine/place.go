package engine

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/internal/usagelog"
)

// place is where a resource stands in the log of its partition, and what of it
// is saved. It is nil for one whose joins are saved with it.
type place struct {
	head     Head
	reached  map[usagelog.Source]Reach // by the records of this resource
	included int64                     // number of the last event before the head was saved; -1 where that is of another log
	judged   int64                     // number of the last event that is not to be judged again: that, or the last before the checkpoint
	dirty    bool                      // something is not saved
	since    time.Time                 // when the first change came that is not saved
	first    int64                     // number of the event that brought it
}

// pass reports whether a position of a source is beyond those that were taken
// in, and takes it in.
func pass(reached map[usagelog.Source]Reach, source usagelog.Source, sequence int64, ordinal int) bool {
	if r, known := reached[source]; known && !r.before(sequence, ordinal) {
		return false
	}
	reached[source] = Reach{source, sequence, ordinal}
	return true
}

// before reports whether the position is beyond r.
func (r Reach) before(sequence int64, ordinal int) bool {
	return r.Sequence < sequence || r.Sequence == sequence && r.Ordinal < ordinal
}

// list is how far each source was taken in, in an order of its own.
func list(reached map[usagelog.Source]Reach) []Reach {
	return slices.SortedFunc(maps.Values(reached), func(a, b Reach) int {
		return cmp.Or(strings.Compare(a.Source.Hub, b.Source.Hub), strings.Compare(a.Source.Partition, b.Source.Partition))
	})
}
