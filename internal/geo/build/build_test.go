package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/geo/flat"
)

// pack writes a package with one file into dir and pins it.
func pack(t *testing.T, dir, name, text string) npmPackage {
	t.Helper()
	var packed bytes.Buffer
	zipper := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipper)
	if err := archive.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o600, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := archive.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipper.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(packed.Bytes())
	p := npmPackage{"@example/data", "1.0.2026061719", "sha512-" + base64.StdEncoding.EncodeToString(sum[:])}
	if err := os.WriteFile(filepath.Join(dir, "example-data-1.0.2026061719.tgz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPackage(t *testing.T) {
	dir := t.TempDir()
	p := pack(t, dir, "data.csv", "hello")
	t.Run("its_files", func(t *testing.T) {
		files, err := p.files(dir)
		if err != nil || string(files["data.csv"]) != "hello" {
			t.Errorf("got %q, %v", files, err)
		}
	})
	t.Run("another_hash_is_refused", func(t *testing.T) {
		p := p
		p.Integrity = "sha512-" + strings.Repeat("A", 86) + "=="
		if _, err := p.files(dir); err == nil || !strings.Contains(err.Error(), "is not the pinned package") {
			t.Error(err)
		}
	})
	t.Run("its_hour", func(t *testing.T) {
		got, err := p.published()
		if want := time.Date(2026, 6, 17, 19, 0, 0, 0, time.UTC); err != nil || !got.Equal(want) {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
}

func TestReadSystems(t *testing.T) {
	s, names, err := readSystems(
		[]byte("1.0.0.0,1.0.0.255,13335,\"Cloudflare, Inc.\"\n1.0.4.0,1.0.7.255,38803,Gtelecom Pty Ltd\n"),
		[]byte("2001:200::,2001:200:1b9:ffff:ffff:ffff:ffff:ffff,2500,WIDE Project\n"))
	if err != nil {
		t.Fatal(err)
	}
	wantV4 := []flat.Span[uint32]{{First: 0x01000000, Last: 0x010000ff, Value: 13335}, {First: 0x01000400, Last: 0x010007ff, Value: 38803}}
	wantV6 := []flat.Span[uint64]{{First: 0x2001020000000000, Last: 0x2001020001b9ffff, Value: 2500}}
	wantNames := map[uint32]string{13335: "Cloudflare, Inc.", 38803: "Gtelecom Pty Ltd", 2500: "WIDE Project"}
	if diff := cmp.Diff(wantV4, s.v4) + cmp.Diff(wantV6, s.v6) + cmp.Diff(wantNames, names); diff != "" {
		t.Error(diff)
	}
}

func TestReadCSV_refuses(t *testing.T) {
	for name, file := range map[string]string{
		"no_file":      "",
		"no_value":     "1.0.0.0,1.0.0.255\n",
		"no_address":   "1.0.0.x,1.0.0.255,AU\n",
		"mixed_family": "1.0.0.0,2001::,AU\n",
		"backwards":    "1.0.0.9,1.0.0.1,AU\n",
		"broken_quote": "1.0.0.0,1.0.0.1,\"AU\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readCountries([]byte(file)); err == nil {
				t.Error("it was read")
			}
		})
	}
}

func TestMerge(t *testing.T) {
	de, fr := country("DE"), country("FR")
	table := &flat.Table{Country: [][2]byte{{}, {'D', 'E'}, {'F', 'R'}}, Systems: flat.NewSystems([]flat.System{{Number: 7, Name: "Seven"}})}
	merged := merge(table,
		[]flat.Span[uint32]{{First: 0, Last: 99, Value: 7}},
		[]flat.Span[uint32]{{First: 10, Last: 59, Value: de}},
		[]flat.Span[uint32]{{First: 10, Last: 29, Value: de}, {First: 30, Last: 39, Value: fr}, {First: 60, Last: 69, Value: fr}},
		[]flat.Span[uint32]{{First: 90, Last: 200, Value: 1}})
	for _, test := range []struct {
		name string
		key  uint32
		want flat.Value
	}{
		{"no_country", 5, flat.NewValue(0, false, 1)},
		{"both_sources", 15, flat.NewValue(1, false, 1)},
		{"sources_differ", 35, flat.NewValue(1, true, 1)},
		{"registries_only", 50, flat.NewValue(1, true, 1)},
		{"routing_only", 65, flat.NewValue(2, true, 1)},
		{"special", 95, 0},
		{"nothing", 300, 0},
	} {
		if got := flat.Value(merged.At(test.key)); got != test.want {
			t.Errorf("%s: country %d, weak %t, system %d", test.name, got.Country(), got.Weak(), got.System())
		}
	}
}

func TestCountry(t *testing.T) {
	for code, known := range map[string]bool{"DE": true, "XK": true, "": false, "ZZ": false, "EU": false, "de": false, "DEU": false, "1A": false} {
		if got := country(code) != 0; got != known {
			t.Errorf("%q is a country: %t, want %t", code, got, known)
		}
	}
}

func TestSpecial_are_prefixes(t *testing.T) {
	for _, s := range special {
		if p, err := netip.ParsePrefix(s); err != nil || p != p.Masked() {
			t.Errorf("%s: %v", s, err)
		}
	}
}
