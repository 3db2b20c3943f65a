package engine

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/keywarden/keywarden/internal/azurelog"
)

// Source is one stream of logs.
type Source struct {
	Name string // for messages

	// Open begins to read it. It is called twice where there is no ID.
	Open func() (io.ReadCloser, error)

	// ID is the identity under which its position is kept. Where it is "", it
	// is the SHA-256 of the first MiB, decompressed.
	ID string
}

// identityBytes is how much of a source its identity is made of.
const identityBytes = 1 << 20

// stream is a source that is being read: futures of decoded blocks, in order.
type stream struct {
	source Source
	id     string
	from   Position // where to begin
	again  bool     // an earlier stream of the run is the same: it is not read
	blocks chan chan *decoded
	err    error // after blocks is closed: why reading ended early
}

// blocksAhead is how many blocks of a stream may be decoded before they are wanted.
const blocksAhead = 4

// read feeds the stream's blocks to the decoders until its end.
func (s *stream) read(ctx context.Context, r *run) {
	defer close(s.blocks)
	if s.err != nil || s.again {
		return
	}
	file, err := s.source.Open()
	if err != nil {
		s.err = err
		return
	}
	defer file.Close()
	var in io.Reader = file
	if r.Progress != nil {
		in = &counted{file, r.Progress}
	}
	scanner := azurelog.NewScanner(in)
	for {
		block, err := scanner.Next()
		if err == nil && endOf(&block) <= s.from.Offset && s.from.Offset > 0 {
			continue
		}
		if err == nil {
			future := make(chan *decoded, 1)
			if !offer(ctx, s.blocks, future) || !offer(ctx, r.jobs, job{block, future}) {
				s.err = ctx.Err()
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.err = err
			}
			return
		}
	}
}

// endOf is the offset after a block.
func endOf(b *azurelog.Block) int64 {
	end := b.Offset + int64(len(b.Data))
	if b.Skipped != nil {
		end += b.Skipped.Length
	}
	return end
}

// offer sends v, unless the context ends before somebody takes it.
func offer[T any](ctx context.Context, to chan<- T, v T) bool {
	select {
	case to <- v:
		return true
	case <-ctx.Done():
		return false
	}
}

// identity is the source's ID, or the SHA-256 of its first MiB. Damage of the
// data is not reported here: it comes up when they are read.
func (s *Source) identity() (string, error) {
	if s.ID != "" {
		return s.ID, nil
	}
	file, err := s.Open()
	if err != nil {
		return "", err
	}
	defer file.Close()
	in := bufio.NewReader(file)
	head := io.Reader(in)
	if magic, _ := in.Peek(2); string(magic) == "\x1f\x8b" {
		if head, err = gzip.NewReader(in); err != nil {
			head = in
		}
	}
	sum := sha256.New()
	_, _ = io.CopyN(sum, head, identityBytes)
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// counted tells how many bytes were read.
type counted struct {
	io.Reader
	told func(int64)
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.told(int64(n))
	return n, err
}
