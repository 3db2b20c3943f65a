package epk

import (
	"encoding/binary"
	"math/bits"
)

// sum32 is MurmurHash3_x86_32 with seed 0.
func sum32(data []byte) uint32 {
	const c1, c2 = 0xcc9e2d51, 0x1b873593
	var h uint32
	rest := data
	for ; len(rest) >= 4; rest = rest[4:] {
		k := binary.LittleEndian.Uint32(rest) * c1
		h ^= bits.RotateLeft32(k, 15) * c2
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	if len(rest) > 0 {
		var tail [4]byte
		copy(tail[:], rest)
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(tail[:])*c1, 15) * c2
	}
	h ^= uint32(len(data))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// Sum128 is MurmurHash3_x64_128 with seed 0, as a big-endian number.
func Sum128(data []byte) [16]byte {
	var h1, h2 uint64
	rest := data
	for ; len(rest) >= 16; rest = rest[16:] {
		h1 ^= mixLow(binary.LittleEndian.Uint64(rest))
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= mixHigh(binary.LittleEndian.Uint64(rest[8:]))
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	var tail [16]byte
	copy(tail[:], rest)
	h1 ^= mixLow(binary.LittleEndian.Uint64(tail[:]))
	h2 ^= mixHigh(binary.LittleEndian.Uint64(tail[8:]))

	h1 ^= uint64(len(data))
	h2 ^= uint64(len(data))
	h1 += h2
	h2 += h1
	h1, h2 = avalanche(h1), avalanche(h2)
	h1 += h2
	h2 += h1

	var sum [16]byte
	binary.BigEndian.PutUint64(sum[:], h2)
	binary.BigEndian.PutUint64(sum[8:], h1)
	return sum
}

const (
	c128a = 0x87c37b91114253d5
	c128b = 0x4cf5ad432745937f
)

func mixLow(k uint64) uint64  { return bits.RotateLeft64(k*c128a, 31) * c128b }
func mixHigh(k uint64) uint64 { return bits.RotateLeft64(k*c128b, 33) * c128a }

func avalanche(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
