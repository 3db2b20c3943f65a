package azurelog

import (
	"crypto/sha256"
	"fmt"
)

// Poison is a part of a stream that could not be read. It holds nothing of
// what the part says.
type Poison struct {
	Offset  int64 // in the decompressed stream or the message's body
	Length  int64 // in bytes
	Ordinal int   // as that of a Fragment
	SHA256  [32]byte
	Err     error  // what is wrong, and at which byte of the stream
	Around  string // at most 64 bytes around the error: letters are "x" and digits "0"
}

// maxAround is the length of Poison.Around.
const maxAround = 64

// flaw is why a record cannot be read: what is wrong at an index of the block.
type flaw struct {
	what string
	at   int
}

// poison describes data[start:end] of a block at offset.
func poison(data []byte, start, end int, offset int64, ordinal int, f flaw) Poison {
	for end > start && space(data[end-1]) {
		end--
	}
	at := min(max(f.at, start), end)
	from := max(start, min(at-maxAround/2, end-maxAround))
	return Poison{
		Offset:  offset + int64(start),
		Length:  int64(end - start),
		Ordinal: ordinal,
		SHA256:  sha256.Sum256(data[start:end]),
		Err:     fmt.Errorf("%s at byte %d", f.what, offset+int64(at)),
		Around:  mask(data[from:min(end, from+maxAround)]),
	}
}

// mask is b with letters, digits and all that is not ASCII made unreadable.
func mask(b []byte) string {
	masked := make([]byte, len(b))
	for i, c := range b {
		switch {
		case c >= '0' && c <= '9':
			c = '0'
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= 0x7F:
			c = 'x'
		case c < ' ':
			c = ' '
		}
		masked[i] = c
	}
	return string(masked)
}
