package geo

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/geo/flat"
	"github.com/keywarden/keywarden/internal/geo/kinds"
)

// list is an operator's list of kinds of networks.
type list struct {
	v4      flat.Ranges[uint32] // values are kinds, and one more: unknown may be listed too
	v6      flat.Ranges[uint64]
	systems map[uint32]detectors.NetworkKind
}

var _ kindSource = (*list)(nil)

// parseList reads a list as Options.Anonymous describes it. An error names the line.
func parseList(r io.Reader) (*list, error) {
	var (
		v4   []flat.Span[uint32]
		v6   []flat.Span[uint64]
		l    = &list{systems: map[uint32]detectors.NetworkKind{}}
		rows = bufio.NewScanner(r)
	)
	line := 1
	for ; rows.Scan(); line++ {
		row, _, _ := strings.Cut(strings.TrimPrefix(rows.Text(), "\ufeff"), "#")
		fields := strings.Split(row, ",")
		for i := range fields {
			fields[i] = strings.Trim(fields[i], " \t\r\"")
		}
		if len(fields) == 1 && fields[0] == "" || line == 1 && strings.EqualFold(fields[0], "network") {
			continue
		}
		if len(fields) < 2 {
			return nil, fmt.Errorf("line %d: %q has no kind: write it as in \"198.51.100.0/24, tor\"", line, fields[0])
		}
		kind, err := kinds.Parse(strings.ToLower(fields[1]))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if number, isSystem := parseSystem(fields[0]); isSystem {
			l.systems[number] = kind
			continue
		}
		p, err := parsePrefix(fields[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no prefix, no address and no system: write it as in 198.51.100.0/24, 2001:db8::/32 or AS64500", line, fields[0])
		}
		if p.Addr().Is4() {
			first, last := span4(p.Addr(), p.Bits())
			v4 = append(v4, flat.Span[uint32]{First: first, Last: last, Value: uint32(kind) + 1})
		} else {
			first, last := span6(p.Addr(), p.Bits())
			v6 = append(v6, flat.Span[uint64]{First: first, Last: last, Value: uint32(kind) + 1})
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", line, err)
	}
	if len(v4)+len(v6)+len(l.systems) == 0 {
		return nil, fmt.Errorf("the list is empty: write lines as in \"198.51.100.0/24, tor\" or \"AS64500, vpn\"")
	}
	l.v4, l.v6 = flat.Flatten(v4), flat.Flatten(v6)
	return l, nil
}

func openList(path string) (kindSource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	l, err := parseList(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func parseSystem(s string) (uint32, bool) {
	if len(s) < 3 || !strings.EqualFold(s[:2], "AS") {
		return 0, false
	}
	number, err := strconv.ParseUint(s[2:], 10, 32)
	return uint32(number), err == nil && number != 0
}

// parsePrefix reads a prefix, or an address as one, unmapped.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4In6() {
		return p, err
	}
	if p.Bits() < 96 {
		return p, fmt.Errorf("%s is more than the mapped addresses", p)
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96), nil
}

// kind implements kindSource.
func (l *list) kind(addr netip.Addr, bits int, asn uint32) (detectors.NetworkKind, bool) {
	var value uint32
	if addr.Is4() {
		first, last := span4(addr, bits)
		value = only(&l.v4, first, last)
	} else {
		first, last := span6(addr, bits)
		value = only(&l.v6, first, last)
	}
	if value != 0 {
		return detectors.NetworkKind(value - 1), true
	}
	kind, listed := l.systems[asn]
	return kind, listed
}

// only is the value of all keys from first to last, 0 where they differ.
func only[K flat.Key](r *flat.Ranges[K], first, last K) uint32 {
	if span := r.Range(r.Find(first)); span.Last >= last {
		return span.Value
	}
	return 0
}
