package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is where `emulator dev` keeps everything.
type folder struct {
	dir  string
	kept kept
}

// kept is what a folder says of itself.
type kept struct {
	Store string `json:"store"` // the product's
	Sent  bool   `json:"sent"`  // the logs, wholly
}

// keptFile marks a folder as one of ours: no other is ever emptied.
const keptFile = "dev.json"

// openFolder opens a folder, and empties it unless it is to be kept. A folder
// that is somebody else's is refused.
func openFolder(dir, store string, keep bool) (*folder, error) {
	f := &folder{dir: absolute(dir), kept: kept{Store: store}}
	entries, err := os.ReadDir(f.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the folder for state: %w", err)
	}
	before, err := f.read()
	switch {
	case len(entries) == 0:
	case err != nil:
		return nil, fmt.Errorf("%s holds files, and none of them says that this program made it: choose a new folder with --state", f.dir)
	case keep && before.Store != store:
		return nil, fmt.Errorf("%s was begun with --store %s: go on with that, or begin anew without --keep", f.dir, before.Store)
	case keep && !before.Sent:
		return nil, fmt.Errorf("in %s the sending of logs was interrupted, and twice sent is twice counted: begin anew without --keep", f.dir)
	case keep:
		f.kept = before
		return f, nil
	default:
		if err := os.RemoveAll(f.dir); err != nil {
			return nil, fmt.Errorf("begin anew: %w", err)
		}
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return nil, fmt.Errorf("the folder for state: %w", err)
	}
	return f, f.write()
}

// path is that of a file in the folder.
func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// sent notes that the logs were sent wholly.
func (f *folder) sent() error {
	f.kept.Sent = true
	return f.write()
}

func (f *folder) read() (k kept, err error) {
	data, err := os.ReadFile(f.path(keptFile))
	if err != nil {
		return k, err
	}
	return k, json.Unmarshal(data, &k)
}

func (f *folder) write() error {
	data, err := json.Marshal(f.kept)
	if err != nil {
		return err
	}
	return os.WriteFile(f.path(keptFile), append(data, '\n'), 0o644)
}
