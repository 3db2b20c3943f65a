package azurelog

import (
	"bytes"
	"net/netip"
)

// parseAddress reads a full or masked address, with or without a port; of
// several, the first. bits is how many bits of it are known; 0 where b is no
// address, or the unspecified one.
func parseAddress(b []byte) (address netip.Addr, bits int) {
	if i := bytes.IndexByte(b, ','); i >= 0 {
		b = b[:i]
	}
	b = bytes.TrimSpace(b)
	if address, bits = parseIPv4(b); bits == 0 {
		address, bits = parseIPv6(b)
	}
	if bits == 0 || address.IsUnspecified() {
		return netip.Addr{}, 0
	}
	return address, bits
}

// parseIPv4 reads four octets of which the last may be masked by stars or an
// x, and a port.
func parseIPv4(b []byte) (netip.Addr, int) {
	var octets [4]byte
	bits := 0
	for k := range octets {
		n, i := 0, 0
		for i < len(b) && i < 3 && b[i] >= '0' && b[i] <= '9' {
			n = n*10 + int(b[i]-'0')
			i++
		}
		switch masked := maskLength(b); {
		case i > 0 && n <= 255 && bits == 8*k:
			octets[k], bits = byte(n), bits+8
		case masked > 0:
			i = masked
		default:
			return netip.Addr{}, 0
		}
		if b = b[i:]; k < 3 {
			if len(b) == 0 || b[0] != '.' {
				return netip.Addr{}, 0
			}
			b = b[1:]
		}
	}
	if len(b) > 0 && (b[0] != ':' || digits(b[1:]) < 0) {
		return netip.Addr{}, 0
	}
	return netip.AddrFrom4(octets), bits
}

// maskLength is how many bytes at the start of b mask a part of an address.
func maskLength(b []byte) int {
	i := 0
	for i < len(b) && i < 4 && (b[i] == '*' || b[i]|0x20 == 'x') {
		i++
	}
	return i
}

// parseIPv6 reads eight groups, one run of which may be left out as "::" and
// the last of which may be masked, in brackets with a port, with a zone, or
// with an IPv4 address at its end. A mask after "::" leaves the bits before it.
func parseIPv6(b []byte) (netip.Addr, int) {
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return netip.Addr{}, 0
		}
		b = b[1:end]
	}
	if i := bytes.IndexByte(b, '%'); i >= 0 {
		b = b[:i]
	}
	var full [16]byte
	at, gap, known := 0, -1, -1
	if bytes.HasPrefix(b, []byte("::")) {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 && at < 16 {
		if at <= 12 && bytes.IndexByte(b, '.') >= 0 && bytes.IndexByte(b, ':') < 0 {
			tail, bits := parseIPv4(b)
			if bits != 32 {
				return netip.Addr{}, 0
			}
			octets := tail.As4()
			at += copy(full[at:], octets[:])
			b = nil
			break
		}
		n, i := 0, 0
		for i < len(b) && i < 4 && hexDigit(b[i]) < 16 {
			n = n<<4 | int(hexDigit(b[i]))
			i++
		}
		switch masked := maskLength(b); {
		case i > 0 && known < 0:
			full[at], full[at+1] = byte(n>>8), byte(n)
		case masked > 0:
			if i = masked; known < 0 {
				known = at
			}
		default:
			return netip.Addr{}, 0
		}
		at += 2
		if b = b[i:]; len(b) == 0 {
			break
		}
		if b[0] != ':' {
			return netip.Addr{}, 0
		}
		if b = b[1:]; len(b) > 0 && b[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, 0
			}
			gap, b = at, b[1:]
		} else if len(b) == 0 {
			return netip.Addr{}, 0
		}
	}
	switch {
	case len(b) > 0, at < 16 && gap < 0, at == 16 && gap >= 0:
		return netip.Addr{}, 0
	case known >= 0 && gap >= 0:
		known = min(known, gap)
		clear(full[known:])
	case gap >= 0:
		copy(full[16-(at-gap):], full[gap:at])
		clear(full[gap : 16-(at-gap)])
	}
	address := netip.AddrFrom16(full)
	if address.Is4In6() {
		return address.Unmap(), 32
	}
	if known >= 0 {
		return address, 8 * known
	}
	return address, 128
}
