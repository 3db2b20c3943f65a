package engine

import "github.com/keywarden/keywarden/internal/azurelog"

// Report is what a Replay did. Its counts are of that Replay alone.
type Report struct {
	Counts azurelog.Counts
	Tally

	Known      int     // sources that had been taken in before
	Unreadable []error // sources that could not be read to their end, with their names

	Poison int64      // records set aside
	Wild   int64      // of them, those that could be read and whose time cannot be
	Worst  []SetAside // the first maxWorst of them
}

// SetAside is a record that was set aside, and where it stood.
type SetAside struct {
	Source   string
	Sequence int64 // of the event that it was in; 0 in a file
	azurelog.Poison
}

const maxWorst = 20

// Tally counts what became of the fragments.
type Tally struct {
	Calls      int64 // judged
	Usages     int64 // tokens that came after their call
	Acts       int64 // judged
	Duplicates int64 // rows that Azure delivered again
	Twins      int64 // second rows of a call that another row told of
	Unproven   int64 // calls judged on a row without identity
	Unmatched  int64 // tokens whose call never came
	Late       int64 // calls more than an hour late: they taught novelty only
	Findings   int64
	Sightings  int64 // taken in of networks
	Exempt     int64 // events that exceptions kept from detectors
	Principals int64 // met for the first time
	Cold       int64 // memories of a detector that is not here, or of another version: it starts cold
}

func (t *Tally) add(o *Tally) {
	t.Calls += o.Calls
	t.Usages += o.Usages
	t.Acts += o.Acts
	t.Duplicates += o.Duplicates
	t.Twins += o.Twins
	t.Unproven += o.Unproven
	t.Unmatched += o.Unmatched
	t.Late += o.Late
	t.Findings += o.Findings
	t.Sightings += o.Sightings
	t.Exempt += o.Exempt
	t.Principals += o.Principals
	t.Cold += o.Cold
}
