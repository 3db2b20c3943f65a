package flat

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawTable(t *rapid.T) *Table {
	table := &Table{
		Date:    time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "date"), 0).UTC(),
		Source:  rapid.String().Draw(t, "source"),
		Country: [][2]byte{{}, {'D', 'E'}, {'U', 'S'}},
	}
	systems := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) System {
		return System{
			rapid.Uint32Range(1, 1<<32-1).Draw(t, "number"),
			rapid.Uint8().Draw(t, "kind"),
			rapid.SampledFrom([]string{"", "A", "B", "Ünïversität"}).Draw(t, "name"),
		}
	}), 0, 5, func(s System) uint32 { return s.Number }).Draw(t, "systems")
	table.Systems = NewSystems(systems)
	value := func(n uint32) uint32 {
		return uint32(NewValue(int(n%3), n > 1, int(n)%table.Systems.Len()))
	}
	v4, v6 := drawSpans(t, rapid.Uint32()), drawSpans(t, rapid.Uint64())
	for i := range v4 {
		v4[i].Value = value(v4[i].Value)
	}
	for i := range v6 {
		v6[i].Value = value(v6[i].Value)
	}
	table.V4, table.V6 = Flatten(v4), Flatten(v6)
	return table
}

func TestDecode_is_the_inverse_of_encode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTable(t)
		got, err := Decode(string(want.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("want %+v,\ngot %+v", want, got)
		}
	})
}

func TestDecode_refuses(t *testing.T) {
	systems := NewSystems([]System{{64500, 1, "Example"}})
	table := Table{Country: [][2]byte{{}, {'D', 'E'}}, Systems: systems,
		V4: Flatten([]Span[uint32]{{1 << 8, 1 << 16, uint32(NewValue(1, true, 1))}}), V6: Flatten[uint64](nil)}
	file := string(table.Encode())

	t.Run("every_cut", func(t *testing.T) {
		for n := range len(file) {
			if _, err := Decode(file[:n]); err == nil {
				t.Errorf("a file cut to %d bytes was read", n)
			}
		}
	})
	t.Run("every_cut_with_a_right_checksum", func(t *testing.T) {
		for n := headerSize; n < len(file); n++ {
			if _, err := Decode(string(seal([]byte(file[headerSize:n])))); err == nil {
				t.Errorf("a body cut to %d bytes was read", n-headerSize)
			}
		}
	})
	t.Run("every_changed_bit", func(t *testing.T) {
		for i := range len(file) * 8 {
			broken := []byte(file)
			broken[i/8] ^= 1 << (i % 8)
			if _, err := Decode(string(broken)); err == nil {
				t.Errorf("a file with bit %d changed was read", i)
			}
		}
	})
	t.Run("more_than_a_table", func(t *testing.T) {
		_, err := Decode(string(seal([]byte(file[headerSize:] + "x"))))
		if err == nil || !strings.Contains(err.Error(), "1 bytes too many") {
			t.Error(err)
		}
	})
	t.Run("values_beyond_the_table", func(t *testing.T) {
		table := table
		table.V4 = Flatten([]Span[uint32]{{0, 9, uint32(NewValue(2, false, 0))}})
		if _, err := Decode(string(table.Encode())); err == nil {
			t.Error("a country that is not in the table was read")
		}
		table.V4 = Flatten([]Span[uint32]{{0, 9, uint32(NewValue(0, false, 2))}})
		if _, err := Decode(string(table.Encode())); err == nil {
			t.Error("a system that is not in the table was read")
		}
	})
}

// FuzzDecode: whatever a body holds, Decode refuses it or returns a table that
// can be asked for every address.
func FuzzDecode(f *testing.F) {
	table := Table{Country: [][2]byte{{}, {'D', 'E'}}, Systems: NewSystems([]System{{64500, 1, "Example"}}),
		V4: Flatten([]Span[uint32]{{1 << 8, 1 << 16, uint32(NewValue(1, true, 1))}}), V6: Flatten[uint64](nil)}
	f.Add(table.Encode()[headerSize:])
	f.Fuzz(func(t *testing.T, body []byte) {
		table, err := Decode(string(seal(body)))
		if err != nil {
			return
		}
		for i := range table.V4.Len() {
			value := Value(table.V4.At(table.V4.Range(i).First))
			_, _ = table.Country[value.Country()], table.Systems.At(value.System())
		}
		for i := range table.V6.Len() {
			value := Value(table.V6.At(table.V6.Range(i).First))
			_, _ = table.Country[value.Country()], table.Systems.At(value.System())
		}
	})
}

func TestSystems(t *testing.T) {
	s := NewSystems([]System{{65000, 2, "B"}, {64500, 1, "A"}, {64501, 3, "B"}})
	for _, want := range []System{{64500, 1, "A"}, {64501, 3, "B"}, {65000, 2, "B"}, {}} {
		if got := s.At(s.Find(want.Number)); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if at := s.Find(7); at != 0 {
		t.Errorf("the unknown system 7 is at %d", at)
	}
}
