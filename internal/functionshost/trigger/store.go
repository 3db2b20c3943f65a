package trigger

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Store keeps the leases and checkpoints of all functions, as the host's
// storage account does. With a path the checkpoints survive the process.
type Store struct {
	path string

	mu    sync.Mutex
	feeds map[string]*feed
}

// feed is one function's source.
type feed struct {
	leases map[string]Lease
	owners map[string]time.Time // when each was last heard of
	done   map[reading]string   // how far each is
	fixed  bool                 // partitions were moved by hand: nothing is stolen any more
}

// reading is that of a partition by one of its owners, late ones too.
type reading struct{ partition, owner string }

// Lease is who reads a partition, and how far it is done.
type Lease struct {
	Owner      string
	Until      time.Time
	Checkpoint string // where the next owner begins
	Done       string // how far this one is, of Leases: not as Checkpoint where another wrote that late
	Epoch      int    // grows with each Rewind
}

// OpenStore opens the checkpoints at path; "" keeps them in memory.
func OpenStore(path string) (*Store, error) {
	s := &Store{path: path, feeds: map[string]*feed{}}
	if path == "" {
		return s, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	var kept map[string]map[string]string
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints in %s: %w", path, err)
	}
	for name, checkpoints := range kept {
		for partition, checkpoint := range checkpoints {
			s.feed(name).leases[partition] = Lease{Checkpoint: checkpoint}
		}
	}
	return s, nil
}

// feed returns the feed of a name; the lock is held.
func (s *Store) feed(name string) *feed {
	f := s.feeds[name]
	if f == nil {
		f = &feed{leases: map[string]Lease{}, owners: map[string]time.Time{}, done: map[reading]string{}}
		s.feeds[name] = f
	}
	return f
}

// Join announces an owner, which then counts when partitions are shared out.
func (s *Store) Join(name, owner string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feed(name).owners[owner] = now
}

// Leave gives back all that an owner has.
func (s *Store) Leave(name, owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed(name)
	delete(f.owners, owner)
	for partition, l := range f.leases {
		if l.Owner == owner {
			l.Owner, l.Until = "", time.Time{}
			f.leases[partition] = l
		}
	}
}

// Leases is a copy of a feed's leases, by partition.
func (s *Store) Leases(name string) map[string]Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed(name)
	all := maps.Clone(f.leases)
	for partition, l := range all {
		done, reads := f.done[reading{partition, l.Owner}]
		if l.Done = l.Checkpoint; reads {
			l.Done = done
		}
		all[partition] = l
	}
	return all
}

// Balance renews the owner's leases for a time, claims free and expired ones
// up to its fair share, and steals one where it has less. It returns what the
// owner has now.
func (s *Store) Balance(name, owner string, partitions []string, now time.Time, term time.Duration) map[string]Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed(name)
	f.owners[owner] = now
	maps.DeleteFunc(f.owners, func(_ string, seen time.Time) bool { return now.Sub(seen) > term })
	held := map[string]int{}
	mine := map[string]Lease{}
	var free []string
	for _, p := range partitions {
		l := f.leases[p]
		switch {
		case l.Owner == owner:
			mine[p] = f.grant(p, owner, now.Add(term))
		case l.Owner == "" || now.After(l.Until):
			free = append(free, p)
		default:
			held[l.Owner]++
		}
	}
	least := len(partitions) / len(f.owners)
	most := (len(partitions) + len(f.owners) - 1) / len(f.owners)
	for _, p := range free {
		if len(mine) < most {
			mine[p] = f.grant(p, owner, now.Add(term))
		}
	}
	if p, ok := f.richest(partitions, held, owner); ok && len(mine) < least && !f.fixed {
		mine[p] = f.grant(p, owner, now.Add(term))
	}
	return mine
}

// grant gives a lease; the lock is held.
func (f *feed) grant(partition, owner string, until time.Time) Lease {
	l := f.leases[partition]
	l.Owner, l.Until = owner, until
	f.leases[partition] = l
	return l
}

// richest is a partition of the other owner that has the most.
func (f *feed) richest(partitions []string, held map[string]int, owner string) (string, bool) {
	if len(held) == 0 {
		return "", false
	}
	from := slices.MaxFunc(slices.Sorted(maps.Keys(held)), func(a, b string) int { return cmp.Compare(held[a], held[b]) })
	for _, p := range partitions {
		if l := f.leases[p]; l.Owner == from && l.Owner != owner {
			return p, true
		}
	}
	return "", false
}

// Take gives a partition to an owner, whoever has it. From then on partitions
// of the feed are not stolen for balance any more.
func (s *Store) Take(name, partition, owner string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed(name)
	f.grant(partition, owner, until)
	f.fixed = true
}

// Begin records that an owner reads a partition from a checkpoint on, until End.
func (s *Store) Begin(name, partition, owner, checkpoint string, epoch int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.feed(name); f.leases[partition].Epoch == epoch {
		f.done[reading{partition, owner}] = checkpoint
	}
}

// End records that an owner reads a partition no more.
func (s *Store) End(name, partition, owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.feed(name).done, reading{partition, owner})
}

// Checkpoint records that an owner has done a partition up to there, whoever
// owns it by now: as in a storage account, a late one can still write, and so
// set the checkpoint back. What was read before a Rewind is ignored.
func (s *Store) Checkpoint(name, partition, owner, checkpoint string, epoch int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed(name)
	l := f.leases[partition]
	if l.Epoch != epoch {
		return nil
	}
	f.done[reading{partition, owner}] = checkpoint
	if l.Checkpoint == checkpoint {
		return nil
	}
	l.Checkpoint = checkpoint
	f.leases[partition] = l
	return s.save()
}

// Rewind sets the checkpoint of a partition; "" is none. Its owner starts there
// again.
func (s *Store) Rewind(name, partition, checkpoint string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.feed(name)
	l := f.leases[partition]
	l.Checkpoint = checkpoint
	l.Epoch++
	f.leases[partition] = l
	maps.DeleteFunc(f.done, func(r reading, _ string) bool { return r.partition == partition })
	return s.save()
}

// save writes the checkpoints; the lock is held.
func (s *Store) save() error {
	if s.path == "" {
		return nil
	}
	kept := map[string]map[string]string{}
	for name, f := range s.feeds {
		kept[name] = map[string]string{}
		for partition, l := range f.leases {
			kept[name][partition] = l.Checkpoint
		}
	}
	text, err := json.Marshal(kept)
	if err == nil {
		err = replace(s.path, text)
	}
	if err != nil {
		return fmt.Errorf("keep the checkpoints in %s: %w", s.path, err)
	}
	return nil
}

// replace writes a file as a whole or not at all.
func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
