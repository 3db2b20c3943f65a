package engine

import (
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// How long, on the log's clock, a resource remembers its correlation ids.
const (
	// remembered is how long rows are known as duplicates and tokens still find
	// their call: between this and twice as long.
	remembered = 60 * detectors.Minute

	// identityWait is how long a row without identity waits for its twin.
	identityWait = 15 * detectors.Minute
)

// joins are the correlation ids that a resource has lately seen, in two
// generations: every hour of the log's clock the older one is forgotten.
type joins struct {
	hour     int64 // of the younger generation, since 1970
	young    map[azurelog.Correlation]join
	old      map[azurelog.Correlation]join
	open     []open // by join.open
	free     []int32
	waiting  []waiting // rows without identity, in the order in which their time is up
	networks map[detectors.Network]*detectors.Network
	size     int64 // in bytes, when it was last saved
}

// join is what is known of one correlation id.
type join struct {
	seen   uint16 // rows that came, by bit: see bitOf
	judged bool
	open   int32 // 1 + index of its open part, 0 where nothing is missing
}

// open is what a correlation id still waits for: a call that was judged, for
// its tokens; or tokens that came first, for their call.
type open struct {
	Call       bool // it is a call
	By         caller
	Time       detectors.Time
	Class      detectors.Class
	Model      string
	Deployment string
	From       *detectors.Network
	Tokens     detectors.Tokens // the call's own, or those that wait
}

// waiting is a row without identity.
type waiting struct {
	Due         detectors.Time
	Correlation azurelog.Correlation
	Call        detectors.Call
}

// bitOf is the bit of join.seen for a row like f.
func bitOf(f *azurelog.Fragment) uint16 {
	bit := uint16(1) << (2 * f.Category)
	if f.NearEmpty {
		bit <<= 1
	}
	return bit
}

// turn forgets generations that are over at the log's clock. It returns how
// many tokens are given up whose call never came.
func (j *joins) turn(clock detectors.Time) (unmatched int64) {
	hour := int64(clock / remembered)
	if hour <= j.hour {
		return 0
	}
	if hour > j.hour+1 {
		unmatched += j.forget(j.young)
	}
	unmatched += j.forget(j.old)
	j.young, j.old = j.old, j.young
	if j.young == nil {
		j.young = map[azurelog.Correlation]join{}
	}
	j.hour = hour
	clear(j.networks)
	return unmatched
}

// forget empties a generation.
func (j *joins) forget(generation map[azurelog.Correlation]join) (unmatched int64) {
	for _, e := range generation {
		if e.open == 0 {
			continue
		}
		if !j.open[e.open-1].Call {
			unmatched++
		}
		j.release(e.open)
	}
	clear(generation)
	return unmatched
}

// droppable reports whether joins may be forgotten with the rest of their
// resource: nothing waits, and they are saved or empty.
func (j *joins) droppable(saved bool) bool {
	return len(j.waiting) == 0 && (saved || len(j.young)+len(j.old) == 0)
}

// find is what is known of id, and the generation to put it back into.
func (j *joins) find(id azurelog.Correlation) (join, map[azurelog.Correlation]join) {
	if e, known := j.young[id]; known {
		return e, j.young
	}
	if e, known := j.old[id]; known {
		return e, j.old
	}
	return join{}, j.young
}

// hold keeps o and returns what join.open is then.
func (j *joins) hold(o open) int32 {
	if n := len(j.free); n > 0 {
		at := j.free[n-1]
		j.free = j.free[:n-1]
		j.open[at-1] = o
		return at
	}
	j.open = append(j.open, o)
	return int32(len(j.open))
}

// complete has a row that waits say what f, one like it, says more.
func (j *joins) complete(f *azurelog.Fragment) {
	if !f.NearEmpty || f.Call.RequestBytes <= 0 && f.Call.ResponseBytes <= 0 {
		return
	}
	for i := range j.waiting {
		if w := &j.waiting[i]; w.Correlation == f.Correlation && w.Call.RequestBytes <= 0 && w.Call.ResponseBytes <= 0 {
			w.Call = f.Call
		}
	}
}

// wait keeps a row until its time is up.
func (j *joins) wait(w waiting) {
	at := len(j.waiting)
	for at > 0 && j.waiting[at-1].Due > w.Due {
		at--
	}
	j.waiting = slices.Insert(j.waiting, at, w)
}

// release gives up what hold kept.
func (j *joins) release(at int32) {
	j.open[at-1] = open{}
	j.free = append(j.free, at)
}

// intern is a copy of n that may be kept.
func (j *joins) intern(n *detectors.Network) *detectors.Network {
	if !n.Known() {
		return nil
	}
	if kept := j.networks[*n]; kept != nil {
		return kept
	}
	kept := new(detectors.Network)
	*kept = *n
	if j.networks == nil {
		j.networks = map[detectors.Network]*detectors.Network{}
	}
	j.networks[*n] = kept
	return kept
}
