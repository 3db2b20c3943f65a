package azurelog

import (
	"github.com/keywarden/keywarden/detectors"
)

// Decoder reads Fragments from Blocks. It keeps strings and what it has seen
// from one Block to the next; nothing else, so that the result of a Block
// depends on that Block alone. It is for one goroutine.
type Decoder struct {
	counts Counts

	// The record that is being read.
	record   uint32 // its number, never 0
	values   [fields]value
	entered  uint32 // places that were entered, as bits
	drift    []string
	scratch  []byte
	flaw     flaw
	envelope bool // it is no record but holds records
	within   int  // how many JSON strings deep the reading is
	at       int  // where the outermost of them starts

	// What is kept.
	names     interner
	last      [fields]string    // of a field that is interned
	resources map[string]string // by the resource id as it is written
	slots     [places][maxSlots]slot
	works     map[work]classified
	lastWork  classified
	acts      []detectors.Act // memory for acts to come
}

// NewDecoder makes a Decoder.
func NewDecoder() *Decoder { return new(Decoder) }

// Counts is what the Decoder has seen so far.
func (d *Decoder) Counts() Counts { return d.counts.clone() }

// TakeCounts is what the Decoder has seen since TakeCounts was called last.
func (d *Decoder) TakeCounts() Counts {
	c := d.counts
	d.counts = Counts{}
	return c
}

// Decode appends the Fragments of a Block to dst, in the order of their
// records, and returns what could not be read. The Fragments do not refer to
// the Block's memory.
func (d *Decoder) Decode(dst []Fragment, b Block) ([]Fragment, []Poison) {
	if b.Skipped != nil {
		d.counts.Poison++
		return dst, []Poison{*b.Skipped}
	}
	var bad []Poison
	data := b.Data
	for i, ordinal := 0, 0; i < len(data); {
		if n := soft(data, i); n > 0 {
			i += n
			continue
		}
		var end int
		var f flaw
		if data[i] == '{' {
			d.begin()
			end = d.object(data, i, inRecord, 1)
			if end >= 0 && d.envelope {
				i = end
				continue
			}
			if end >= 0 {
				dst, f = d.finish(dst, i, b.Offset, ordinal)
			} else {
				// What is wrong is said of the broken piece alone, whatever follows it.
				end, _ = recordEnd(data, i, true)
				d.begin()
				d.object(data[:end], i, inRecord, 1)
				f = d.flaw
			}
		} else {
			if data[i] == '"' {
				if n, how := tail(data, i, true); how == whole {
					i = n
					continue
				}
			}
			end, _ = garbageEnd(data, i, true)
			f = flaw{"this is no record", i}
		}
		if f.what != "" {
			bad = append(bad, poison(data, i, end, b.Offset, ordinal, f))
			d.counts.Poison++
		}
		ordinal++
		i = end
	}
	return dst, bad
}

// begin makes ready for the next record.
func (d *Decoder) begin() {
	if d.record++; d.record == 0 {
		d.values, d.record = [fields]value{}, 1
	}
	d.entered, d.envelope, d.within = 0, false, 0
	d.drift, d.scratch, d.flaw = d.drift[:0], d.scratch[:0], flaw{}
}
