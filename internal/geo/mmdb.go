package geo

import (
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/keywarden/keywarden/detectors"
)

// maxRecords is how many records a masked address may span in a file; of one
// that spans more, the file is not asked.
const maxRecords = 256

// file is a file in MaxMind's format.
type file struct{ reader *maxminddb.Reader }

// openFile opens the file at path if one of its first records has what fits
// looks for; contents says in a word what that is.
func openFile(path, contents, want string, fits func(maxminddb.Result) bool) (file, error) {
	reader, err := maxminddb.Open(path)
	if err != nil {
		return file{}, fmt.Errorf("%s: %w: give a file in MaxMind's format (.mmdb)", path, err)
	}
	seen := 0
	for record := range reader.Networks() {
		if fits(record) {
			return file{reader}, nil
		}
		if seen++; seen == 10_000 {
			break
		}
	}
	kind := reader.Metadata.DatabaseType
	if err := reader.Close(); err != nil {
		return file{}, fmt.Errorf("%s: %w", path, err)
	}
	return file{}, fmt.Errorf("%s is a file of the type %q, which has no %s: give %s", path, kind, contents, want)
}

// each hands to see the records that may be of addr, of which bits bits are
// shown, with a measure of how many addresses each has; those without data
// too. It reports whether these were all.
func (f file) each(addr netip.Addr, bits int, see func(record maxminddb.Result, length uint64)) bool {
	all := netip.PrefixFrom(addr, bits).Masked()
	at := all.Addr()
	for range maxRecords {
		record := f.reader.Lookup(at)
		if record.Err() != nil {
			return false
		}
		p := record.Prefix()
		if p.Addr().Is4() != addr.Is4() || p.Bits() <= bits {
			see(record, 1)
			return true
		}
		see(record, 1<<min(63, addr.BitLen()-p.Bits()))
		if at = lastOf(p).Next(); !at.IsValid() || !all.Contains(at) {
			return true
		}
	}
	return false
}

// lastOf is the last address of p.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// countryFile tells countries.
type countryFile struct {
	file
	path []any // of the code in a record
}

// countryPaths are where the records of MaxMind and DB-IP, and of others, have the code.
var countryPaths = [][]any{{"country", "iso_code"}, {"country_code"}}

func openCountries(path string) (*countryFile, error) {
	var c countryFile
	f, err := openFile(path, "countries", "one of the kind City or Country", func(record maxminddb.Result) bool {
		for _, c.path = range countryPaths {
			if c.country(record).Known() {
				return true
			}
		}
		return false
	})
	c.file = f
	return &c, err
}

// find is what the file says of the country of addr, and whether it says anything.
func (c *countryFile) find(addr netip.Addr, bits int) (claim, bool) {
	var all common
	whole := c.each(addr, bits, func(record maxminddb.Result, length uint64) {
		all.add(claim{country: c.country(record)}, length)
	})
	return all.agreed(isNarrow(addr, bits)), whole && all.country.Known()
}

func (c *countryFile) country(record maxminddb.Result) detectors.Country {
	var code string
	if err := record.DecodePath(&code, c.path...); err != nil || len(code) != 2 || code == "ZZ" {
		return detectors.Country{}
	}
	return detectors.Country{code[0], code[1]}
}

// systemFile tells autonomous systems.
type systemFile struct{ file }

// systemRecord is what a record of MaxMind or DB-IP says of a system.
type systemRecord struct {
	Number       uint32 `maxminddb:"autonomous_system_number"`
	Organization string `maxminddb:"autonomous_system_organization"`
}

func openSystems(path string) (*systemFile, error) {
	f, err := openFile(path, "autonomous systems", "one of the kind ASN or ISP", func(record maxminddb.Result) bool {
		var system systemRecord
		return record.Decode(&system) == nil && system.Number != 0
	})
	return &systemFile{f}, err
}

// find is what the file says of the system of addr, its name, and whether it
// says anything. The system is its number.
func (s *systemFile) find(t *Tables, addr netip.Addr, bits int) (c claim, name string, known bool) {
	var all common
	whole := s.each(addr, bits, func(record maxminddb.Result, length uint64) {
		var system systemRecord
		if err := record.Decode(&system); err != nil || system.Number == 0 {
			return
		}
		kind := t.table.Systems.Kind(t.table.Systems.Find(system.Number))
		all.add(claim{system: system.Number, kind: detectors.NetworkKind(kind)}, length)
		name = system.Organization
	})
	if c = all.agreed(isNarrow(addr, bits)); c.system == 0 {
		name = ""
	}
	return c, name, whole && all.system != 0
}

// anonymousFile tells kinds by the flags of MaxMind's Anonymous IP.
type anonymousFile struct{ file }

type anonymousRecord struct {
	Anonymous        bool `maxminddb:"is_anonymous"`
	VPN              bool `maxminddb:"is_anonymous_vpn"`
	Hosting          bool `maxminddb:"is_hosting_provider"`
	PublicProxy      bool `maxminddb:"is_public_proxy"`
	ResidentialProxy bool `maxminddb:"is_residential_proxy"`
	TorExit          bool `maxminddb:"is_tor_exit_node"`
}

func openAnonymous(path string) (kindSource, error) {
	f, err := openFile(path, "anonymous networks", "one of the kind Anonymous IP, or a text of networks", func(record maxminddb.Result) bool {
		return anonymousKind(record) != detectors.NetworkUnknown
	})
	return &anonymousFile{f}, err
}

func anonymousKind(record maxminddb.Result) detectors.NetworkKind {
	var r anonymousRecord
	switch err := record.Decode(&r); {
	case err != nil:
		return detectors.NetworkUnknown
	case r.TorExit:
		return detectors.Tor
	case r.VPN || r.PublicProxy || r.ResidentialProxy:
		return detectors.VPN
	case r.Hosting:
		return detectors.Hosting
	case r.Anonymous:
		return detectors.VPN
	}
	return detectors.NetworkUnknown
}

// kind implements kindSource: of a masked address only where all that it may
// be is of one kind.
func (a *anonymousFile) kind(addr netip.Addr, bits int, _ uint32) (detectors.NetworkKind, bool) {
	kind, records, same := detectors.NetworkUnknown, 0, true
	whole := a.each(addr, bits, func(record maxminddb.Result, _ uint64) {
		k := detectors.NetworkUnknown
		if record.Found() {
			k = anonymousKind(record)
		}
		same = same && (records == 0 || k == kind)
		kind, records = k, records+1
	})
	return kind, whole && same && kind != detectors.NetworkUnknown
}
