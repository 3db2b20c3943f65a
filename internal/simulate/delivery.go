package simulate

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// Delivery is one record as the hub hands it over.
type Delivery struct {
	Fragment  azurelog.Fragment // without Offset and Ordinal: it stands in no block yet
	At        detectors.Time    // when it reaches the hub
	Partition int               // of the hub
	Message   uint64            // deliveries in a row with the same number are one message
	Campaign  int               // index among Truth.Campaigns of what it tells of; -1 for benign life
}

// ringMinutes is how far ahead of the calls a row may be delivered: well above the sum of all delays.
const ringMinutes = 256

// carrier brings rows from where they are logged to the hub: late, out of order and sometimes twice.
type carrier struct {
	options *Options
	deliver func(Delivery) error
	rows    []Delivery           // those on their way, and holes
	holes   []int32              // indices of rows that are free
	ring    [ringMinutes][]int32 // indices of rows, by minute of At, modulo
	next    detectors.Time       // minute that is to be delivered next
	sent    int
}

func newCarrier(o *Options, deliver func(Delivery) error) *carrier {
	return &carrier{options: o, deliver: deliver, next: o.start()}
}

// post puts a row on its way. Rows of one resource and category logged in the same minute travel together.
func (c *carrier) post(on *resource, f *azurelog.Fragment, campaign int) {
	o := c.options
	f.Resource = on.id
	minute := f.Logged / detectors.Minute * detectors.Minute
	batch := mix(on.hash ^ o.Seed ^ uint64(minute)<<4 ^ uint64(f.Category))
	low, high := float64(o.DelayMin.Milliseconds()), float64(o.DelayMax.Milliseconds())
	if f.Category == azurelog.Administrative {
		high *= 2 // the activity log is slower
	}
	at := minute + detectors.Minute + detectors.Time(low+float64((high-low)*fraction(batch)))
	luck := mix(binary.LittleEndian.Uint64(f.Correlation[:]) ^ uint64(f.Logged)<<3 ^ uint64(f.Category) ^ mix(o.Seed))
	if fraction(luck) < o.Disorder {
		at += (1 + detectors.Time(mix(luck)%uint64(o.LateMax/time.Minute))) * detectors.Minute
	}
	c.put(on, f, at, campaign)
	for _, again := range [2]float64{o.Duplicates, .1} {
		if luck = mix(luck + 1); fraction(luck) >= again {
			break
		}
		at += detectors.Time(mix(luck)%10) * detectors.Minute
		c.put(on, f, at, campaign)
	}
}

func (c *carrier) put(on *resource, f *azurelog.Fragment, at detectors.Time, campaign int) {
	message := mix(on.hash ^ uint64(at)<<4 ^ uint64(f.Category))
	row := Delivery{Fragment: *f, At: at, Partition: int(mix(message) % uint64(c.options.Partitions)), Message: message, Campaign: campaign}
	index := int32(len(c.rows))
	if n := len(c.holes); n > 0 {
		index, c.holes = c.holes[n-1], c.holes[:n-1]
		c.rows[index] = row
	} else {
		c.rows = append(c.rows, row)
	}
	slot := &c.ring[at/detectors.Minute%ringMinutes]
	*slot = append(*slot, index)
}

// flush delivers everything that is due before now.
func (c *carrier) flush(now detectors.Time) error {
	for ; c.next+detectors.Minute <= now; c.next += detectors.Minute {
		slot := &c.ring[c.next/detectors.Minute%ringMinutes]
		slices.SortFunc(*slot, func(a, b int32) int { return compare(&c.rows[a], &c.rows[b]) })
		for _, i := range *slot {
			c.sent++
			if err := c.deliver(c.rows[i]); err != nil {
				return err
			}
		}
		c.holes = append(c.holes, *slot...)
		*slot = (*slot)[:0]
	}
	return nil
}

// compare is the order of delivery, total but for rows that are equal.
func compare(a, b *Delivery) int {
	return cmp.Or(
		cmp.Compare(a.At, b.At),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.Fragment.Logged, b.Fragment.Logged),
		bytes.Compare(a.Fragment.Correlation[:], b.Fragment.Correlation[:]),
		cmp.Compare(flag(a.Fragment.NearEmpty), flag(b.Fragment.NearEmpty)),
		cmp.Compare(flag(a.Fragment.Continued), flag(b.Fragment.Continued)),
	)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// masked is an address as an account's log shows it: without its last octet.
func masked(a netip.Addr) netip.Addr {
	four := a.As4()
	four[3] = 0
	return netip.AddrFrom4(four)
}
