// Package amqp reads and writes AMQP 1.0: values, frames, performatives and
// the sections of messages (OASIS AMQP 1.0, parts 1 to 3 and 5). It holds no
// connection, no state and no policy.
//
// Values are Go values:
//
//	null nil            boolean bool      ubyte uint8    ushort uint16
//	uint uint32         ulong uint64      byte int8      short int16
//	int int32           long int64        float float32  double float64
//	char Char           timestamp Timestamp              uuid UUID
//	binary []byte       string string     symbol Symbol
//	list List           map Map           array Array    described *Described
//	decimal32 Decimal32, decimal64 Decimal64, decimal128 Decimal128
//
// Decoding never panics, never allocates more than a small multiple of what
// was received, and what was decoded encodes to what decodes to the same.
package amqp

import (
	"errors"
	"time"
)

// Symbol is a name from a constrained domain, in ASCII.
type Symbol string

// Char is a Unicode character, in UTF-32.
type Char uint32

// Timestamp is milliseconds since the beginning of 1970, UTC.
type Timestamp int64

// UUID is a universally unique identifier, in network order.
type UUID [16]byte

// Decimal32 is an IEEE 754 decimal32, uninterpreted.
type Decimal32 [4]byte

// Decimal64 is an IEEE 754 decimal64, uninterpreted.
type Decimal64 [8]byte

// Decimal128 is an IEEE 754 decimal128, uninterpreted.
type Decimal128 [16]byte

// List is values of any types.
type List []any

// Entry is a key of a Map with its value.
type Entry struct{ Key, Value any }

// Map is entries in the order in which they were encoded.
type Map []Entry

// Array is values of one type, that of the format code Code.
type Array struct {
	Code  byte
	Items []any
}

// Described is a value with a descriptor, which says what it means.
type Described struct{ Descriptor, Value any }

// Time is t as a Timestamp.
func Time(t time.Time) Timestamp { return Timestamp(t.UnixMilli()) }

// Strings is an array of strings.
func Strings(items ...string) Array {
	array := Array{Code: codeString32, Items: []any{}}
	for _, item := range items {
		array.Items = append(array.Items, item)
	}
	return array
}

// Get is the value of a key that is a string or a symbol; nil where there is
// none.
func (m Map) Get(key string) any {
	for _, entry := range m {
		switch k := entry.Key.(type) {
		case string:
			if k == key {
				return entry.Value
			}
		case Symbol:
			if string(k) == key {
				return entry.Value
			}
		}
	}
	return nil
}

// Text is the value of a key as a string; "" where it is none.
func (m Map) Text(key string) string {
	switch v := m.Get(key).(type) {
	case string:
		return v
	case Symbol:
		return string(v)
	}
	return ""
}

// Format codes (part 1, section 1.6).
const (
	codeDescribed  = 0x00
	codeNull       = 0x40
	codeTrue       = 0x41
	codeFalse      = 0x42
	codeUint0      = 0x43
	codeUlong0     = 0x44
	codeList0      = 0x45
	codeUbyte      = 0x50
	codeByte       = 0x51
	codeSmallUint  = 0x52
	codeSmallUlong = 0x53
	codeSmallInt   = 0x54
	codeSmallLong  = 0x55
	codeBoolean    = 0x56
	codeUshort     = 0x60
	codeShort      = 0x61
	codeUint       = 0x70
	codeInt        = 0x71
	codeFloat      = 0x72
	codeChar       = 0x73
	codeDecimal32  = 0x74
	codeUlong      = 0x80
	codeLong       = 0x81
	codeDouble     = 0x82
	codeTimestamp  = 0x83
	codeDecimal64  = 0x84
	codeDecimal128 = 0x94
	codeUUID       = 0x98
	codeBinary8    = 0xa0
	codeString8    = 0xa1
	codeSymbol8    = 0xa3
	codeBinary32   = 0xb0
	codeString32   = 0xb1
	codeSymbol32   = 0xb3
	codeList8      = 0xc0
	codeMap8       = 0xc1
	codeList32     = 0xd0
	codeMap32      = 0xd1
	codeArray8     = 0xe0
	codeArray32    = 0xf0
)

// maxDepth is how deep values may be nested; Event Hubs needs five levels.
const maxDepth = 32

// maxEmpty is how many values of no width an array may have: their number is
// bounded by nothing that was received.
const maxEmpty = 1024

// Errors of decoding, found with errors.Is.
var (
	ErrTruncated = errors.New("the value ends before its end")
	ErrMalformed = errors.New("malformed value")
	ErrFraming   = errors.New("malformed frame")
)
