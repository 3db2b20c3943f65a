// Package broker holds event hubs: their partitions, what was sent to them,
// and how long it is kept. It knows nothing of AMQP: a message's content is
// bytes to it. All of it may be used by several goroutines.
//
// With a folder it keeps everything there, and an append is answered when the
// operating system has it: killing the process loses nothing, a power cut may.
package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultGroup is the consumer group that every hub has.
const DefaultGroup = "$Default"

// Defaults of a Spec.
const (
	DefaultRetention = 24 * time.Hour
	DefaultMaxBytes  = 256 << 20
)

// MaxPartitions is the most partitions of a hub in the Standard tier.
const MaxPartitions = 32

// Errors of naming what is not there, or is already.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
)

// Spec says what a hub is to be.
type Spec struct {
	Name           string        `json:"name"`
	Partitions     int           `json:"partitions"`
	ConsumerGroups []string      `json:"consumerGroups,omitempty"` // besides DefaultGroup
	Retention      time.Duration `json:"retention,omitempty"`      // of an event; 0 is DefaultRetention
	MaxBytes       int64         `json:"maxBytes,omitempty"`       // of a partition, after which the oldest events go; 0 is DefaultMaxBytes
	GeoReplicated  bool          `json:"geoReplicated,omitempty"`  // offsets are then of the form 1:offset:sequence
}

// names are what Azure takes as a name of a hub or consumer group.
var names = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,254}[A-Za-z0-9_])?$`)

func (s *Spec) check() error {
	if !names.MatchString(s.Name) {
		return fmt.Errorf("a hub's name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit: %q", s.Name)
	}
	if s.Partitions < 1 || s.Partitions > MaxPartitions {
		return fmt.Errorf("hub %s: %d partitions; it may have 1 to %d", s.Name, s.Partitions, MaxPartitions)
	}
	for _, group := range s.ConsumerGroups {
		if group != DefaultGroup && !names.MatchString(group) {
			return fmt.Errorf("hub %s: no consumer group can be called %q", s.Name, group)
		}
	}
	if s.Retention == 0 {
		s.Retention = DefaultRetention
	}
	if s.MaxBytes == 0 {
		s.MaxBytes = DefaultMaxBytes
	}
	return nil
}

// Broker is the hubs of a namespace.
type Broker struct {
	folder string
	now    func() time.Time

	mu   sync.RWMutex
	hubs map[string]*Hub // by lower-cased name
}

// Open is the hubs kept in a folder, or none where folder is "". The clock
// stamps and expires events.
func Open(folder string, now func() time.Time) (*Broker, error) {
	b := &Broker{folder: folder, now: now, hubs: map[string]*Hub{}}
	if folder == "" {
		return b, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		hub, err := load(filepath.Join(folder, entry.Name()), now)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("broker: open %s: %w", entry.Name(), err), b.Close())
		}
		b.hubs[strings.ToLower(hub.Name())] = hub
	}
	return b, nil
}

// Create makes a hub. One of that name is an error that wraps ErrExists.
func (b *Broker) Create(spec Spec) (*Hub, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.ToLower(spec.Name)
	if _, ok := b.hubs[key]; ok {
		return nil, fmt.Errorf("hub %s %w", spec.Name, ErrExists)
	}
	hub := newHub(spec, b.now().UTC().Truncate(time.Millisecond), b.now)
	if b.folder != "" {
		if err := hub.keep(filepath.Join(b.folder, key)); err != nil {
			return nil, fmt.Errorf("hub %s: %w", spec.Name, err)
		}
	}
	b.hubs[key] = hub
	return hub, nil
}

// Delete removes a hub with all its events.
func (b *Broker) Delete(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	hub, ok := b.hubs[strings.ToLower(name)]
	if !ok {
		return fmt.Errorf("hub %s %w", name, ErrNotFound)
	}
	delete(b.hubs, strings.ToLower(name))
	err := hub.close()
	if hub.folder != "" {
		err = errors.Join(err, os.RemoveAll(hub.folder))
	}
	return err
}

// Hub is the hub of a name, in whatever case.
func (b *Broker) Hub(name string) (*Hub, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	hub, ok := b.hubs[strings.ToLower(name)]
	if !ok {
		return nil, fmt.Errorf("hub %s %w", name, ErrNotFound)
	}
	return hub, nil
}

// Close releases the folder. The broker is of no use afterwards.
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var failed error
	for key, hub := range b.hubs {
		failed = errors.Join(failed, hub.close())
		delete(b.hubs, key)
	}
	return failed
}

// Hub is an event hub.
type Hub struct {
	spec       Spec
	created    time.Time
	folder     string
	partitions []*Partition
	turn       atomic.Uint32
}

func newHub(spec Spec, created time.Time, now func() time.Time) *Hub {
	hub := &Hub{spec: spec, created: created}
	for range spec.Partitions {
		hub.partitions = append(hub.partitions, newPartition(spec, now))
	}
	return hub
}

// Name is the hub's name as it was created.
func (h *Hub) Name() string { return h.spec.Name }

// Created is when the hub was created, in whole milliseconds. A hub created
// again under a name has another time.
func (h *Hub) Created() time.Time { return h.created }

// GeoReplicated says whether offsets have the form of geo-replicated hubs.
func (h *Hub) GeoReplicated() bool { return h.spec.GeoReplicated }

// PartitionIDs are the ids of the partitions, "0" onwards.
func (h *Hub) PartitionIDs() []string {
	ids := make([]string, len(h.partitions))
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

// Partition is the partition of an id.
func (h *Hub) Partition(id string) (*Partition, error) {
	i, err := strconv.Atoi(id)
	if err != nil || i < 0 || i >= len(h.partitions) || strconv.Itoa(i) != id {
		return nil, fmt.Errorf("hub %s: partition %q %w; it has 0 to %d", h.Name(), id, ErrNotFound, len(h.partitions)-1)
	}
	return h.partitions[i], nil
}

// Route is the id of the partition that the events of a key go to, or, where
// key is "", of the next one in turn.
func (h *Hub) Route(key string) string {
	if key == "" {
		return strconv.Itoa(int((h.turn.Add(1) - 1) % uint32(len(h.partitions))))
	}
	return strconv.Itoa(PartitionOf(key, len(h.partitions)))
}

// Group is the consumer group of a name, in whatever case, as it was created.
func (h *Hub) Group(name string) (string, error) {
	groups := append([]string{DefaultGroup}, h.spec.ConsumerGroups...)
	i := slices.IndexFunc(groups, func(group string) bool { return strings.EqualFold(group, name) })
	if i < 0 {
		return "", fmt.Errorf("hub %s: consumer group %q %w", h.Name(), name, ErrNotFound)
	}
	return groups[i], nil
}

func (h *Hub) close() error {
	var failed error
	for _, partition := range h.partitions {
		failed = errors.Join(failed, partition.close())
	}
	return failed
}
