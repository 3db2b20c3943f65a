package store

import (
	"cmp"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator/epk"
)

// Item is one version of an item. It never changes.
type Item struct {
	ID   string
	LSN  int64  // of the write that made it, in its physical partition
	TS   int64  // when it was written, in seconds since 1970
	ETag string // with quotes
	Body []byte // JSON with the system properties
	Seq  uint64 // orders items by creation; the item keeps it for life

	ttl  int64 // seconds; -1 never, 0 the container's
	slot *slot
	in   *partition
}

// slot is an item through its versions; cur is nil once it is deleted.
type slot struct {
	seq uint64
	cur *Item
}

// partition is the items of one partition key value.
type partition struct {
	key   Key
	slots map[string]*slot // by id
}

// Range is a physical partition (partition key range) of a container: the keys from Min to before Max.
type Range struct {
	ID       string
	Min, Max string

	container *Container

	mu      sync.RWMutex
	lsn     int64 // of the last transaction
	keys    map[string]*partition
	ordered []*slot // by creation; deleted ones are taken out in time
	feed    []*Item // by LSN; outdated versions are taken out in time
	live    int
	writes  int // since expired items were last looked for
}

// RangeOf is the physical partition that holds a key.
func (c *Container) RangeOf(key Key) *Range {
	i := sort.Search(len(c.Ranges), func(i int) bool { return epk.Compare(c.Ranges[i].Min, key.EPK) > 0 })
	return c.Ranges[i-1] // the first begins at ""
}

// LSN is the number of the last transaction.
func (r *Range) LSN() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.lsn
}

// Items are the living items in the order of their creation, beginning after the one with that Seq; of one key only,
// if key is not nil.
func (r *Range) Items(after uint64, key *Key) []*Item {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.container.store.clock()
	var items []*Item
	if key != nil {
		p := r.keys[key.text]
		if p == nil {
			return nil
		}
		for _, s := range p.slots {
			if s.seq > after && !r.expired(s.cur, now) {
				items = append(items, s.cur)
			}
		}
		slices.SortFunc(items, func(a, b *Item) int { return cmp.Compare(a.Seq, b.Seq) })
		return items
	}
	from := sort.Search(len(r.ordered), func(i int) bool { return r.ordered[i].seq > after })
	for _, s := range r.ordered[from:] {
		if s.cur != nil && !r.expired(s.cur, now) {
			items = append(items, s.cur)
		}
	}
	return items
}

// expired says whether an item's time to live has passed.
func (r *Range) expired(item *Item, now time.Time) bool {
	seconds := r.container.ttl.Load()
	if seconds == 0 {
		return false // an item's own ttl counts only where the container has time to live on
	}
	if item.ttl != 0 {
		seconds = item.ttl
	}
	return seconds > 0 && now.Unix() >= item.TS+seconds
}

// get is the living item of an id; the lock is held.
func (r *Range) get(key Key, id string, now time.Time) *Item {
	p := r.keys[key.text]
	if p == nil {
		return nil
	}
	s := p.slots[id]
	if s == nil || r.expired(s.cur, now) {
		return nil
	}
	return s.cur
}

// install makes a version visible; the lock is held.
func (r *Range) install(key Key, item *Item) {
	p := r.keys[key.text]
	if p == nil {
		p = &partition{key: key, slots: map[string]*slot{}}
		r.keys[key.text] = p
	}
	old := p.slots[item.ID]
	if old != nil && old.seq != item.Seq { // the old one expired, this one was created anew
		r.remove(p, old)
		r.keys[key.text] = p // which was taken out if that was its last item
		old = nil
	}
	if old == nil {
		old = &slot{seq: item.Seq}
		p.slots[item.ID] = old
		r.ordered = append(r.ordered, old)
		r.live++
	}
	item.slot, item.in = old, p
	old.cur = item
	r.feed = append(r.feed, item)
	r.lsn = max(r.lsn, item.LSN)
}

// remove takes an item out; the lock is held.
func (r *Range) remove(p *partition, s *slot) {
	delete(p.slots, s.cur.ID)
	if len(p.slots) == 0 {
		delete(r.keys, p.key.text)
	}
	s.cur = nil
	r.live--
}

// tidy keeps what is outdated below what lives, at a constant cost for each write; the lock is held.
func (r *Range) tidy(now time.Time) {
	if r.writes++; r.writes > r.live+1024 {
		r.writes = 0
		for _, s := range r.ordered {
			if s.cur != nil && r.expired(s.cur, now) {
				r.remove(s.cur.in, s)
			}
		}
	}
	if len(r.ordered) > 2*r.live+64 {
		r.ordered = slices.DeleteFunc(r.ordered, func(s *slot) bool { return s.cur == nil })
	}
	if len(r.feed) > 2*r.live+64 {
		r.feed = slices.DeleteFunc(r.feed, func(item *Item) bool { return item.slot.cur != item })
	}
}

// Changes is one page of the change feed: the latest version of every item that was written after an LSN and not
// before a time, of one key only if key is not nil. A transaction is never cut in two, so a page may have more than
// limit items. next is the LSN to go on after.
func (r *Range) Changes(after int64, since time.Time, key *Key, limit, bytes int) (items []*Item, next int64) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.container.store.clock()
	from := sort.Search(len(r.feed), func(i int) bool { return r.feed[i].LSN > after })
	size := 0
	for _, item := range r.feed[from:] {
		if item.slot.cur != item || r.expired(item, now) || item.TS < since.Unix() || key != nil && item.in.key.text != key.text {
			continue
		}
		if last := len(items) - 1; last >= 0 && items[last].LSN != item.LSN && (len(items) >= limit || size >= bytes) {
			return items, items[last].LSN
		}
		items = append(items, item)
		size += len(item.Body)
	}
	return items, max(r.lsn, after)
}

// Size is how many items live, and their bytes.
func (c *Container) Size() (items, bytes int) {
	for _, r := range c.Ranges {
		for _, item := range r.Items(0, nil) {
			items++
			bytes += len(item.Body)
		}
	}
	return items, bytes
}
