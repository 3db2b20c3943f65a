// Package geo says where an address is: its country, the autonomous system
// that announces it, who runs that, and what sort of customers it has.
//
// It knows that by itself, of a table that is part of the program and states
// its Date; files in MaxMind's format and lists of an operator's own take over
// from it by Open. What no source knows stays unknown: a zero country, system
// or kind is never a guess, and a country on which the sources differ, or that
// only one of them knows, is marked weak.
//
// The table is made by the command in build; package flat is its layout, and
// package kinds tells the kinds of networks. Its IPv6 resolution is a /64.
package geo

import (
	_ "embed"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/geo/flat"
)

//go:embed networks.bin
var networks string

var embedded = sync.OnceValues(func() (*flat.Table, error) { return flat.Decode(networks) })

// Tables locates addresses. It may be used by any number of goroutines.
type Tables struct {
	table *flat.Table
	user  *userFiles // nil where the table alone answers
}

// Embedded is the Tables of the program's own table, which is read once.
func Embedded() (*Tables, error) {
	table, err := embedded()
	if err != nil {
		return nil, fmt.Errorf("embedded networks: %w: get a fresh copy of the program", err)
	}
	return &Tables{table: table}, nil
}

// Date is when the sources of the embedded table were published.
func (t *Tables) Date() time.Time { return t.table.Date }

// Age is how old the embedded table is at now; networks move by some percent a month.
func (t *Tables) Age(now time.Time) time.Duration { return now.Sub(t.table.Date) }

// Source names the sources of the embedded table and their licences, in one line.
func (t *Tables) Source() string { return t.table.Source }

// Locate says what is known of addr, of which the log shows the first bits
// bits, as in 24 of "203.0.113.***".
//
// Prefix is the address's /24 or /48, or what is shown of it where that is
// less; Address is set only where all of it is shown. Of a masked address that
// is said which holds for all that it may be, as far as anything is known of
// them: where the countries differ within a /24 or /48, Country is the one
// with the longest range, the first of equals, and weak, within a shorter
// prefix it is unknown; the system, and the kind, are unknown where they differ.
//
// An IPv4 address mapped into IPv6 is the IPv4 address. No bits, or no
// address, is the zero Network. Of private, shared and reserved addresses only
// the prefix is known, unless an operator's own file says more.
func (t *Tables) Locate(addr netip.Addr, bits int) (n detectors.Network) {
	addr, bits = shown(addr, bits)
	if bits <= 0 {
		return n
	}
	n.Prefix = prefix(addr, bits)
	if bits == addr.BitLen() {
		n.Address = addr
	}
	t.fill(&n, t.claim(addr, bits))
	if t.user != nil {
		t.user.refine(&n, t, addr, bits)
	}
	return n
}

// fill says in n what the embedded table claims.
func (t *Tables) fill(n *detectors.Network, c claim) {
	system := t.table.Systems.At(int(c.system))
	n.Country, n.Weak, n.Kind = c.country, c.weak, c.kind
	n.ASN, n.Organization = system.Number, system.Name
}

// Networks yields the prefixes of which the embedded table knows the country
// or the system, with what it knows, IPv4 first, in ascending order. The
// Network's own Prefix and Address are not set. Operators' files do not count.
func (t *Tables) Networks(yield func(netip.Prefix, detectors.Network) bool) {
	_ = networksOf(t, t.table.V4, yield) && networksOf(t, t.table.V6, yield)
}

// networksOf yields a column's networks and reports whether more are wanted.
func networksOf[K flat.Key](t *Tables, column flat.Ranges[K], yield func(netip.Prefix, detectors.Network) bool) bool {
	for i := range column.Len() {
		span := column.Range(i)
		if span.Value == 0 {
			continue
		}
		var n detectors.Network
		t.fill(&n, t.claimOf(span.Value))
		for p := range prefixes(span.First, span.Last) {
			if !yield(p, n) {
				return false
			}
		}
	}
	return true
}
