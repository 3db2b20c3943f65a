package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
)

const (
	journalName = "cosmos.journal"
	// magic begins the file; the digit is the version of the format.
	magic = "cosmosemulator journal 1\n"
	// maxRecord bounds what a damaged length can make the reader ask for: a batch of 100 items of 2 MiB and the rest.
	maxRecord = 256 << 20
)

// journal is a file of records: length and CRC-32C of the payload, 4 bytes each, little-endian, and the payload, JSON.
type journal struct {
	mu     sync.Mutex
	file   *os.File
	size   int64 // of what is whole
	failed error // after a write that could not be taken back
}

// A record is one transaction. Exactly one field is set.
type record struct {
	Database  *Resource        `json:"database,omitempty"`
	Container *containerRecord `json:"container,omitempty"`
	Offer     *Offer           `json:"offer,omitempty"`
	Drop      string           `json:"drop,omitempty"` // a database or container that is deleted
	Items     *itemsRecord     `json:"items,omitempty"`
}

type containerRecord struct {
	Resource   Resource                   `json:"resource"`
	Database   string                     `json:"database,omitempty"` // its resource id
	Properties map[string]json.RawMessage `json:"properties"`
	Ranges     int                        `json:"ranges,omitempty"`
	Replaces   bool                       `json:"replaces,omitempty"` // only the properties change
}

type itemsRecord struct {
	Container string       `json:"container"`       // its resource id
	Key       string       `json:"key,omitempty"`   // none is only the LSN of a physical partition
	Range     int          `json:"range,omitempty"` // which, where there is no key
	LSN       int64        `json:"lsn"`
	Items     []itemRecord `json:"items"`
}

type itemRecord struct {
	ID   string          `json:"id"`
	Seq  uint64          `json:"seq,omitempty"`
	TS   int64           `json:"ts,omitempty"`
	TTL  int64           `json:"ttl,omitempty"`
	ETag string          `json:"etag,omitempty"`
	Body json.RawMessage `json:"body,omitempty"` // none is deleted
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frame(r *record) ([]byte, error) {
	var out bytes.Buffer
	out.Write(make([]byte, 8))
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // items stay as they are
	if err := encoder.Encode(r); err != nil {
		return nil, err
	}
	b := out.Bytes()
	binary.LittleEndian.PutUint32(b, uint32(len(b)-8))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[8:], castagnoli))
	return b, nil
}

// append writes a record. When it cannot, the file is as it was, or the journal refuses everything from then on.
func (j *journal) append(r *record) error {
	b, err := frame(r)
	if err != nil {
		return fmt.Errorf("encode the record: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed != nil {
		return j.failed
	}
	if _, err := j.file.Write(b); err != nil {
		if undo := errors.Join(j.file.Truncate(j.size), seek(j.file, j.size)); undo != nil {
			j.failed = fmt.Errorf("an earlier write failed and could not be taken back: %w", undo)
		}
		return fmt.Errorf("write the journal: %w", err)
	}
	j.size += int64(len(b))
	return nil
}

func seek(f *os.File, at int64) error {
	_, err := f.Seek(at, io.SeekStart)
	return err
}

func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.failed, os.ErrClosed) {
		return nil
	}
	j.failed = os.ErrClosed
	return errors.Join(j.file.Sync(), j.file.Close())
}

// damage is a record that is not whole.
type damage struct {
	at   int64 // where it begins
	torn bool  // it reaches to the end of the file
}

// Error implements error.
func (d *damage) Error() string { return fmt.Sprintf("the record at byte %d is damaged", d.at) }

// readJournal gives every record to use and returns where the last whole one ends. A *damage error is what stopped it.
func readJournal(f io.Reader, size int64, use func(*record) error) (end int64, err error) {
	in := bufio.NewReaderSize(f, 1<<20)
	head := make([]byte, len(magic))
	if n, err := io.ReadFull(in, head); err != nil || string(head) != magic {
		if string(head[:n]) == magic[:n] { // the first write was cut short, or the file is new
			return 0, &damage{torn: true}
		}
		return 0, errors.New("this is no journal of this version: move it away or use another directory")
	}
	end = int64(len(magic))
	var header [8]byte
	for {
		if _, err := io.ReadFull(in, header[:]); errors.Is(err, io.EOF) {
			return end, nil
		} else if errors.Is(err, io.ErrUnexpectedEOF) {
			return end, &damage{at: end, torn: true}
		} else if err != nil {
			return end, err
		}
		length := int64(binary.LittleEndian.Uint32(header[:]))
		if length > maxRecord || end+8+length > size {
			return end, &damage{at: end, torn: length <= maxRecord}
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(in, payload); err != nil {
			return end, err
		}
		if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(header[4:]) {
			return end, &damage{at: end, torn: end+8+length == size}
		}
		var r record
		if err := json.Unmarshal(payload, &r); err != nil {
			return end, fmt.Errorf("the record at byte %d: %w", end, err)
		}
		if err := use(&r); err != nil {
			return end, fmt.Errorf("the record at byte %d: %w", end, err)
		}
		end += 8 + length
	}
}

// rewriteJournal replaces the file by one with those records, or leaves it as it was.
func rewriteJournal(dir string, records func(yield func(*record) bool)) (err error) {
	temporary := filepath.Join(dir, journalName+".new")
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if _, err := out.WriteString(magic); err != nil {
		return errors.Join(err, f.Close())
	}
	for r := range records {
		b, frameErr := frame(r)
		if frameErr != nil {
			return errors.Join(frameErr, f.Close())
		}
		if _, err := out.Write(b); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := errors.Join(out.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, journalName))
}
