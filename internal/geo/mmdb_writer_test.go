package geo

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// record is one network of a test's file in MaxMind's format, with its data: a
// map of strings, bools, uint32s and such maps.
type record struct {
	prefix string
	data   map[string]any
}

// writeMMDB writes a file of that type, for IPv4 and IPv6, with records of 24
// bits as MaxMind's specification 2.0 has them, and returns its path.
func writeMMDB(t testing.TB, databaseType string, records ...record) string {
	t.Helper()
	const empty = -1
	nodes := [][2]int{{empty, empty}}
	var data []byte
	leaf := map[[2]int]int{} // node and bit → offset in data
	for _, r := range records {
		p := netip.MustParsePrefix(r.prefix)
		key, length := p.Addr().As16(), p.Bits()
		if p.Addr().Is4() {
			key, length = [16]byte{12: p.Addr().As4()[0], 13: p.Addr().As4()[1], 14: p.Addr().As4()[2], 15: p.Addr().As4()[3]}, length+96
		}
		node := 0
		for bit := range length {
			side := int(key[bit/8]>>(7-bit%8)) & 1
			if bit == length-1 {
				leaf[[2]int{node, side}] = len(data)
				break
			}
			if nodes[node][side] == empty {
				nodes[node][side] = len(nodes)
				nodes = append(nodes, [2]int{empty, empty})
			}
			node = nodes[node][side]
		}
		data = appendValue(data, r.data)
	}
	var file []byte
	for i, node := range nodes {
		for side, next := range node {
			if offset, isLeaf := leaf[[2]int{i, side}]; isLeaf {
				next = len(nodes) + 16 + offset
			} else if next == empty {
				next = len(nodes)
			}
			file = append(file, byte(next>>16), byte(next>>8), byte(next))
		}
	}
	file = append(file, make([]byte, 16)...)
	file = append(file, data...)
	file = append(file, "\xab\xcd\xefMaxMind.com"...)
	file = appendValue(file, map[string]any{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"build_epoch": uint64(1_750_000_000), "database_type": databaseType, "description": map[string]any{},
		"ip_version": uint16(6), "node_count": uint32(len(nodes)), "record_size": uint16(24),
	})
	path := filepath.Join(t.TempDir(), databaseType+".mmdb")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// appendValue appends v as MaxMind's format has it; texts and maps are short.
func appendValue(b []byte, v any) []byte {
	head := func(kind, size int) {
		if kind < 8 {
			b = append(b, byte(kind<<5|size))
		} else {
			b = append(b, byte(size), byte(kind-7))
		}
	}
	switch v := v.(type) {
	case string:
		if len(v) < 29 {
			head(2, len(v))
		} else {
			head(2, 29)
			b = append(b, byte(len(v)-29))
		}
		b = append(b, v...)
	case uint16:
		head(5, 2)
		b = binary.BigEndian.AppendUint16(b, v)
	case uint32:
		head(6, 4)
		b = binary.BigEndian.AppendUint32(b, v)
	case uint64:
		head(9, 8)
		b = binary.BigEndian.AppendUint64(b, v)
	case bool:
		size := 0
		if v {
			size = 1
		}
		head(14, size)
	case map[string]any:
		head(7, len(v))
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			b = appendValue(appendValue(b, key), v[key])
		}
	default:
		panic(fmt.Sprintf("no such type in the format: %T", v))
	}
	return b
}

func inCountry(code string) map[string]any {
	return map[string]any{"country": map[string]any{"iso_code": code}}
}

func ofSystem(number uint32, name string) map[string]any {
	return map[string]any{"autonomous_system_number": number, "autonomous_system_organization": name}
}
