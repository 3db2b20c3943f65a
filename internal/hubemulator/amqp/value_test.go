package amqp

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// values has one of every type, and the limits of those with several codes.
var values = List{
	nil, true, false, uint8(7), uint16(700), uint32(0), uint32(255), uint32(256), uint64(0), uint64(255), uint64(math.MaxUint64),
	int8(-7), int16(-700), int32(-128), int32(127), int32(128), int64(-128), int64(-129), int64(math.MinInt64),
	float32(1.5), -2.5, Char('é'), Timestamp(-62135596800000), UUID{1, 2, 3}, Decimal32{1}, Decimal64{2}, Decimal128{3},
	[]byte{}, bytes.Repeat([]byte{1}, 256), "", "é", strings.Repeat("x", 256), Symbol("s"), Symbol(strings.Repeat("x", 256)),
	List{}, List{List{nil}}, Map{}, Map{{Key: Symbol("k"), Value: int32(1)}, {Key: List{}, Value: nil}},
	Strings(), Strings("0", "1"), Array{Code: codeSymbol8, Items: []any{Symbol("a"), Symbol("b")}},
	Array{Code: codeBoolean, Items: []any{true, false}}, Array{Code: codeTrue, Items: []any{true, true}},
	Array{Code: codeList32, Items: []any{List{}, List{uint32(1)}}}, Array{Code: codeMap32, Items: []any{Map{}}},
	Array{Code: codeSmallInt, Items: []any{int32(-1)}}, Array{Code: codeArray32, Items: []any{Strings("x")}},
	&Described{Descriptor: Symbol("d"), Value: &Described{Descriptor: uint64(1), Value: "v"}},
}

func TestValuesSurviveEncoding(t *testing.T) {
	for _, want := range values {
		encoded := Append(nil, want)
		got, rest, err := Decode(append(encoded, 0xff))
		if err != nil || !bytes.Equal(rest, []byte{0xff}) {
			t.Errorf("%#v as %x: rest %x, %v", want, encoded, rest, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%x (-want +got):\n%s", encoded, diff)
		}
		if rest, err := Skip(append(encoded, 0xff)); err != nil || len(rest) != 1 {
			t.Errorf("skip %x: rest %x, %v", encoded, rest, err)
		}
	}
}

// The encodings are those of the specification, part 1, section 1.6.
func TestEncodings(t *testing.T) {
	for name, test := range map[string]struct {
		value any
		want  []byte
	}{
		"null":         {nil, []byte{0x40}},
		"true":         {true, []byte{0x41}},
		"uint_zero":    {uint32(0), []byte{0x43}},
		"uint_small":   {uint32(5), []byte{0x52, 5}},
		"uint":         {uint32(0x01020304), []byte{0x70, 1, 2, 3, 4}},
		"ulong_small":  {uint64(0x14), []byte{0x53, 0x14}},
		"int_negative": {int32(-1), []byte{0x54, 0xff}},
		"long":         {int64(-129), []byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
		"string":       {"hi", []byte{0xa1, 2, 'h', 'i'}},
		"symbol":       {Symbol("hi"), []byte{0xa3, 2, 'h', 'i'}},
		"binary":       {[]byte{9}, []byte{0xa0, 1, 9}},
		"list_empty":   {List{}, []byte{0x45}},
		"list":         {List{true}, []byte{0xd0, 0, 0, 0, 5, 0, 0, 0, 1, 0x41}},
		"map":          {Map{{Key: "a", Value: nil}}, []byte{0xd1, 0, 0, 0, 8, 0, 0, 0, 2, 0xa1, 1, 'a', 0x40}},
		"array":        {Array{Code: codeUbyte, Items: []any{uint8(1), uint8(2)}}, []byte{0xf0, 0, 0, 0, 7, 0, 0, 0, 2, 0x50, 1, 2}},
		"described":    {&Described{Descriptor: uint64(0x24), Value: List{}}, []byte{0, 0x53, 0x24, 0x45}},
		"timestamp":    {Timestamp(1), []byte{0x83, 0, 0, 0, 0, 0, 0, 0, 1}},
		"boolean_byte": {Array{Code: codeBoolean, Items: []any{true}}, []byte{0xf0, 0, 0, 0, 6, 0, 0, 0, 1, 0x56, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Append(nil, test.value); !bytes.Equal(got, test.want) {
				t.Errorf("%x, want %x", got, test.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := bytes.Repeat([]byte{0xc0, 0xff, 1}, 40)
	for i := range 40 { // nested lists of one element
		deep[3*i+1] = byte(len(deep) - 3*i - 2)
	}
	for name, test := range map[string]struct {
		encoded []byte
		want    error
	}{
		"nothing":               {nil, ErrTruncated},
		"half_a_number":         {[]byte{0x70, 1, 2}, ErrTruncated},
		"string_without_end":    {[]byte{0xa1, 5, 'h'}, ErrTruncated},
		"size_without_end":      {[]byte{0xb1, 0, 0}, ErrTruncated},
		"four_gigabytes":        {[]byte{0xb0, 0xff, 0xff, 0xff, 0xff}, ErrTruncated},
		"unknown_code":          {[]byte{0x3f}, ErrMalformed},
		"unknown_fixed_code":    {[]byte{0x4f}, ErrMalformed},
		"string_not_utf8":       {[]byte{0xa1, 1, 0xff}, ErrMalformed},
		"list_of_too_many":      {[]byte{0xc0, 1, 200}, ErrTruncated},
		"list_with_a_rest":      {[]byte{0xc0, 3, 1, 0x41, 0x41}, ErrMalformed},
		"map_of_three":          {[]byte{0xc1, 4, 3, 0x41, 0x41, 0x41}, ErrMalformed},
		"array_of_four_billion": {[]byte{0xf0, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0x40}, ErrMalformed},
		"array_of_described":    {[]byte{0xe0, 2, 1, 0x00}, ErrMalformed},
		"array_of_nothing":      {[]byte{0xe0, 1, 1}, ErrTruncated},
		"described_by_nothing":  {[]byte{0x00}, ErrTruncated},
		"described_without_end": {bytes.Repeat([]byte{0}, 100), ErrMalformed},
		"nested_too_deep":       {deep, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if v, _, err := Decode(test.encoded); !errors.Is(err, test.want) {
				t.Errorf("decode: %v, %v; want %v", v, err, test.want)
			}
			if _, err := Skip(test.encoded); !errors.Is(err, test.want) {
				t.Errorf("skip: %v; want %v", err, test.want)
			}
		})
	}
}

func TestSkipDoesNotAllocate(t *testing.T) {
	encoded := Append(nil, values)
	if allocations := testing.AllocsPerRun(100, func() {
		if _, err := Skip(encoded); err != nil {
			t.Fatal(err)
		}
	}); allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

// What decodes encodes to what decodes to the same, and Skip agrees on what
// decodes.
func FuzzValue(f *testing.F) {
	for _, value := range values {
		f.Add(Append(nil, value))
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		value, rest, err := Decode(encoded)
		skipped, skipErr := Skip(encoded)
		if (err == nil) != (skipErr == nil) || err == nil && len(rest) != len(skipped) {
			t.Fatalf("decode leaves %d bytes, %v; skip %d, %v", len(rest), err, len(skipped), skipErr)
		}
		if err != nil {
			return
		}
		again := Append(nil, value)
		second, rest, err := Decode(again)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%x came back as %x, which does not decode: %v, %d bytes left", encoded, again, err, len(rest))
		}
		if third := Append(nil, second); !bytes.Equal(again, third) { // not a comparison of values: NaN is not NaN
			t.Fatalf("%x became %x and then %x", encoded, again, third)
		}
	})
}
