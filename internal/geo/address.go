package geo

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"net/netip"

	"github.com/keywarden/keywarden/internal/geo/flat"
)

// shown is the address without zone and mapping, and how many bits of it are
// shown: 0 where none are.
func shown(addr netip.Addr, bits int) (netip.Addr, int) {
	if addr.Is4In6() {
		addr = addr.Unmap()
		if bits > 32 {
			bits -= 96
		}
	}
	return addr.WithZone(""), min(bits, addr.BitLen())
}

// prefix is the /24 or /48 of addr, or what is shown of it.
func prefix(addr netip.Addr, bits int) netip.Prefix {
	finest := 48
	if addr.Is4() {
		finest = 24
	}
	return netip.PrefixFrom(addr, min(bits, finest)).Masked()
}

// isNarrow reports whether all that addr may be is in one /24 or /48.
func isNarrow(addr netip.Addr, bits int) bool {
	if addr.Is4() {
		return bits >= 24
	}
	return bits >= 48
}

// span4 is the keys that an IPv4 address may have of which bits bits are shown.
func span4(addr netip.Addr, bits int) (first, last uint32) {
	b := addr.As4()
	hidden := uint32(1)<<(32-bits) - 1
	key := binary.BigEndian.Uint32(b[:])
	return key &^ hidden, key | hidden
}

// span6 is the same of an IPv6 address; what is below its /64 does not count.
func span6(addr netip.Addr, bits int) (first, last uint64) {
	b := addr.As16()
	hidden := uint64(1)<<(64-min(bits, 64)) - 1
	key := binary.BigEndian.Uint64(b[:8])
	return key &^ hidden, key | hidden
}

// prefixes are the longest prefixes that the keys from first to last make up.
func prefixes[K flat.Key](first, last K) iter.Seq[netip.Prefix] {
	width := bits.Len64(uint64(^K(0)))
	return func(yield func(netip.Prefix) bool) {
		for {
			free := min(width, bits.TrailingZeros64(uint64(first)))
			for free > 0 && (free == width && last != ^K(0) || free < width && last-first < 1<<free-1) {
				free--
			}
			if !yield(prefixOf(uint64(first), width, free)) {
				return
			}
			size := K(1)<<free - 1
			if last-first <= size {
				return
			}
			first += size + 1
		}
	}
}

// prefixOf is the prefix of a key of width bits of which the last free are free.
func prefixOf(key uint64, width, free int) netip.Prefix {
	if width == 32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(key))
		return netip.PrefixFrom(netip.AddrFrom4(b), width-free)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], key)
	return netip.PrefixFrom(netip.AddrFrom16(b), width-free)
}
