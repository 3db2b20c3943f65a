package azurelog

import (
	"crypto/sha256"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]struct {
		address string
		bits    int
	}{
		"81.2.69.142":                      {"81.2.69.142", 32},
		"81.2.69.***":                      {"81.2.69.0", 24},
		"104.28.201.**":                    {"104.28.201.0", 24},
		"104.28.201.*":                     {"104.28.201.0", 24},
		"104.28.201.xxx":                   {"104.28.201.0", 24},
		"104.28.*.*":                       {"104.28.0.0", 16},
		"1.2.3.4:5678":                     {"1.2.3.4", 32},
		"1.2.3.***:5678":                   {"1.2.3.0", 24},
		" 1.2.3.4, 5.6.7.8":                {"1.2.3.4", 32},
		"2001:db8:1:2:3:4:5:6":             {"2001:db8:1:2:3:4:5:6", 128},
		"2001:DB8::7":                      {"2001:db8::7", 128},
		"::1":                              {"::1", 128},
		"fe80::1%eth0":                     {"fe80::1", 128},
		"[2001:db8::7]:443":                {"2001:db8::7", 128},
		"::ffff:1.2.3.4":                   {"1.2.3.4", 32},
		"2001:db8:1:****:****:****:*:****": {"2001:db8:1::", 48},
		"2001:db8:1::****":                 {"2001:db8:1::", 48},
	} {
		if got, bits := parseAddress([]byte(text)); got != netip.MustParseAddr(want.address) || bits != want.bits {
			t.Errorf("%q: %v/%d, want %s/%d", text, got, bits, want.address, want.bits)
		}
	}
	for _, text := range []string{
		"", "0.0.0.0", "::", "***", "*.2.3.4", "1.2.*.4", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4:x", "1.2.3.4/24", "localhost",
		"1:2:3", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7:8::", "12345::", "[::1", "1:2:3:4:5:6:7:", "1:", "::1.2.3.999", "2001-db8::",
	} {
		if got, bits := parseAddress([]byte(text)); bits != 0 || got.IsValid() {
			t.Errorf("%q: %v/%d, want none", text, got, bits)
		}
	}
	t.Run("reads_what_netip_writes", rapid.MakeCheck(func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 0, 1, 0xAB}), 16, 16).Draw(t, "bytes")
		want := netip.AddrFrom16([16]byte(b))
		if want.Is4In6() || want.IsUnspecified() {
			t.Skip("an IPv4 address in IPv6 and the unspecified one are read as others, by intent")
		}
		if got, bits := parseAddress([]byte(want.String())); got != want || bits != 128 {
			t.Fatalf("%v/%d, want %v", got, bits, want)
		}
	}))
}

func TestParseTime(t *testing.T) {
	want := at("06:03:30") + 20*detectors.Day
	for _, text := range []string{
		"2026-09-27T06:03:30Z", "2026-09-27T06:03:30", "2026-09-27t06:03:30.0000000z", "2026-09-27 06:03:30", "2026-09-27T08:33:30+02:30",
		"2026-09-27T03:03:30.0009-03:00", "9/27/2026 6:03:30 AM", "09/27/2026 06:03:30", "27/09/2026 06:03:30", "27.09.2026 06:03:30",
		"27/09/2026 06:03:30 +00:00", "9/27/2026 6:03:30 AM +00:00", "27.9.2026 6:03:30",
	} {
		if got, what := parseTime([]byte(text)); got != want || what != "" {
			t.Errorf("%q: %v %s, want %v", text, got, what, want)
		}
	}
	for text, want := range map[string]detectors.Time{
		"9/27/2026 12:03:30 AM": at("00:03:30") + 20*detectors.Day,
		"9/27/2026 12:03:30 PM": at("12:03:30") + 20*detectors.Day,
		"9/27/2026 1:03:30 pm":  at("13:03:30") + 20*detectors.Day,
		"5/5/2026 01:00:00":     detectors.TimeOf(time.Date(2026, 5, 5, 1, 0, 0, 0, time.UTC)),
	} {
		if got, what := parseTime([]byte(text)); got != want || what != "" {
			t.Errorf("%q: %v %s, want %v", text, got, what, want)
		}
	}
	for _, text := range []string{
		"", "now", "2026-09-27", "2026-13-01T00:00:00Z", "2026-09-27T25:00:00Z", "2026-09-27T06:61:30Z", "2026-09-27T06:03:61Z",
		"2026-09-27T06:03:30X", "2026-09-27T06:03:30+0200", "2026-09-27T06:03", "2026-x9-27T06:03:30Z", "4/9/2026 06:03:30", "27-09-2026 06:03:30",
		"27", "27.09", "27.09/2026 06:03:30", "27.09.2026", "27.13.2026 06:03:30",
	} {
		if got, what := parseTime([]byte(text)); what == "" {
			t.Errorf("%q is %v", text, got)
		}
	}
	t.Run("reads_what_go_writes", rapid.MakeCheck(func(t *rapid.T) {
		want := time.UnixMilli(rapid.Int64Range(-62135596800000, 253402300799999).Draw(t, "ms")).UTC()
		text := want.Format(time.RFC3339Nano)
		if got, what := parseTime([]byte(text)); got != detectors.TimeOf(want) || what != "" {
			t.Fatalf("%s: %d %s", text, got, what)
		}
	}))
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-7": -7, "9223372036854775807": math.MaxInt64, "1.50e1": 15, "6.39e17": 639e15, "12.000": 12, "-1.2E+3": -1200, "0.0": 0, "120e-1": 12, "0e60": 0,
	} {
		if got, ok := parseInt([]byte(text)); got != want || !ok {
			t.Errorf("%q: %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-", "x", "1.5", "1e19", "1e-1", "1e999999999999", "1e65", "1.2.3", "9223372036854775808", "99999999999999999999.0", "12x", ".", "e5"} {
		if got, ok := parseInt([]byte(text)); ok {
			t.Errorf("%q: %d", text, got)
		}
	}
	t.Run("reads_what_strconv_writes", rapid.MakeCheck(func(t *rapid.T) {
		want := rapid.Int64().Draw(t, "n")
		if got, ok := parseInt(strconv.AppendInt(nil, want, 10)); got != want || !ok {
			t.Fatalf("%d, want %d", got, want)
		}
	}))
}

func TestCorrelation(t *testing.T) {
	const text = "0f0e2a7c-9a4e-4b7d-8a53-00000000a001"
	for _, same := range []string{text, strings.ToUpper(text), strings.ReplaceAll(text, "-", "")} {
		if got := correlation([]byte(same)); got != id(1) {
			t.Errorf("%s: %x", same, got)
		}
	}
	for _, other := range []string{"trace-1", strings.Replace(text, "f", "g", 1), strings.Repeat("z", 32)} {
		sum := sha256.Sum256([]byte(other))
		if got := correlation([]byte(other)); got != Correlation(sum[:16]) {
			t.Errorf("%s: %x", other, got)
		}
	}
	if got := correlation(nil); got != (Correlation{}) {
		t.Errorf("none: %x", got)
	}
}

func TestClass(t *testing.T) {
	for _, c := range []struct {
		operation, model string
		class            detectors.Class
		known            bool
	}{
		{"ChatCompletions_Create", "gpt-4o", detectors.ClassChat, true},
		{"Completions_Create", "", detectors.ClassChat, true},
		{"Creates a completion for the chat message", "", detectors.ClassChat, true},
		{"Get a vector representation of a given input", "", detectors.ClassEmbedding, true},
		{"Embeddings_Create", "text-embedding-ada-002", detectors.ClassEmbedding, true},
		{"ImageGenerations_Create", "", detectors.ClassImage, true},
		{"Create_Response", "gpt-image-1", detectors.ClassImage, true},
		{"Create_Response", "o3-mini", detectors.ClassChat, true},
		{"Get_Response", "o3-mini", detectors.ClassManagement, true},
		{"VideoGenerations_Create", "sora", detectors.ClassImage, true},
		{"Transcriptions_Create", "whisper", detectors.ClassAudio, true},
		{"Translations_Create", "whisper", detectors.ClassAudio, true},
		{"Audio_Translations", "", detectors.ClassAudio, true},
		{"Speech_Create", "tts-hd", detectors.ClassAudio, true},
		{"ChatCompletions_Create", "gpt-4o-realtime-preview", detectors.ClassAudio, true},
		{"Models_List", "", detectors.ClassListing, true},
		{"Deployments_List", "", detectors.ClassListing, true},
		{"Deployments_Get", "gpt-4o", detectors.ClassListing, true},
		{"Deployments_Create", "gpt-4o", detectors.ClassManagement, true},
		{"FineTuning_Jobs_Create", "gpt-4o", detectors.ClassManagement, true},
		{"Create_Vector_Store", "", detectors.ClassManagement, true},
		{"Create_Thread", "", detectors.ClassManagement, true},
		{"Create_Message", "", detectors.ClassManagement, true},
		{"Create_Assistant", "", detectors.ClassManagement, true},
		{"Create_Run", "", detectors.ClassChat, true},
		{"ListKey", "", detectors.ClassManagement, true},
		{"Novel_Create", "dall-e-3", detectors.ClassImage, false},
		{"Novel_Create", "novel", detectors.ClassUnknown, false},
	} {
		if class, known := (work{c.operation, c.model}).class(); class != c.class || known != c.known {
			t.Errorf("%s of %q: %v, known %v", c.operation, c.model, class, known)
		}
	}
}

func TestInterner(t *testing.T) {
	var n interner
	for i := range 3 * maxInterned {
		if s := n.of(strconv.AppendInt(nil, int64(i), 10)); s != strconv.Itoa(i) {
			t.Fatalf("%d is %q", i, s)
		}
		if len(n.table) > maxInterned {
			t.Fatalf("%d strings are kept", len(n.table))
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for name, record := range map[string]func(int) []byte{
		"escaped": requestResponse,
		"object": func(i int) []byte {
			return []byte(strings.NewReplacer(`"{`, `{`, `}"`, `}`, `\`, ``).Replace(string(requestResponse(i))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			data := repeated(500, "\n", record)
			d := NewDecoder()
			dst, _ := d.Decode(nil, Block{Data: data})
			if len(dst) != 500 {
				t.Fatalf("%d fragments", len(dst))
			}
			if n := testing.AllocsPerRun(5, func() { dst, _ = d.Decode(dst[:0], Block{Data: data}) }); n != 0 {
				t.Errorf("%v allocations for 500 records", n)
			}
		})
	}
}
