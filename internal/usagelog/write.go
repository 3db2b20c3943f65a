package usagelog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// AppendTick appends a tick at now: heard is the latest time that a record of
// any resource was logged at, 0 where that is unknown.
func AppendTick(dst []byte, now, heard detectors.Time) []byte {
	w := Writer{b: dst}
	w.head(Tick, Source{}, now)
	w.int(int64(heard))
	return w.b
}

// AppendCommand appends a command that was given as c.Time says. A command that
// does not pass its Check is no message.
func AppendCommand(dst []byte, c *detectors.Command) ([]byte, error) {
	if err := c.Check(); err != nil {
		return dst, err
	}
	said, err := json.Marshal(c)
	if err != nil {
		return dst, fmt.Errorf("usagelog: write a command: %w", err)
	}
	w := Writer{b: dst}
	w.head(Command, Source{}, c.Time)
	return append(w.b, said...), nil
}

// Writer makes a message of fragments. It may be used again after Reset.
type Writer struct {
	b        []byte
	strings  map[string]uint64
	entries  int
	sequence int64
	ordinal  int
	logged   detectors.Time
}

// Reset begins a new message: of a source whose last event arrived then. What
// Bytes has returned before is overwritten.
func (w *Writer) Reset(source Source, arrived detectors.Time) {
	if w.strings == nil {
		w.strings = map[string]uint64{}
	}
	clear(w.strings)
	*w = Writer{b: w.b[:0], strings: w.strings}
	w.head(Fragments, source, arrived)
}

// Bytes is the message so far.
func (w *Writer) Bytes() []byte { return w.b }

// Entries is how many entries the message has.
func (w *Writer) Entries() int { return w.entries }

func (w *Writer) head(kind Kind, source Source, arrived detectors.Time) {
	w.b = append(w.b, version, byte(kind))
	w.text(source.Hub)
	w.text(source.Partition)
	w.int(int64(arrived))
}

// Add appends a fragment of the event with that sequence number. Sequence
// numbers, and ordinals in an event, must ascend.
func (w *Writer) Add(sequence int64, f *azurelog.Fragment) {
	w.uint(uint64(sequence - w.sequence))
	if sequence == w.sequence && w.entries > 0 {
		w.uint(uint64(f.Ordinal - w.ordinal))
	} else {
		w.uint(uint64(f.Ordinal))
	}
	w.b = append(w.b, flags(f))
	w.int(int64(f.Logged - w.logged))
	w.string(f.Resource)
	if f.Correlation != (azurelog.Correlation{}) {
		w.b = append(w.b, f.Correlation[:]...)
	}
	w.address(f)
	if f.Act != nil {
		w.act(f.Act, f.Logged)
	} else {
		w.call(f)
	}
	w.entries++
	w.sequence, w.ordinal, w.logged = sequence, f.Ordinal, f.Logged
}

// Bound is the most that Add may append for f, in bytes.
func Bound(f *azurelog.Fragment) int {
	const numbers = 256 // all but the strings
	n := numbers + len(f.Resource)
	if a := f.Act; a != nil {
		return n + len(a.Operation) + len(a.Target) + len(a.Actor.ObjectID) + len(a.Actor.Name) + len(a.Actor.AppID)
	}
	c := &f.Call
	return n + len(c.Operation) + len(c.Model) + len(c.Deployment) + len(c.Client.APIVersion) + len(c.Client.UserAgent) +
		len(f.ObjectID) + len(f.Subscription) + len(f.Backend)
}

func flags(f *azurelog.Fragment) byte {
	b := byte(f.Category)
	if f.NearEmpty {
		b |= isNearEmpty
	}
	if f.Continued {
		b |= isContinued
	}
	if f.Correlation != (azurelog.Correlation{}) {
		b |= isCorrelated
	}
	if f.Act != nil {
		b |= isAct
	}
	return b
}

// address writes how many bits the log shows, and the bytes that they are in.
func (w *Writer) address(f *azurelog.Fragment) {
	b := f.Address.AsSlice()
	w.b = append(w.b, byte(f.Bits), byte(len(b)))
	w.b = append(w.b, b[:min((f.Bits+7)/8, len(b))]...)
}

func (w *Writer) call(f *azurelog.Fragment) {
	c := &f.Call
	b := byte(c.Class) | byte(c.Client.Stream)<<streamShift
	if c.Filtered {
		b |= isFiltered
	}
	if c.Tokens.Known {
		b |= hasTokens
	}
	w.b = append(w.b, b)
	w.int(int64(c.Time - f.Logged))
	w.int(c.DurationMs)
	w.int(int64(c.Status))
	for _, s := range [...]string{c.Operation, c.Model, c.Deployment, c.Client.APIVersion, c.Client.UserAgent, f.ObjectID, f.Subscription, f.Backend} {
		w.string(s)
	}
	w.int(c.RequestBytes)
	w.int(c.ResponseBytes)
	w.int(int64(c.Images))
	if c.Tokens.Known {
		w.int(c.Tokens.Prompt)
		w.int(c.Tokens.Cached)
		w.int(c.Tokens.Completion)
	}
}

func (w *Writer) act(a *detectors.Act, logged detectors.Time) {
	w.int(int64(a.Time - logged))
	for _, s := range [...]string{a.Operation, a.Target, a.Actor.ObjectID, a.Actor.Name, a.Actor.AppID} {
		w.string(s)
	}
	if a.Succeeded {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

// string writes a string by its place in the table.
func (w *Writer) string(s string) {
	if s == "" {
		w.uint(0)
		return
	}
	if place, known := w.strings[s]; known {
		w.uint(place)
		return
	}
	place := uint64(len(w.strings) + 1)
	w.strings[s] = place
	w.uint(place)
	w.text(s)
}

func (w *Writer) text(s string) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *Writer) uint(x uint64) { w.b = binary.AppendUvarint(w.b, x) }
func (w *Writer) int(x int64)   { w.b = binary.AppendVarint(w.b, x) }
