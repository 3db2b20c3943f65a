package broker

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// manifest is hub.json in a hub's folder.
type manifest struct {
	Spec
	Created time.Time `json:"created"`
}

const manifestName = "hub.json"

// keep makes a new hub's folder.
func (h *Hub) keep(folder string) error {
	content, err := json.MarshalIndent(manifest{Spec: h.spec, Created: h.created}, "", "\t")
	if err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	h.folder = folder
	for i, partition := range h.partitions {
		if partition.log, err = createSegments(filepath.Join(folder, strconv.Itoa(i))); err != nil {
			return errors.Join(err, os.RemoveAll(folder))
		}
	}
	if err := os.WriteFile(filepath.Join(folder, manifestName), content, 0o644); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	return nil
}

// load is the hub of a folder. A folder without a manifest, left by a creation
// that was cut off, is an error that says so.
func load(folder string, now func() time.Time) (*Hub, error) {
	content, err := os.ReadFile(filepath.Join(folder, manifestName))
	if err != nil {
		return nil, fmt.Errorf("%w (not a hub's folder? remove it)", err)
	}
	var m manifest
	if err := json.Unmarshal(content, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	hub := newHub(m.Spec, m.Created, now)
	hub.folder = folder
	for i, partition := range hub.partitions {
		log, err := openSegments(filepath.Join(folder, strconv.Itoa(i)), partition.add)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("partition %d: %w", i, err), hub.close())
		}
		partition.log = log
		partition.resume(log.next, log.offset)
	}
	return hub, nil
}

// resume continues after the events that were loaded, of which there may be
// none although there were some once.
func (p *Partition) resume(next, offset int64) {
	if p.next < next {
		p.next, p.offset, p.begin, p.first = next, offset, next, next
		p.last = Event{Sequence: next - 1, Offset: offset - 1} // all that a segment's name tells
	}
	p.trim()
}
