// Package store is what the Cosmos DB stand-in keeps: databases, containers with their physical partitions, offers and
// items, in memory and, where asked, in a journal on disk.
//
// # Items
//
// Items of different partition key values know nothing of one another: the same id in two of them is two items. Every
// write of a partition key value is one transaction of one or more operations (Container.Apply): all are done or none,
// and all of them carry one log sequence number (LSN) of the physical partition. An item keeps its place in the order
// of queries when it is changed, and moves to the end of the change feed. Items whose time to live has passed are gone
// for every reader at that second and are taken out of memory by later writes.
//
// # Durability
//
// With a directory, a change is in the journal before it can be seen or is answered. A killed process loses nothing
// that was answered; a machine that loses power may lose the last seconds. A torn record at the end is dropped with a
// warning, damage anywhere else is refused. The journal is rewritten when it is opened, if most of it is outdated.
//
// A Store may be used by any number of goroutines. Refusals are of type *Refusal and carry the service's status.
package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says how a Store works.
type Config struct {
	Clock  func() time.Time // the time of all that is written; nil is time.Now
	Dir    string           // where the journal is; "" keeps nothing
	Ranges int              // the least number of physical partitions of a new container; 0 is 1
	Log    *slog.Logger     // warnings; nil is slog.Default
}

// Store holds everything. Open makes one.
type Store struct {
	clock   func() time.Time
	ranges  int
	journal *journal // nil keeps nothing

	etagHead string // distinguishes the etags of this run from those of all others
	etags    atomic.Uint64

	mu        sync.RWMutex
	databases map[string]*Database
	offers    map[string]*Offer // by the resource id of the database or container
	nextRID   uint32
}

// Open returns a store with what the journal in config.Dir holds.
func Open(config Config) (*Store, error) {
	s := &Store{
		clock:     config.Clock,
		ranges:    max(config.Ranges, 1),
		databases: map[string]*Database{},
		offers:    map[string]*Offer{},
		etagHead:  newETagHead(),
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Dir != "" {
		if err := s.openJournal(config.Dir, config.Log); err != nil {
			return nil, fmt.Errorf("open the state in %s: %w", config.Dir, err)
		}
	}
	return s, nil
}

// Close ends the journal. What is written afterwards is refused; closing again does nothing.
func (s *Store) Close() error {
	if s.journal == nil {
		return nil
	}
	return s.journal.close()
}

// Now is the store's time.
func (s *Store) Now() time.Time { return s.clock() }

func newETagHead() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// newETag is unique for ever, in the service's form with quotes.
func (s *Store) newETag() string {
	n := s.etags.Add(1)
	return fmt.Sprintf(`"%s-%04x-%04x-0000-%012x"`, s.etagHead, uint16(n>>16), uint16(n), n)
}

// Resource is what databases and containers have in common.
type Resource struct {
	ID   string `json:"id"`
	RID  string `json:"rid"`
	ETag string `json:"etag"`
	TS   int64  `json:"ts"` // when it was last changed, in seconds since 1970
}

// Database is a set of containers.
type Database struct {
	Resource
	containers map[string]*Container // guarded by the store's lock
}

func (s *Store) newResource(id, parent string) Resource {
	s.nextRID++
	return Resource{ID: id, RID: childRID(parent, s.nextRID), ETag: s.newETag(), TS: s.clock().Unix()}
}

// CreateDatabase makes a database; throughput nil is one without an offer of its own.
func (s *Store) CreateDatabase(id string, throughput *Throughput) (*Database, error) {
	if err := checkName(id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.databases[id] != nil {
		return nil, Refuse(409, 0, "Resource with specified id or name already exists.")
	}
	d := &Database{Resource: s.newResource(id, ""), containers: map[string]*Container{}}
	if err := s.record(&record{Database: &d.Resource}); err != nil {
		return nil, err
	}
	s.databases[id] = d
	return d, s.createOffer(d.RID, "dbs/"+d.RID+"/", throughput)
}

// Database is the database of that id, or a Refusal.
func (s *Store) Database(id string) (*Database, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d := s.databases[id]; d != nil {
		return d, nil
	}
	return nil, notFound()
}

// Databases are all databases by id.
func (s *Store) Databases() []*Database {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Database, 0, len(s.databases))
	for _, d := range s.databases {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *Database) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// DeleteDatabase removes a database with all that is in it; ifMatch "" always does.
func (s *Store) DeleteDatabase(id, ifMatch string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.databases[id]
	if d == nil {
		return notFound()
	}
	if !matches(ifMatch, d.ETag) {
		return preconditionFailed()
	}
	if err := s.record(&record{Drop: d.RID}); err != nil {
		return err
	}
	s.dropDatabase(d)
	return nil
}

func (s *Store) dropDatabase(d *Database) {
	delete(s.databases, d.ID)
	delete(s.offers, d.RID)
	for _, c := range d.containers {
		delete(s.offers, c.RID)
	}
}

// record writes to the journal, if there is one.
func (s *Store) record(r *record) error {
	if s.journal == nil {
		return nil
	}
	if err := s.journal.append(r); err != nil {
		return Refuse(500, 0, "The state could not be written: %v", err)
	}
	return nil
}

// checkName is the rule for the names of databases and containers.
func checkName(id string) error {
	if id == "" || len(id) > 255 || strings.ContainsAny(id, `/\#?`) || strings.HasSuffix(id, " ") {
		return Refuse(400, 0, "The name %q is not allowed: 1 to 255 bytes, none of / \\ # ? and no space at the end.", id)
	}
	return nil
}

// childRID is the resource id of a child: the bytes of the parent's and four or, for items, eight of its own.
func childRID(parent string, n uint32) string {
	return encodeRID(binary.BigEndian.AppendUint32(decodeRID(parent), n))
}

// itemRID is the resource id of an item.
func itemRID(container string, seq uint64) string {
	return encodeRID(binary.LittleEndian.AppendUint64(decodeRID(container), seq))
}
