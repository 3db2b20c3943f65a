package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// DeadLetter is a record, or a message of the usage hub, that was set aside:
// where it stands in the hub, which keeps it for its retention, and what is
// wrong with it. It has nothing of what it says.
type DeadLetter struct {
	Hub       string         `json:"hub"` // an incarnation of it, as usagelog.Source has it
	Partition string         `json:"partition"`
	Sequence  int64          `json:"sequence"`
	Ordinal   int            `json:"ordinal"` // of the record in its event
	Offset    int64          `json:"offset"`  // and where it begins there, in bytes
	Length    int64          `json:"length"`  // in bytes; 0 where it could be read, but not be used
	SHA256    string         `json:"sha256"`  // in hexadecimal; "" where it could be read, but not be used
	Error     string         `json:"error"`
	Around    string         `json:"around"` // at most 64 bytes around the error of a record: letters are "x" and digits "0"
	Found     detectors.Time `json:"found"`  // when it was set aside
}

// DeadLetterLife is how long a DeadLetter is kept: longer than any hub keeps its record but the dearest.
const DeadLetterLife = 30 * detectors.Day

// DeadLetters keeps what was set aside, for DeadLetterLife. Its methods may be
// called from several goroutines.
type DeadLetters interface {
	// SaveDeadLetters keeps them. One of the same position is replaced.
	SaveDeadLetters(ctx context.Context, all []DeadLetter) error

	// DeadLetters are all that are kept, those found last first.
	DeadLetters(ctx context.Context) ([]DeadLetter, error)

	// DropDeadLetters forgets them; those that are not kept are passed over.
	DropDeadLetters(ctx context.Context, all []DeadLetter) error
}

// DeadLettersOf is what was set aside of events of a source, found at the given time.
func DeadLettersOf(source usagelog.Source, found detectors.Time, all []SetAside) []DeadLetter {
	letters := make([]DeadLetter, len(all))
	for i, s := range all {
		letters[i] = DeadLetter{
			Hub: source.Hub, Partition: source.Partition, Sequence: s.Sequence, Ordinal: s.Ordinal,
			Offset: s.Offset, Length: s.Length, Error: s.Err.Error(), Around: s.Around, Found: found,
		}
		if s.Length > 0 {
			letters[i].SHA256 = hex.EncodeToString(s.SHA256[:])
		}
	}
	return letters
}

// ID is the letter's position as a short text, the same for every delivery of the record.
func (d *DeadLetter) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %d", d.Hub, d.Partition, d.Sequence, d.Ordinal))
	return hex.EncodeToString(sum[:12])
}

// CompareDeadLetters orders those found last first, then by position.
func CompareDeadLetters(a, b DeadLetter) int {
	return cmp.Or(cmp.Compare(b.Found, a.Found), strings.Compare(a.Hub, b.Hub), strings.Compare(a.Partition, b.Partition),
		cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Ordinal, b.Ordinal))
}
