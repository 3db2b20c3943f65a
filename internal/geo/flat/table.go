package flat

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Table is all that the product knows of networks by itself.
type Table struct {
	Date    time.Time // when the sources were published, in UTC
	Source  string    // who they are, in one line
	V4      Ranges[uint32]
	V6      Ranges[uint64]
	Country [][2]byte // ISO 3166-1 alpha-2 codes; the first is zero: unknown
	Systems Systems
}

// Value is what a Table's range says of its addresses; the zero Value says nothing.
type Value uint32

const (
	countryBits = 8
	weakBit     = 1 << countryBits
	systemShift = countryBits + 1
)

// NewValue is the value of addresses in the country and the system of these
// positions (country < 256, system < 1<<23). Weak says that sources differ on the country.
func NewValue(country int, weak bool, system int) Value {
	v := Value(country) | Value(system)<<systemShift
	if weak {
		v |= weakBit
	}
	return v
}

// Country is the position of the country in Table.Country.
func (v Value) Country() int { return int(v & (1<<countryBits - 1)) }

// Weak reports whether sources differ on the country.
func (v Value) Weak() bool { return v&weakBit != 0 }

// System is the position of the autonomous system in Table.Systems.
func (v Value) System() int { return int(v >> systemShift) }

// System is one autonomous system.
type System struct {
	Number uint32
	Kind   uint8 // a detectors.NetworkKind
	Name   string
}

// Systems are autonomous systems in ascending order of number; the one at
// position 0 is unknown: number 0, kind 0, no name.
type Systems struct {
	rows  []systemRow
	names string // one after the other
}

// systemRow is small, so that one has all that is read of a system.
type systemRow struct {
	number  uint32
	nameAt  uint32
	nameLen uint16
	kind    uint8
}

// NewSystems makes Systems of a list in any order, without doubles and without
// number 0. A name is cut after 65535 bytes.
func NewSystems(list []System) Systems {
	var names strings.Builder
	s := Systems{rows: make([]systemRow, 1, len(list)+1)}
	for _, system := range slices.SortedFunc(slices.Values(list), func(a, b System) int { return cmp.Compare(a.Number, b.Number) }) {
		name := system.Name[:min(len(system.Name), math.MaxUint16)]
		s.rows = append(s.rows, systemRow{system.Number, uint32(names.Len()), uint16(len(name)), system.Kind})
		names.WriteString(name)
	}
	s.names = names.String()
	return s
}

// Len is the number of systems, the unknown one included.
func (s *Systems) Len() int { return len(s.rows) }

// At is the system at position i < Len. Its name is a part of the table: no copy.
func (s *Systems) At(i int) System {
	row := &s.rows[i]
	return System{row.number, row.kind, s.names[row.nameAt:][:row.nameLen]}
}

// Kind is the kind of the system at position i < Len.
func (s *Systems) Kind(i int) uint8 { return s.rows[i].kind }

// Find is the position of the system with that number, 0 where there is none.
func (s *Systems) Find(number uint32) int {
	i, found := slices.BinarySearchFunc(s.rows, number, func(row systemRow, number uint32) int {
		return cmp.Compare(row.number, number)
	})
	if !found {
		return 0
	}
	return i
}
