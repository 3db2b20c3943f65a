package usagelog

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// maxInterned is how many strings a Reader keeps between messages.
const maxInterned = 1 << 16

// Reader reads messages, and interns their strings. It is for one goroutine.
type Reader struct {
	interned map[string]string
	strings  []string // the table of the message that is read
	b        []byte
	failed   bool
}

// Read reads a message into m, whose Entries, Sightings and Stays it uses again. Strings in m may
// be kept; Acts and the Command are new ones. On an error, which wraps
// ErrMessage or ErrVersion, m is unusable.
func (r *Reader) Read(b []byte, m *Message) error {
	r.b, r.strings, r.failed = b, r.strings[:0], false
	*m = Message{Entries: m.Entries[:0], Sightings: m.Sightings[:0], Stays: m.Stays[:0]}
	if v := r.byte(); v != version {
		if v > version && v < version+16 { // what is none of ours begins with a letter or a brace
			return fmt.Errorf("%w (version %d, this one reads %d)", ErrVersion, v, version)
		}
		return fmt.Errorf("%w: it begins with %#02x", ErrMessage, v)
	}
	m.Kind = Kind(r.enum(uint64(kinds)))
	m.Source = Source{Hub: r.text(), Partition: r.text()}
	m.Arrived = detectors.Time(r.int())
	if m.Kind == Tick {
		m.Heard = detectors.Time(r.int())
	}
	if m.Kind == Fragments {
		var last Entry
		for len(r.b) > 0 && !r.failed {
			m.Entries = append(m.Entries, Entry{})
			e := &m.Entries[len(m.Entries)-1]
			r.entry(e, &last, len(m.Entries) == 1)
			last.Sequence, last.Fragment.Ordinal, last.Fragment.Logged = e.Sequence, e.Fragment.Ordinal, e.Fragment.Logged
		}
	}
	if m.Kind == Sightings {
		last := detectors.Time(0)
		for len(r.b) > 0 && !r.failed {
			s := r.sighting(last)
			m.Sightings, last = append(m.Sightings, s), s.Time
		}
	}
	for m.Kind == Premises && len(r.b) > 0 && !r.failed {
		m.Stays = append(m.Stays, r.stay())
	}
	if m.Kind == Command && !r.failed {
		m.Command = new(detectors.Command)
		if err := json.Unmarshal(r.b, m.Command); err != nil {
			return fmt.Errorf("%w: a command that is no JSON of one: %w", ErrMessage, err)
		}
		if err := m.Command.Check(); err != nil {
			return fmt.Errorf("%w: %w", ErrMessage, err)
		}
		r.b = nil
	}
	if r.failed || len(r.b) > 0 {
		return fmt.Errorf("%w: cut off or damaged at %d bytes from its end", ErrMessage, len(r.b))
	}
	return nil
}

// entry reads one entry, which differs from the last one, or is the first.
func (r *Reader) entry(e, last *Entry, first bool) {
	f := &e.Fragment
	step := r.uint()
	e.Sequence = last.Sequence + int64(step)
	f.Ordinal = int(r.uint())
	if step == 0 && !first {
		f.Ordinal += last.Fragment.Ordinal
	}
	b := r.byte()
	f.Category = azurelog.Category(b & categoryBits)
	f.NearEmpty, f.Continued = b&isNearEmpty != 0, b&isContinued != 0
	f.Logged = last.Fragment.Logged + detectors.Time(r.int())
	f.Resource = r.string()
	if b&isCorrelated != 0 {
		copy(f.Correlation[:], r.take(len(f.Correlation)))
	}
	r.address(f)
	if !f.Category.Known() || e.Sequence < last.Sequence || f.Ordinal < 0 {
		r.fail()
	}
	if b&isAct != 0 {
		f.Act = r.act(f.Logged)
	} else {
		r.call(f)
	}
}

func (r *Reader) address(f *azurelog.Fragment) {
	shown, length := int(r.byte()), int(r.byte())
	if length != 0 && length != 4 && length != 16 || shown > 8*length {
		r.fail()
		return
	}
	var b [16]byte
	copy(b[:length], r.take((shown+7)/8))
	f.Bits = shown
	f.Address, _ = netip.AddrFromSlice(b[:length])
}

func (r *Reader) call(f *azurelog.Fragment) {
	b := r.byte()
	c := &f.Call
	c.Class = detectors.Class(b & classBits)
	c.Client.Stream = detectors.Stream(b >> streamShift & 3)
	c.Filtered = b&isFiltered != 0
	if !c.Class.Known() || c.Client.Stream > detectors.NonStreaming {
		r.fail()
	}
	c.Time = f.Logged + detectors.Time(r.int())
	c.DurationMs = r.int()
	c.Status = int(r.int())
	for _, s := range [...]*string{&c.Operation, &c.Model, &c.Deployment, &c.Client.APIVersion, &c.Client.UserAgent, &f.ObjectID, &f.Subscription, &f.Backend} {
		*s = r.string()
	}
	c.RequestBytes = r.int()
	c.ResponseBytes = r.int()
	c.Images = int(r.int())
	if b&hasTokens != 0 {
		c.Tokens = detectors.Tokens{Prompt: r.int(), Cached: r.int(), Completion: r.int(), Known: true}
	}
}

func (r *Reader) act(logged detectors.Time) *detectors.Act {
	a := new(detectors.Act)
	a.Time = logged + detectors.Time(r.int())
	for _, s := range [...]*string{&a.Operation, &a.Target, &a.Actor.ObjectID, &a.Actor.Name, &a.Actor.AppID} {
		*s = r.string()
	}
	a.Succeeded = r.enum(2) == 1
	return a
}

func (r *Reader) fail() { r.failed, r.b = true, nil }

// take is the next n bytes.
func (r *Reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *Reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *Reader) uint() uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *Reader) int() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return x
}

// enum is a number below n.
func (r *Reader) enum(n uint64) uint64 {
	x := r.uint()
	if x >= n {
		r.fail()
		return 0
	}
	return x
}

// string reads a string by its place in the table.
func (r *Reader) string() string {
	switch place := r.uint(); {
	case place == 0 || r.failed:
		return ""
	case place <= uint64(len(r.strings)):
		return r.strings[place-1]
	case place == uint64(len(r.strings))+1:
		s := r.text()
		r.strings = append(r.strings, s)
		return s
	}
	r.fail()
	return ""
}

// text reads the bytes of a string.
func (r *Reader) text() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return ""
	}
	b := r.take(int(n))
	if s, known := r.interned[string(b)]; known {
		return s
	}
	s := string(b)
	if r.interned == nil || len(r.interned) >= maxInterned {
		r.interned = map[string]string{}
	}
	r.interned[s] = s
	return s
}
