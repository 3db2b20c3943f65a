package epk_test

import (
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/internal/cosmosemulator/epk"
)

// The hashes are the baseline that the SDKs of all languages share; the routing form of version 2 clears the two
// highest bits of each.
func TestHash(t *testing.T) {
	a99 := strings.Repeat("a", 99)
	tests := []struct {
		name   string
		values []any
		v1, v2 string
	}{
		{"undefined", []any{epk.Undefined{}}, "000000000000000000000000514E28B7", "51622DAA78F835834610ABE56EFF5CB5"},
		{"null", []any{nil}, "000000000000000000000000E45AD1AB", "778867E4430E67857ACE5C908374FE16"},
		{"true", []any{true}, "0000000000000000000000005E2A8076", "4E711127C5B5A8E4726AC6DD306A3E59"},
		{"false", []any{false}, "0000000000000000000000006C27D09F", "EFE1BE91E90A3439635E0E9E37361EF2"},
		{"empty_string", []any{""}, "0000000000000000000000003CCCB0FF", "B2E9366E637A71B4E710384B2F4970A0"},
		{"short_string", []any{"asdf"}, "000000000000000000000000B02BABC2", "608BF1D598F5B63AD5520F04FE58C5E8"},
		{"99_bytes", []any{a99}, "000000000000000000000000CCC122D9", "3C02F609961C32AAC2B912B940D1209A"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := (epk.Definition{Levels: 1, Version: 1}).Hash(test.values); got != test.v1 {
				t.Errorf("version 1 is %s, want %s", got, test.v1)
			}
			if got := (epk.Definition{Levels: 1, Version: 2}).Hash(test.values); got != routing(t, test.v2) {
				t.Errorf("version 2 is %s, want %s", got, routing(t, test.v2))
			}
		})
	}
	t.Run("levels", func(t *testing.T) {
		want := routing(t, "B499FD5198AE0F1EB6B77F6E428D2FF0") + routing(t, "E7A1848BD1102A3B65AFF266874D0FF5")
		if got := (epk.Definition{Levels: 2, Version: 2}).Hash([]any{"/path1", "/path2"}); got != want {
			t.Errorf("two levels are %s, want %s", got, want)
		}
	})
}

// routing clears the two highest bits.
func routing(t *testing.T, text string) string {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	b[0] &= 0x3F
	return strings.ToUpper(hex.EncodeToString(b))
}

func TestBounds_hold_every_key_exactly_once(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := epk.Definition{Levels: rapid.IntRange(1, 3).Draw(t, "levels"), Version: 2}
		if d.Levels == 1 {
			d.Version = rapid.IntRange(1, 2).Draw(t, "version")
		}
		values := rapid.SliceOfN(rapid.OneOf(
			rapid.Map(rapid.String(), func(s string) any { return s }),
			rapid.Map(rapid.Float64(), func(f float64) any { return f }),
			rapid.SampledFrom([]any{nil, true, false, epk.Undefined{}, math.Inf(1)}),
		), d.Levels, d.Levels).Draw(t, "values")
		bounds := d.Bounds(rapid.IntRange(1, 50).Draw(t, "ranges"))
		key, found := d.Hash(values), 0
		for i := range len(bounds) - 1 {
			if epk.Compare(bounds[i], bounds[i+1]) >= 0 {
				t.Fatalf("range %d [%q, %q) is empty", i, bounds[i], bounds[i+1])
			}
			if epk.Compare(bounds[i], key) <= 0 && epk.Compare(key, bounds[i+1]) < 0 {
				found++
			}
		}
		if found != 1 {
			t.Fatalf("key %s is in %d ranges of %q", key, found, bounds)
		}
	})
}

func TestCompare(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "00", 0}, {"", "01", -1}, {"3F", "FF", -1}, {"FF", "3F", 1},
		{"0A", "0A0000", 0}, {"0A", "0A0001", -1}, {"0A0001", "0A", 1}, {"0B", "0A0001", 1},
	}
	for _, test := range tests {
		if got := epk.Compare(test.a, test.b); got != test.want {
			t.Errorf("Compare(%q, %q) is %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
