package azurelog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Block is a part of a stream that can be decoded by itself: no record reaches
// over its ends. The body of an Event Hubs message is a Block as it is.
type Block struct {
	Data   []byte
	Offset int64 // of Data in the decompressed stream

	// Skipped is a record too long to be held, in a Block without Data; else nil.
	Skipped *Poison

	memory []byte // of Data, all of it
	pool   *sync.Pool
}

// Release gives the memory of Data back to the Scanner. It may be called once,
// from any goroutine, when nobody reads Data any more; who never calls it
// leaves the memory to the garbage collector.
func (b Block) Release() {
	if b.pool != nil {
		b.pool.Put(&b.memory)
	}
}

// Sizes of a Scanner's blocks, in bytes.
const (
	blockSize = 1 << 20
	// MaxRecord is the length from which a record is skipped as poison. An
	// event of Azure has 1 MB at most.
	MaxRecord = 16 << 20
)

// Scanner cuts a stream into Blocks of about 1 MiB, in memory that is bounded
// whatever the stream holds. It is for one goroutine; the Blocks may be
// decoded by others.
type Scanner struct {
	source io.Reader
	opened bool
	size   int    // of a block
	limit  int    // of a record
	buf    []byte // read and not given out yet
	want   int    // fill buf up to here
	offset int64  // of buf in the stream
	err    error  // why source ended; nil while it has not
	pool   sync.Pool
}

// NewScanner makes a Scanner of r, which may be compressed by gzip, in several members too.
func NewScanner(r io.Reader) *Scanner { return newScanner(r, blockSize, MaxRecord) }

func newScanner(r io.Reader, size, limit int) *Scanner {
	s := &Scanner{source: r, size: size, limit: limit, want: size}
	s.pool.New = func() any { b := make([]byte, 0, size+size/8); return &b }
	return s
}

// Next is the next Block, in the order of the stream. At the end of it the
// error is io.EOF. Another error says that the source failed, or that a
// compressed one is cut off or damaged; all that could be read before was
// given out.
func (s *Scanner) Next() (Block, error) {
	s.open()
	for {
		s.fill()
		if len(s.buf) == 0 {
			return Block{}, s.err
		}
		if n := s.cut(); n > 0 {
			return s.take(n), nil
		}
		if len(s.buf) >= s.limit {
			return s.skip(), nil
		}
		s.want = min(2*s.want, s.limit)
	}
}

// open looks whether the source is compressed.
func (s *Scanner) open() {
	if s.opened {
		return
	}
	s.opened = true
	s.buf = *s.pool.Get().(*[]byte)
	plain := bufio.NewReaderSize(s.source, 64<<10)
	s.source = plain
	if magic, _ := plain.Peek(2); bytes.Equal(magic, []byte{0x1F, 0x8B}) {
		unzipped, err := gzip.NewReader(plain)
		if err != nil {
			s.err = fmt.Errorf("read gzip: %w", err)
			return
		}
		s.source = gunzip{unzipped}
	}
}

// gunzip is a gzip.Reader whose errors say what they mean.
type gunzip struct{ *gzip.Reader }

func (g gunzip) Read(p []byte) (int, error) {
	n, err := g.Reader.Read(p)
	switch {
	case err == nil, errors.Is(err, io.EOF):
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("the compressed data are cut off: copy the file again: %w", err)
	default:
		err = fmt.Errorf("the compressed data are damaged: copy the file again: %w", err)
	}
	return n, err
}

// fill reads until buf is as long as wanted or the source ends.
func (s *Scanner) fill() {
	if cap(s.buf) < s.want {
		s.buf = append(make([]byte, 0, s.want), s.buf...)
	}
	for s.err == nil && len(s.buf) < s.want {
		var n int
		n, s.err = s.source.Read(s.buf[len(s.buf):s.want])
		s.buf = s.buf[:len(s.buf)+n]
	}
}

// cut is the end of the longest Block that buf starts with, 0 where it does
// not hold a whole record.
func (s *Scanner) cut() int {
	if s.err != nil {
		return len(s.buf)
	}
	if n := cutSeam(s.buf); n > 0 {
		return n
	}
	return cutPieces(s.buf)
}

// take makes a Block of the first n bytes of buf.
func (s *Scanner) take(n int) Block {
	b := Block{Data: s.buf[:n:n], Offset: s.offset}
	if cap(s.buf) <= 2*s.size { // longer ones are rare, and not kept
		b.memory, b.pool = s.buf[:0], &s.pool
	}
	rest := *s.pool.Get().(*[]byte)
	s.buf = append(rest[:0], s.buf[n:]...)
	s.offset += int64(n)
	s.want = max(s.size, len(s.buf))
	return b
}

// skip passes over the record or garbage that buf starts with, and that is
// longer than the limit, without holding it.
func (s *Scanner) skip() Block {
	long := Poison{Offset: s.offset, Around: mask(s.buf[:maxAround])}
	long.Err = fmt.Errorf("a record of more than %d bytes at byte %d: split it before it is logged", s.limit, s.offset)
	hash := sha256.New()
	drop := func(n int) {
		hash.Write(s.buf[:n])
		long.Length += int64(n)
		s.offset += int64(n)
		s.buf = s.buf[:copy(s.buf, s.buf[n:])]
	}
	var record skim
	balanced := s.buf[0] == '{'
	for s.want = s.size; len(s.buf) > 0; s.fill() {
		var end int
		how := broken
		if balanced {
			end, how = record.run(s.buf, 0)
		}
		if how == broken {
			balanced = false
			end, how = resync(s.buf, end, s.err != nil)
			if how == more {
				end = max(1, len(s.buf)-maxSeam)
			}
		}
		drop(end)
		if how == whole {
			break
		}
	}
	hash.Sum(long.SHA256[:0])
	return Block{Offset: long.Offset, Skipped: &long}
}

// maxSeam is how much is kept while a place to go on is looked for, so that a
// mark of it is not cut in two.
const maxSeam = 256
