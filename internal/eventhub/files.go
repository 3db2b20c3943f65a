package eventhub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
)

// Files keeps checkpoints and ownership in a folder, for one process: what is
// set is on the disk when it returns, whole. It is an azeventhubs.CheckpointStore.
type Files struct {
	folder string
	now    func() time.Time
	mu     sync.Mutex
}

var _ azeventhubs.CheckpointStore = (*Files)(nil)

// OpenFiles uses a folder, which is made where it is missing.
func OpenFiles(folder string) (*Files, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("eventhub: a folder for checkpoints: %w", err)
	}
	return &Files{folder: folder, now: time.Now}, nil
}

// Kinds of files.
const (
	checkpointFile = "checkpoint"
	ownershipFile  = "ownership"

	extension = ".json"
)

// group is the folder for files of one kind of a consumer group.
func (f *Files) group(namespace, hub, group, kind string) (string, error) {
	if namespace == "" || hub == "" || group == "" {
		return "", errors.New("eventhub: a checkpoint without namespace, hub or consumer group")
	}
	return filepath.Join(f.folder, url.QueryEscape(namespace), url.QueryEscape(hub), url.QueryEscape(group), kind), nil
}

// ClaimOwnership implements azeventhubs.CheckpointStore.
func (f *Files) ClaimOwnership(_ context.Context, wanted []azeventhubs.Ownership, _ *azeventhubs.ClaimOwnershipOptions) ([]azeventhubs.Ownership, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var owned []azeventhubs.Ownership
	for _, w := range wanted {
		folder, err := f.group(w.FullyQualifiedNamespace, w.EventHubName, w.ConsumerGroup, ownershipFile)
		if err != nil {
			return nil, err
		}
		var now azeventhubs.Ownership
		there, err := load(folder, w.PartitionID, &now)
		if err != nil {
			return nil, err
		}
		// Whoever claims what he has not seen, or not as it is now, comes too late.
		if there != (w.ETag != nil) || there && *w.ETag != *now.ETag {
			continue
		}
		w.ETag, w.LastModifiedTime = new(azcore.ETag(rand.Text())), f.now().UTC()
		if err := save(folder, w.PartitionID, w); err != nil {
			return nil, err
		}
		owned = append(owned, w)
	}
	return owned, nil
}

// ListOwnership implements azeventhubs.CheckpointStore.
func (f *Files) ListOwnership(_ context.Context, namespace, hub, group string, _ *azeventhubs.ListOwnershipOptions) ([]azeventhubs.Ownership, error) {
	return list[azeventhubs.Ownership](f, namespace, hub, group, ownershipFile)
}

// ListCheckpoints implements azeventhubs.CheckpointStore.
func (f *Files) ListCheckpoints(_ context.Context, namespace, hub, group string, _ *azeventhubs.ListCheckpointsOptions) ([]azeventhubs.Checkpoint, error) {
	return list[azeventhubs.Checkpoint](f, namespace, hub, group, checkpointFile)
}

// SetCheckpoint implements azeventhubs.CheckpointStore.
func (f *Files) SetCheckpoint(_ context.Context, c azeventhubs.Checkpoint, _ *azeventhubs.SetCheckpointOptions) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	folder, err := f.group(c.FullyQualifiedNamespace, c.EventHubName, c.ConsumerGroup, checkpointFile)
	if err != nil {
		return err
	}
	return save(folder, c.PartitionID, c)
}

// list is what is kept of one kind of a consumer group, by partition.
func list[T any](f *Files, namespace, hub, group, kind string) ([]T, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	folder, err := f.group(namespace, hub, group, kind)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("eventhub: list checkpoints: %w", err)
	}
	var all []T
	for _, e := range entries {
		var one T
		if filepath.Ext(e.Name()) != extension {
			continue // left behind by a crash
		}
		if _, err := read(filepath.Join(folder, e.Name()), &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// load reads the file of a partition, and reports whether there is one.
func load(folder, partition string, into any) (bool, error) {
	return read(fileOf(folder, partition), into)
}

func read(name string, into any) (bool, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return false, fmt.Errorf("eventhub: %s: %w; where it is damaged, delete it: its partition is then read from its first event", name, err)
	}
	return true, nil
}

func fileOf(folder, partition string) string {
	return filepath.Join(folder, url.QueryEscape(partition)+extension)
}

// save replaces the file of a partition: a crash leaves the old or the new one.
func save(folder, partition string, v any) error {
	if partition == "" {
		return errors.New("eventhub: a checkpoint without a partition")
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("eventhub: write a checkpoint: %w", err)
	}
	if err := replace(folder, fileOf(folder, partition), data); err != nil {
		return fmt.Errorf("eventhub: write a checkpoint: %w", err)
	}
	return nil
}

func replace(folder, name string, data []byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, "*.new")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // it is gone when all went well
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// syncFolder makes a new name in a folder last. Windows does so by itself.
func syncFolder(folder string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
