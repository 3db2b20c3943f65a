package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/geo/flat"
	"github.com/keywarden/keywarden/internal/geo/kinds"
)

// sourceLine is what the product says where it is asked for the sources.
const sourceLine = "ip-location-db " + version + ": RouteViews, NRO, DB-IP (CC BY 4.0), IPtoASN (PDDL), GeoFeed and Whois (CC0)"

// special are addresses that belong to nobody in particular (IANA's registries
// of special-purpose addresses, multicast): whatever a source says of them is
// about something else than a caller.
var special = []string{
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/3", "::/3", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "4000::/2", "8000::/1",
}

// build makes the table of the packages in the folder downloads.
func build(downloads string) (*flat.Table, error) {
	var files [3]map[string][]byte
	for i, p := range []npmPackage{systemsPackage, registryPackage, routingPackage} {
		var err error
		if files[i], err = p.files(downloads); err != nil {
			return nil, err
		}
	}
	systems, names, err := readSystems(files[0]["asn-ipv4.csv"], files[0]["asn-ipv6.csv"])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", systemsPackage.Name, err)
	}
	registry, err := readCountries(files[1]["geo-whois-asn-country-ipv4.csv"], files[1]["geo-whois-asn-country-ipv6.csv"])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", registryPackage.Name, err)
	}
	routing, err := readCountryMMDB(files[2]["iptoasn-country.mmdb"])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", routingPackage.Name, err)
	}
	date, err := systemsPackage.published()
	if err != nil {
		return nil, err
	}
	classifier, err := kinds.Embedded()
	if err != nil {
		return nil, err
	}

	t := &flat.Table{Date: date, Source: sourceLine, Country: countries(registry, routing)}
	list := make([]flat.System, 0, len(names))
	for number, name := range names {
		if number != 0 {
			list = append(list, flat.System{Number: number, Kind: uint8(classifier.Kind(number, name)), Name: name})
		}
	}
	t.Systems = flat.NewSystems(list)

	var reserved source
	for _, p := range special {
		if err := reserved.addPrefix(netip.MustParsePrefix(p), 1); err != nil {
			return nil, err
		}
	}
	t.V4 = merge(t, systems.v4, registry.v4, routing.v4, reserved.v4)
	t.V6 = merge(t, systems.v6, registry.v6, routing.v6, reserved.v6)
	return t, nil
}

// merge makes a column of values of what the sources say. Where only one of
// them knows a country, or they differ, the country is weak; the registries,
// which hold the owners' own statements, come first.
func merge[K flat.Key](t *flat.Table, systems, registry, routing, reserved []flat.Span[K]) flat.Ranges[K] {
	position := map[uint32]int{}
	for i, code := range t.Country {
		position[country(string(code[:]))] = i
	}
	all := flat.Combine(flat.Flatten(systems), flat.Flatten(registry), flat.Flatten(routing), func(system, a, b uint32) uint32 {
		code := a
		if a == 0 {
			code = b
		}
		return uint32(flat.NewValue(position[code], a != b, t.Systems.Find(system)))
	})
	return flat.Combine(all, flat.Flatten(reserved), flat.Flatten[K](nil), func(value, reserved, _ uint32) uint32 {
		return value * (1 - reserved)
	})
}

// countries are the codes that occur, in order, the unknown one first.
func countries(sources ...source) [][2]byte {
	codes := []uint32{0}
	for _, s := range sources {
		for _, span := range s.v4 {
			codes = append(codes, span.Value)
		}
		for _, span := range s.v6 {
			codes = append(codes, span.Value)
		}
	}
	slices.Sort(codes)
	var list [][2]byte
	for _, c := range slices.Compact(codes) {
		list = append(list, [2]byte{byte(c >> 8), byte(c)})
	}
	return list
}

// shares says how much of the IPv4 addresses that have a system is of which
// kind, and how much of it has a weak country.
func shares(t *flat.Table) string {
	var total, weak uint64
	kind := map[detectors.NetworkKind]uint64{}
	for i := range t.V4.Len() {
		span := t.V4.Range(i)
		value, n := flat.Value(span.Value), uint64(span.Last-span.First)+1
		if value.System() == 0 {
			continue
		}
		total += n
		kind[detectors.NetworkKind(t.Systems.At(value.System()).Kind)] += n
		if value.Weak() {
			weak += n
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "IPv4 with a system: %.2f of all; country weak %.1f%%\n", float64(total)/(1<<32), 100*float64(weak)/float64(total))
	for k := detectors.NetworkUnknown; k <= detectors.Tor; k++ {
		fmt.Fprintf(&b, "%-12s%5.1f%%\n", k, 100*float64(kind[k])/float64(total))
	}
	return b.String()
}
