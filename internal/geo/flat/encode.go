package flat

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"
	"time"
)

// A file is the magic, then the CRC-32C of all that follows it, then a body:
// numbers as uvarints, ascending ones as differences, texts with their lengths
// before them, values by their rank in a list of all. It is not compressed, since git and zip do that and
// inflating would take three times as long as reading it does.
const (
	magic      = "KWNETS\x00\x01" // the last byte is the layout's version
	headerSize = len(magic) + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode writes t so that Decode reads it. Equal tables give equal bytes.
func (t *Table) Encode() []byte {
	var e encoder
	e.number(uint64(t.Date.Unix()))
	e.text(t.Source)
	e.number(uint64(len(t.Country)))
	for _, code := range t.Country {
		e.number(uint64(code[0]))
		e.number(uint64(code[1]))
	}
	t.Systems.encode(&e)
	count := map[uint32]int{}
	countValues(count, t.V4)
	countValues(count, t.V6)
	values := slices.SortedFunc(maps.Keys(count), func(a, b uint32) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	e.number(uint64(len(values)))
	position := make(map[uint32]int, len(values))
	for i, v := range values {
		e.number(uint64(v))
		position[v] = i
	}
	encodeRanges(&e, t.V4, position)
	encodeRanges(&e, t.V6, position)
	return seal(e.body)
}

func seal(body []byte) []byte {
	file := binary.LittleEndian.AppendUint32([]byte(magic), crc32.Checksum(body, castagnoli))
	return append(file, body...)
}

func countValues[K Key](count map[uint32]int, r Ranges[K]) {
	for _, row := range r.rows {
		count[row.value]++
	}
}

// Decode reads what Encode wrote, and keeps a part of file. A file that is
// damaged, cut or of another version is refused.
func Decode(file string) (*Table, error) {
	if len(file) < headerSize || file[:len(magic)] != magic {
		return nil, errors.New("not a table of networks of this version")
	}
	body := file[headerSize:]
	if crc32.Checksum([]byte(body), castagnoli) != binary.LittleEndian.Uint32([]byte(file[len(magic):headerSize])) {
		return nil, errors.New("damaged table of networks: its checksum is wrong")
	}
	t, err := decodeBody(body)
	if err != nil {
		return nil, fmt.Errorf("damaged table of networks: %w", err)
	}
	return t, nil
}

func decodeBody(body string) (*Table, error) {
	d := decoder{rest: body}
	t := &Table{Date: time.Unix(int64(d.number()), 0).UTC(), Source: d.text()}
	t.Country = make([][2]byte, d.count())
	for i := range t.Country {
		t.Country[i] = [2]byte{byte(d.number()), byte(d.number())}
	}
	t.Systems.decode(&d)
	values := make([]uint32, d.count())
	for i := range values {
		v := Value(d.number())
		if v.Country() >= len(t.Country) || v.System() >= t.Systems.Len() {
			d.fail(errors.New("a value refers to what is not in the table"))
			break
		}
		values[i] = uint32(v)
	}
	t.V4 = decodeRanges[uint32](&d, values)
	t.V6 = decodeRanges[uint64](&d, values)
	if len(d.rest) > 0 {
		d.fail(fmt.Errorf("%d bytes too many", len(d.rest)))
	}
	return t, d.err
}

// encodeRanges writes the rows: the position of the value, and the difference
// of the start from the one before.
func encodeRanges[K Key](e *encoder, r Ranges[K], position map[uint32]int) {
	e.number(uint64(len(r.rows)))
	before := K(0)
	for _, row := range r.rows {
		e.number(uint64(position[row.value]))
		e.step(uint64(row.start-before), coarse[K]())
		before = row.start
	}
}

func decodeRanges[K Key](d *decoder, values []uint32) Ranges[K] {
	rows := make([]row[K], d.count())
	before := K(0)
	for i := range rows {
		position := d.number()
		step := K(d.step(coarse[K]()))
		if position >= uint64(len(values)) || (step == 0) != (i == 0) || before+step < before {
			d.fail(fmt.Errorf("range %d is broken", i))
			return Ranges[K]{}
		}
		before += step
		rows[i] = row[K]{before, values[position]}
	}
	if len(rows) == 0 {
		d.fail(errors.New("there are no ranges"))
		return Ranges[K]{}
	}
	return indexed(rows)
}

// coarse is how many lower bits of a step between keys of that type mostly are
// clear: those below a /24, or those of a /64 below a /48.
func coarse[K Key]() uint {
	if uint64(^K(0)) > math.MaxUint32 {
		return 16
	}
	return 8
}

func (s *Systems) encode(e *encoder) {
	e.number(uint64(len(s.rows) - 1))
	before := uint32(0)
	for _, row := range s.rows[1:] {
		e.number(uint64(row.number - before))
		e.number(uint64(row.kind))
		e.number(uint64(row.nameLen))
		before = row.number
	}
	e.text(s.names)
}

func (s *Systems) decode(d *decoder) {
	s.rows = make([]systemRow, d.count()+1)
	number, nameAt := uint64(0), uint64(0)
	for i := range s.rows[1:] {
		step, kind, nameLen := d.number(), d.number(), d.number()
		number += step
		if step == 0 || number > math.MaxUint32 || kind > math.MaxUint8 || nameLen > math.MaxUint16 {
			d.fail(fmt.Errorf("system %d is broken", i))
			return
		}
		s.rows[i+1] = systemRow{uint32(number), uint32(nameAt), uint16(nameLen), uint8(kind)}
		nameAt += nameLen
	}
	if s.names = d.text(); uint64(len(s.names)) != nameAt {
		d.fail(errors.New("the names are broken"))
	}
}
