package stat

import (
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
)

// Distinct counts distinct values by their 64-bit hashes in 256 bytes: exactly
// up to 64 values (but for collisions of 32 bits of the hash), beyond that as
// a HyperLogLog of 256 registers, whose standard error is 1.04/√256 = 6.5 %
// (Flajolet et al. 2007). The zero Distinct is empty. It is of fixed size.
type Distinct struct {
	Size uint16 // how many values are in Data, or sketched
	Data [registers]byte
}

const (
	registers = 256
	exact     = registers / 4
	sketched  = math.MaxUint16
)

// Add counts a value by its hash and reports whether the estimate may have changed.
func (d *Distinct) Add(hash uint64) bool {
	short := uint32(hash)
	if d.Size == sketched {
		return d.sketch(short)
	}
	for i := range int(d.Size) {
		if binary.LittleEndian.Uint32(d.Data[4*i:]) == short {
			return false
		}
	}
	if d.Size < exact {
		binary.LittleEndian.PutUint32(d.Data[4*d.Size:], short)
		d.Size++
		return true
	}
	old := d.Data
	d.Data, d.Size = [registers]byte{}, sketched
	for i := range exact {
		d.sketch(binary.LittleEndian.Uint32(old[4*i:]))
	}
	d.sketch(short)
	return true
}

// Mix makes a hash of a number: every bit of x changes half of the bits (the
// step and the finalizer of SplitMix64).
func Mix(x uint64) uint64 {
	z := x + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// MixString makes a hash of a text (FNV-1a, then Mix).
func MixString(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return Mix(h)
}

// MixPrefix makes a hash of a network's address.
func MixPrefix(p netip.Prefix) uint64 {
	b := p.Addr().As16()
	return Mix(binary.BigEndian.Uint64(b[:8]) ^ Mix(binary.BigEndian.Uint64(b[8:])))
}

func (d *Distinct) sketch(short uint32) bool {
	hash := Mix(uint64(short))
	register := hash >> 56
	rank := byte(bits.LeadingZeros64(hash<<8|1<<7)) + 1
	if d.Data[register] >= rank {
		return false
	}
	d.Data[register] = rank
	return true
}

// Count is how many distinct values were added.
func (d *Distinct) Count() float64 {
	if d.Size != sketched {
		return float64(d.Size)
	}
	sum, zeros := 0.0, 0.0
	for _, rank := range d.Data {
		sum += math.Ldexp(1, -int(rank))
		if rank == 0 {
			zeros++
		}
	}
	estimate := 0.7213 / (1 + 1.079/registers) * registers * registers / sum
	if estimate <= 2.5*registers && zeros > 0 {
		return registers * math.Log(registers/zeros) // linear counting
	}
	return estimate
}
