package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"fmt"

	"github.com/keywarden/keywarden/internal/azurelog"
)

// stateVersion is the version of the layout of a state.
const stateVersion = 1

// encode is what the first chunk has before its principals: how many chunks
// there are, the resource itself and its joins.
func (r *resource) encode(b *Batch) ([]byte, error) {
	itself, err := r.itself.encode(b)
	if err != nil {
		return nil, err
	}
	var joins []byte
	if r.place == nil {
		if joins, err = r.joins.encode(); err != nil {
			return nil, err
		}
		r.size += int64(len(joins)) - r.joins.size
		r.joins.size = int64(len(joins))
	}
	data := appendFrame(appendFrame(binary.AppendUvarint(nil, uint64(len(r.chunks))), itself), joins)
	if r.hand != nil {
		b.Incidents = append(b.Incidents, r.takeJoint()...)
		data = appendFrame(data, r.hand.encode())
	}
	return data, nil
}

// restore sets the resource to what save has made of its first chunk.
func (r *resource) restore(data []byte) error {
	f := frames{b: data}
	n, itself, joins := f.uint(), f.next(), f.next()
	if f.failed || n == 0 || n > chunksMost || n&(n-1) != 0 {
		return errState
	}
	if r.place == nil {
		if err := r.joins.decode(joins); err != nil {
			return err
		}
		r.joins.size = int64(len(joins))
		r.size += r.joins.size
	}
	if err := r.itself.restore(itself); err != nil {
		return err
	}
	if r.hand != nil {
		if err := r.hand.restore(f.next()); err != nil {
			return err
		}
	}
	r.chunks = append(r.chunks[:1], make([]*chunk, n-1)...)
	return r.restoreChunk(r.chunks[0], f.b)
}

// encode is the subject as bytes; its incidents that changed go into b.
func (s *subject) encode(b *Batch) ([]byte, error) {
	b.Incidents = append(b.Incidents, s.episode.Take()...)
	profile, err := s.profile.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	episode, err := s.episode.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	data := appendFrame(appendFrame([]byte{stateVersion}, profile), episode)
	for i, m := range s.memories {
		if m != nil {
			d := s.home.Detectors[i]
			data = appendMemory(data, saved{d.ID, d.Version, d.AppendMemory(nil, m)})
		}
	}
	for _, m := range s.foreign {
		data = appendMemory(data, m)
	}
	size := newSize + 3*int64(len(data))
	s.home.size += size - s.size
	s.size = size
	return data, nil
}

// restore sets the subject to what encode has made of it. The memory of a
// detector that is not here, or of a version that it cannot read, is kept as
// it is, and the detector starts cold.
func (s *subject) restore(data []byte) error {
	if len(data) == 0 || data[0] != stateVersion {
		return errState
	}
	f := frames{b: data[1:]}
	if err := s.profile.UnmarshalBinary(f.next()); err != nil {
		return err
	}
	if err := s.episode.UnmarshalBinary(f.next()); err != nil {
		return err
	}
	for !f.end() {
		m := saved{id: string(f.next()), version: int(f.uint()), data: f.next()}
		if f.failed {
			return errState
		}
		if !s.remember(m) {
			s.foreign = append(s.foreign, saved{m.id, m.version, bytes.Clone(m.data)})
			s.home.tally.Cold++
		}
	}
	s.guarded = s.profile.Guarded
	return nil
}

// remember gives a saved memory to its detector, and reports whether it could read it.
func (s *subject) remember(m saved) bool {
	for i, d := range s.home.Detectors {
		if d.ID == m.id {
			memory, err := d.ReadMemory(m.version, m.data)
			if err != nil {
				return false
			}
			s.memories[i] = memory
			return true
		}
	}
	return false
}

func appendMemory(b []byte, m saved) []byte {
	b = appendFrame(b, []byte(m.id))
	b = binary.AppendUvarint(b, uint64(m.version))
	return appendFrame(b, m.data)
}

// savedJoins is joins as they are saved.
type savedJoins struct {
	Hour       int64
	Young, Old []savedJoin
	Waiting    []waiting
}

type savedJoin struct {
	ID     azurelog.Correlation
	Seen   uint16
	Judged bool
	Open   *open
}

func (j *joins) encode() ([]byte, error) {
	s := savedJoins{Hour: j.hour, Young: j.list(j.young), Old: j.list(j.old), Waiting: j.waiting}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(s); err != nil {
		return nil, fmt.Errorf("encode joins: %w", err)
	}
	return b.Bytes(), nil
}

func (j *joins) list(generation map[azurelog.Correlation]join) []savedJoin {
	list := make([]savedJoin, 0, len(generation))
	for id, e := range generation {
		s := savedJoin{ID: id, Seen: e.seen, Judged: e.judged}
		if e.open != 0 {
			s.Open = &j.open[e.open-1]
		}
		list = append(list, s)
	}
	return list
}

func (j *joins) decode(data []byte) error {
	var s savedJoins
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&s); err != nil {
		return fmt.Errorf("%w: %w", errState, err)
	}
	*j = joins{hour: s.Hour, waiting: s.Waiting}
	j.young, j.old = j.index(s.Young), j.index(s.Old)
	return nil
}

func (j *joins) index(list []savedJoin) map[azurelog.Correlation]join {
	generation := make(map[azurelog.Correlation]join, len(list))
	for _, s := range list {
		e := join{seen: s.Seen, judged: s.Judged}
		if s.Open != nil {
			if s.Open.From != nil {
				s.Open.From = j.intern(s.Open.From)
			}
			e.open = j.hold(*s.Open)
		}
		generation[s.ID] = e
	}
	return generation
}

func appendFrame(b, frame []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(frame))), frame...)
}

// frames reads what appendFrame wrote.
type frames struct {
	b      []byte
	failed bool
}

func (f *frames) uint() uint64 {
	x, n := binary.Uvarint(f.b)
	if n <= 0 {
		f.b, f.failed = nil, true
		return 0
	}
	f.b = f.b[n:]
	return x
}

func (f *frames) next() []byte {
	n := f.uint()
	if n > uint64(len(f.b)) {
		f.b, f.failed = nil, true
		return nil
	}
	frame := f.b[:n]
	f.b = f.b[n:]
	return frame
}

// end reports whether all was read, and without failure.
func (f *frames) end() bool { return len(f.b) == 0 && !f.failed }
