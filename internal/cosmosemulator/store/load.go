package store

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// A journal is rewritten when it is opened with more than this many bytes, half of them outdated.
const worthRewriting = 1 << 20

// openJournal reads what is there and goes on writing behind it.
func (s *Store) openJournal(dir string, log *slog.Logger) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, journalName)
	size, err := s.load(name, log)
	if err != nil {
		return err
	}
	if size == 0 || size > worthRewriting && size > 2*s.liveBytes() {
		if err := rewriteJournal(dir, s.records); err != nil {
			return fmt.Errorf("rewrite the journal: %w", err)
		}
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if size, err = f.Seek(0, 2); err != nil {
		return errors.Join(err, f.Close())
	}
	s.journal = &journal{file: f, size: size}
	return nil
}

// load reads the journal and cuts off a torn end. The size is of what is whole, 0 if there is nothing.
func (s *Store) load(name string, log *slog.Logger) (size int64, err error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	l := loader{store: s, databases: map[string]*Database{}, containers: map[string]*Container{}}
	size, err = readJournal(f, info.Size(), l.use)
	l.order()
	var damaged *damage
	if errors.As(err, &damaged) && damaged.torn {
		log.Warn("the last record was torn and is dropped", "file", name, "at", size, "bytes", info.Size()-size)
		return size, f.Truncate(size)
	}
	if errors.As(err, &damaged) {
		return 0, fmt.Errorf("%w and more follows it: restore the file or move it away", err)
	}
	return size, err
}

// loader applies records.
type loader struct {
	store      *Store
	databases  map[string]*Database  // by resource id
	containers map[string]*Container // by resource id
}

func (l *loader) use(r *record) error {
	switch {
	case r.Database != nil:
		d := &Database{Resource: *r.Database, containers: map[string]*Container{}}
		l.store.databases[d.ID], l.databases[d.RID] = d, d
		l.sawRID(d.RID)
	case r.Container != nil:
		return l.container(r.Container)
	case r.Offer != nil:
		l.store.offers[r.Offer.Target] = r.Offer
		l.store.nextRID = max(l.store.nextRID, offerNumber(r.Offer.RID))
	case r.Drop != "":
		l.drop(r.Drop)
	case r.Items != nil:
		return l.items(r.Items)
	}
	return nil
}

// order brings items back into the order of their creation: a journal that was rewritten has that of their last change.
func (l *loader) order() {
	for _, c := range l.containers {
		for _, r := range c.Ranges {
			slices.SortFunc(r.ordered, func(a, b *slot) int { return cmp.Compare(a.seq, b.seq) })
		}
	}
}

// sawRID keeps new resource ids apart from those that were ever given out.
func (l *loader) sawRID(rid string) {
	if b := decodeRID(rid); len(b) >= 4 {
		l.store.nextRID = max(l.store.nextRID, binary.BigEndian.Uint32(b[len(b)-4:]))
	}
}

func (l *loader) container(r *containerRecord) error {
	body, err := json.Marshal(r.Properties)
	if err != nil {
		return err
	}
	spec, properties, err := parseContainer(body)
	if err != nil {
		return err
	}
	if r.Replaces {
		if c := l.containers[r.Resource.RID]; c != nil {
			c.resource, c.properties = r.Resource, properties
			c.setTTL(spec.DefaultTTL)
		}
		return nil
	}
	d := l.databases[r.Database]
	if d == nil {
		return fmt.Errorf("container %q is in a database that does not exist", spec.ID)
	}
	c, err := l.store.buildContainer(d, r.Resource, spec, properties, max(r.Ranges, 1))
	if err != nil {
		return err
	}
	d.containers[spec.ID], l.containers[c.RID] = c, c
	l.sawRID(c.RID)
	return nil
}

func (l *loader) drop(rid string) {
	if d := l.databases[rid]; d != nil {
		l.store.dropDatabase(d)
		for _, c := range d.containers {
			delete(l.containers, c.RID)
		}
		delete(l.databases, rid)
		return
	}
	c := l.containers[rid]
	if c == nil {
		return
	}
	for _, d := range l.databases {
		if d.containers[c.resource.ID] == c {
			delete(d.containers, c.resource.ID)
		}
	}
	delete(l.containers, rid)
	delete(l.store.offers, rid)
}

// items applies a transaction; one that was under way when its container was deleted is nobody's.
func (l *loader) items(r *itemsRecord) error {
	c := l.containers[r.Container]
	if c == nil {
		return nil
	}
	if r.Key == "" {
		if r.Range < len(c.Ranges) {
			c.Ranges[r.Range].lsn = r.LSN
		}
		return nil
	}
	key, err := c.ParseKey(r.Key)
	if err != nil {
		return err
	}
	at := c.RangeOf(key)
	for _, i := range r.Items {
		if i.Body == nil {
			at.set(key, i.ID, nil)
			continue
		}
		c.nextSeq.Store(max(c.nextSeq.Load(), i.Seq))
		at.install(key, &Item{ID: i.ID, LSN: r.LSN, TS: i.TS, ETag: i.ETag, Body: i.Body, Seq: i.Seq, ttl: i.TTL})
	}
	at.lsn = max(at.lsn, r.LSN)
	at.tidy(l.store.clock())
	return nil
}

// record is the transaction for the journal.
func (t *transaction) record() *record {
	r := &itemsRecord{Container: t.container.RID, Key: t.key.text, LSN: t.r.lsn + 1}
	for _, id := range t.order {
		item := t.written[id]
		if item == nil {
			r.Items = append(r.Items, itemRecord{ID: id})
			continue
		}
		r.Items = append(r.Items, item.record())
	}
	return &record{Items: r}
}

func (i *Item) record() itemRecord {
	return itemRecord{ID: i.ID, Seq: i.Seq, TS: i.TS, TTL: i.ttl, ETag: i.ETag, Body: i.Body}
}

func (c *Container) record(database string) *record {
	return &record{Container: &containerRecord{Resource: c.resource, Database: database, Properties: c.properties, Ranges: len(c.Ranges)}}
}

// records are what a new journal begins with: everything that lives.
func (s *Store) records(yield func(*record) bool) {
	for _, d := range s.Databases() {
		if !yield(&record{Database: &d.Resource}) {
			return
		}
		for _, c := range d.containers {
			if !yield(c.record(d.RID)) || !c.itemRecords(yield) {
				return
			}
		}
	}
	for _, o := range s.Offers() {
		if !yield(&record{Offer: o}) {
			return
		}
	}
}

// itemRecords are the items in the order of the change feed. The last LSN of a range may be that of a deletion, which
// no item tells: an empty transaction does.
func (c *Container) itemRecords(yield func(*record) bool) bool {
	now := c.store.clock()
	for i, r := range c.Ranges {
		for _, item := range r.feed {
			if item.slot.cur != item || r.expired(item, now) {
				continue
			}
			one := &itemsRecord{Container: c.RID, Key: item.in.key.text, LSN: item.LSN, Items: []itemRecord{item.record()}}
			if !yield(&record{Items: one}) {
				return false
			}
		}
		if r.lsn > 0 && !yield(&record{Items: &itemsRecord{Container: c.RID, Range: i, LSN: r.lsn}}) {
			return false
		}
	}
	return true
}

// liveBytes is about what the records of everything that lives take.
func (s *Store) liveBytes() (n int64) {
	for _, d := range s.databases {
		for _, c := range d.containers {
			for _, r := range c.Ranges {
				for _, item := range r.Items(0, nil) {
					n += int64(len(item.Body)) + 200
				}
			}
		}
	}
	return n
}
