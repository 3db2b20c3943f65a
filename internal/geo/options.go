package geo

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// Options names an operator's own files; "" where there is none. They stay
// open, so a newer one takes an older one's place by renaming, and counts from
// the next Open on. Of an address that a file says nothing of, the embedded
// table's answer holds; of one whose record is damaged, too.
type Options struct {
	// City is a file in MaxMind's format whose records name the country, of
	// the kind City, Country or Enterprise, of MaxMind, DB-IP or others. Its
	// countries are not weak.
	City string

	// ASN is a file in MaxMind's format whose records name the autonomous
	// system and its organization.
	ASN string

	// Anonymous says the kinds of networks, before all other sources: a file
	// in MaxMind's format of the kind Anonymous IP, whose name ends in
	// ".mmdb", or else a text. Of a masked address either says the kind only
	// where it is that of all that the address may be, so a list of single
	// addresses says nothing of a /24.
	//
	// The text has one network a line, a prefix, an address or a system, then
	// a comma and its kind, as in "198.51.100.0/24, tor" or "AS64500, vpn".
	// Further columns, empty lines and what follows a # are ignored, and so is
	// a first line "network,kind". The longest prefix that holds an address
	// decides, before its system; of a prefix that is listed twice the later
	// line. An IPv6 prefix longer than a /64 counts as its /64.
	Anonymous string
}

// Open is Embedded with an operator's files, which go before the embedded table.
func Open(o Options) (*Tables, error) {
	t, err := Embedded()
	if err != nil || o == (Options{}) {
		return t, err
	}
	u := &userFiles{}
	if o.City != "" {
		if u.countries, err = openCountries(o.City); err != nil {
			return nil, fmt.Errorf("open countries of addresses: %w", err)
		}
	}
	if o.ASN != "" {
		if u.systems, err = openSystems(o.ASN); err != nil {
			return nil, fmt.Errorf("open systems of addresses: %w", err)
		}
	}
	if o.Anonymous != "" {
		if u.kinds, err = openKinds(o.Anonymous); err != nil {
			return nil, fmt.Errorf("open kinds of networks: %w", err)
		}
	}
	t.user = u
	return t, nil
}

func openKinds(path string) (kindSource, error) {
	if strings.EqualFold(filepath.Ext(path), ".mmdb") {
		return openAnonymous(path)
	}
	return openList(path)
}

// userFiles are an operator's files; each may be nil.
type userFiles struct {
	countries *countryFile
	systems   *systemFile
	kinds     kindSource
}

// kindSource says the kind of the network that holds addr, of which bits bits
// are shown, and that asn announces; false where it does not say.
type kindSource interface {
	kind(addr netip.Addr, bits int, asn uint32) (detectors.NetworkKind, bool)
}

// refine puts what the files say in the place of what the embedded table says.
func (u *userFiles) refine(n *detectors.Network, t *Tables, addr netip.Addr, bits int) {
	if u.countries != nil {
		if c, known := u.countries.find(addr, bits); known {
			n.Country, n.Weak = c.country, c.weak
		}
	}
	if u.systems != nil {
		if c, name, known := u.systems.find(t, addr, bits); known {
			n.ASN, n.Organization, n.Kind = c.system, name, c.kind
		}
	}
	if u.kinds != nil {
		if kind, known := u.kinds.kind(addr, bits, n.ASN); known {
			n.Kind = kind
		}
	}
}
