package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/keywarden/keywarden/internal/geo/flat"
)

// source is what one package says of both families of addresses.
type source struct {
	v4 []flat.Span[uint32]
	v6 []flat.Span[uint64]
}

// add says that the addresses from first to last, both included, have value.
func (s *source) add(first, last netip.Addr, value uint32) error {
	switch {
	case first.Is4() && last.Is4() && first.Compare(last) <= 0:
		s.v4 = append(s.v4, flat.Span[uint32]{First: key4(first), Last: key4(last), Value: value})
	case first.Is6() && last.Is6() && first.Compare(last) <= 0:
		s.v6 = append(s.v6, flat.Span[uint64]{First: key6(first), Last: key6(last), Value: value})
	default:
		return fmt.Errorf("%s to %s is no range of addresses", first, last)
	}
	return nil
}

func (s *source) addPrefix(p netip.Prefix, value uint32) error {
	last := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	end, _ := netip.AddrFromSlice(last)
	return s.add(p.Masked().Addr(), end, value)
}

func key4(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func key6(a netip.Addr) uint64 { b := a.As16(); return binary.BigEndian.Uint64(b[:8]) }

// readCSV hands the rows "first,last,…" of an ip-location-db file to value,
// and adds their ranges with what it returns.
func (s *source) readCSV(file []byte, value func(fields []string) (uint32, error)) error {
	if len(file) == 0 {
		return errors.New("the package has no such file")
	}
	rows := csv.NewReader(bytes.NewReader(file))
	rows.ReuseRecord = true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(row) < 3 {
			return fmt.Errorf("row %q has no value", row)
		}
		first, err1 := netip.ParseAddr(row[0])
		last, err2 := netip.ParseAddr(row[1])
		v, err3 := value(row[2:])
		if err := cmp.Or(err1, err2, err3); err != nil {
			return err
		}
		if err := s.add(first, last, v); err != nil {
			return err
		}
	}
}

// readCountries reads the CSV files of countries.
func readCountries(files ...[]byte) (source, error) {
	var s source
	for _, file := range files {
		if err := s.readCSV(file, func(fields []string) (uint32, error) { return country(fields[0]), nil }); err != nil {
			return s, err
		}
	}
	return s, nil
}

// readCountryMMDB reads a MaxMind-format file whose records have a country_code.
func readCountryMMDB(file []byte) (source, error) {
	var s source
	reader, err := maxminddb.OpenBytes(file)
	if err != nil {
		return s, err
	}
	for network := range reader.Networks() {
		var code string
		if err := network.DecodePath(&code, "country_code"); err != nil {
			return s, err
		}
		if err := s.addPrefix(network.Prefix(), country(code)); err != nil {
			return s, err
		}
	}
	return s, nil
}

// readSystems reads the CSV files of autonomous systems: ranges with the
// number as value, and each number's name.
func readSystems(files ...[]byte) (source, map[uint32]string, error) {
	var s source
	names := map[uint32]string{}
	for _, file := range files {
		err := s.readCSV(file, func(fields []string) (uint32, error) {
			number, err := strconv.ParseUint(fields[0], 10, 32)
			if len(fields) > 1 && names[uint32(number)] == "" {
				names[uint32(number)] = fields[1]
			}
			return uint32(number), err
		})
		if err != nil {
			return s, nil, err
		}
	}
	return s, names, nil
}

// country is a code of two letters as a number; 0 for what is no country.
func country(code string) uint32 {
	switch code {
	case "", "ZZ", "XX", "EU", "AP", "AN": // unknown, regions, and a country that is no more
		return 0
	}
	if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
		return 0
	}
	return uint32(code[0])<<8 | uint32(code[1])
}
