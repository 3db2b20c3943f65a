package broker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// segments is a partition's log as files, each named for the sequence number
// and the offset of its first event. A record is its length, the CRC-32C of
// its content, and the content: sequence number, offset, time, number and
// length of the annotations, the annotations, the body; all big-endian.
type segments struct {
	folder string
	files  []segment // the last is written
	file   *os.File
	size   int64
	next   int64
	offset int64
	buffer []byte
}

type segment struct{ sequence, offset int64 }

func (s segment) name() string { return fmt.Sprintf("%020d-%020d.log", s.sequence, s.offset) }

const (
	segmentSize  = 16 << 20 // after which a new segment is begun
	recordHeader = 8
	recordFixed  = 32
	maxRecord    = 64 << 20 // a longer one cannot be true
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func createSegments(folder string) (*segments, error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return nil, err
	}
	s := &segments{folder: folder}
	return s, s.roll()
}

// openSegments gives all events of a folder to add, in order, cuts off what
// was not written to its end, and continues the log.
func openSegments(folder string, add func(Event)) (*segments, error) {
	entries, err := os.ReadDir(folder) // in order of names, which is that of sequence numbers
	if err != nil {
		return nil, err
	}
	s := &segments{folder: folder}
	for _, entry := range entries {
		var file segment
		if _, err := fmt.Sscanf(entry.Name(), "%d-%d.log", &file.sequence, &file.offset); err != nil || !strings.HasSuffix(entry.Name(), ".log") {
			return nil, fmt.Errorf("%s is no log of a partition: remove it", filepath.Join(folder, entry.Name()))
		}
		s.files = append(s.files, file)
	}
	if len(s.files) == 0 {
		return s, s.roll()
	}
	for i, file := range s.files {
		s.next, s.offset = file.sequence, file.offset
		if err := s.load(file, i == len(s.files)-1, add); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(folder, file.name()), err)
		}
	}
	path := filepath.Join(folder, s.files[len(s.files)-1].name())
	s.file, err = os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	return s, err
}

// load reads a segment. A record that is not whole ends the last segment,
// which is cut there, and is an error in the others.
func (s *segments) load(file segment, last bool, add func(Event)) error {
	path := filepath.Join(s.folder, file.name())
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	r := bufio.NewReaderSize(f, 1<<20)
	s.size = 0
	for {
		event, size, err := readRecord(r)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && last:
			return os.Truncate(path, s.size)
		case err != nil:
			return fmt.Errorf("damaged at byte %d: %w", s.size, err)
		}
		s.size += size
		s.next, s.offset = event.Sequence+1, event.Offset+event.size()
		add(event)
	}
}

// readRecord is the next event and the length of its record; io.EOF at the
// end of a whole record.
func readRecord(r io.Reader) (Event, int64, error) {
	var header [recordHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Event{}, 0, err
	}
	length := binary.BigEndian.Uint32(header[:])
	if length < recordFixed || length > maxRecord {
		return Event{}, 0, fmt.Errorf("a record of %d bytes", length)
	}
	content := make([]byte, length)
	if _, err := io.ReadFull(r, content); err != nil {
		return Event{}, 0, fmt.Errorf("a record that was cut off: %w", io.ErrUnexpectedEOF)
	}
	if crc32.Checksum(content, castagnoli) != binary.BigEndian.Uint32(header[4:]) {
		return Event{}, 0, errors.New("a record with a wrong checksum")
	}
	annotations := binary.BigEndian.Uint32(content[28:])
	if annotations > length-recordFixed {
		return Event{}, 0, errors.New("a record with a wrong length")
	}
	event := Event{
		Sequence: int64(binary.BigEndian.Uint64(content)),
		Offset:   int64(binary.BigEndian.Uint64(content[8:])),
		Enqueued: int64(binary.BigEndian.Uint64(content[16:])),
		Message: Message{
			Count:       int(binary.BigEndian.Uint32(content[24:])),
			Annotations: content[recordFixed : recordFixed+annotations],
			Body:        content[recordFixed+annotations:],
		},
	}
	return event, int64(recordHeader + length), nil
}

// append writes events, all or none.
func (s *segments) append(events []Event) error {
	if s.size >= segmentSize {
		if err := s.roll(); err != nil {
			return err
		}
	}
	b := s.buffer[:0]
	for i := range events {
		b = appendRecord(b, &events[i])
		s.next, s.offset = events[i].Sequence+1, events[i].Offset+events[i].size()
	}
	if cap(b) <= 4<<20 {
		s.buffer = b
	}
	if _, err := s.file.Write(b); err != nil {
		first := events[0]
		s.next, s.offset = first.Sequence, first.Offset
		return errors.Join(err, s.file.Truncate(s.size))
	}
	s.size += int64(len(b))
	return nil
}

func appendRecord(b []byte, event *Event) []byte {
	start := len(b)
	b = append(b, make([]byte, recordHeader)...)
	b = binary.BigEndian.AppendUint64(b, uint64(event.Sequence))
	b = binary.BigEndian.AppendUint64(b, uint64(event.Offset))
	b = binary.BigEndian.AppendUint64(b, uint64(event.Enqueued))
	b = binary.BigEndian.AppendUint32(b, uint32(event.Count))
	b = binary.BigEndian.AppendUint32(b, uint32(len(event.Annotations)))
	b = append(b, event.Annotations...)
	b = append(b, event.Body...)
	content := b[start+recordHeader:]
	binary.BigEndian.PutUint32(b[start:], uint32(len(content)))
	binary.BigEndian.PutUint32(b[start+4:], crc32.Checksum(content, castagnoli))
	return b
}

// roll begins a new segment.
func (s *segments) roll() error {
	next := segment{s.next, s.offset}
	file, err := os.OpenFile(filepath.Join(s.folder, next.name()), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	if s.file != nil {
		err = s.file.Close()
	}
	s.files, s.file, s.size = append(s.files, next), file, 0
	return err
}

// trim removes the segments of which no event from begin on is part. What
// cannot be removed is tried again.
func (s *segments) trim(begin int64) {
	gone := 0
	for gone < len(s.files)-1 && s.files[gone+1].sequence <= begin {
		if os.Remove(filepath.Join(s.folder, s.files[gone].name())) != nil {
			break
		}
		gone++
	}
	s.files = slices.Delete(s.files, 0, gone)
}

func (s *segments) close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
