package amqp

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// Decode is the value that b begins with, and what follows it. Binary values
// share b's memory.
func Decode(b []byte) (value any, rest []byte, err error) {
	return decode(b, maxDepth)
}

func decode(b []byte, depth int) (any, []byte, error) {
	if len(b) == 0 {
		return nil, nil, ErrTruncated
	}
	code, b := b[0], b[1:]
	if code != codeDescribed {
		return decodeAs(code, b, depth)
	}
	if depth == 0 {
		return nil, nil, fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	descriptor, b, err := decode(b, depth-1)
	if err != nil {
		return nil, nil, err
	}
	value, b, err := decode(b, depth-1)
	if err != nil {
		return nil, nil, err
	}
	return &Described{Descriptor: descriptor, Value: value}, b, nil
}

// decodeAs is the value of a format code whose bytes follow.
func decodeAs(code byte, b []byte, depth int) (any, []byte, error) {
	body, rest, err := split(code, b)
	if err != nil {
		return nil, nil, err
	}
	var value any
	switch {
	case code < 0xa0:
		value, err = decodeFixed(code, body)
	case code < 0xc0:
		value, err = decodeVariable(code, body)
	case depth == 0:
		err = fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	default:
		value, err = decodeCompound(code, body, depth-1)
	}
	return value, rest, err
}

// split is the bytes of a value of a format code, without its size, and what
// follows them. The high digit of a code says how long a value is.
func split(code byte, b []byte) (body, rest []byte, err error) {
	size := 0
	switch code >> 4 {
	case 0x4:
	case 0x5:
		size = 1
	case 0x6:
		size = 2
	case 0x7:
		size = 4
	case 0x8:
		size = 8
	case 0x9:
		size = 16
	case 0xa, 0xc, 0xe:
		if len(b) < 1 {
			return nil, nil, ErrTruncated
		}
		size, b = int(b[0]), b[1:]
	case 0xb, 0xd, 0xf:
		if len(b) < 4 {
			return nil, nil, ErrTruncated
		}
		size, b = int(binary.BigEndian.Uint32(b)), b[4:]
	default:
		return nil, nil, fmt.Errorf("%w: unknown format code %#02x", ErrMalformed, code)
	}
	if size > len(b) {
		return nil, nil, ErrTruncated
	}
	return b[:size], b[size:], nil
}

func decodeFixed(code byte, b []byte) (any, error) {
	switch code {
	case codeNull:
		return nil, nil
	case codeTrue:
		return true, nil
	case codeFalse:
		return false, nil
	case codeBoolean:
		return b[0] != 0, nil
	case codeUint0:
		return uint32(0), nil
	case codeUlong0:
		return uint64(0), nil
	case codeList0:
		return List{}, nil
	case codeUbyte:
		return b[0], nil
	case codeByte:
		return int8(b[0]), nil
	case codeSmallUint:
		return uint32(b[0]), nil
	case codeSmallUlong:
		return uint64(b[0]), nil
	case codeSmallInt:
		return int32(int8(b[0])), nil
	case codeSmallLong:
		return int64(int8(b[0])), nil
	case codeUshort:
		return binary.BigEndian.Uint16(b), nil
	case codeShort:
		return int16(binary.BigEndian.Uint16(b)), nil
	}
	return decodeWide(code, b)
}

func decodeWide(code byte, b []byte) (any, error) {
	switch code {
	case codeUint:
		return binary.BigEndian.Uint32(b), nil
	case codeInt:
		return int32(binary.BigEndian.Uint32(b)), nil
	case codeFloat:
		return math.Float32frombits(binary.BigEndian.Uint32(b)), nil
	case codeChar:
		return Char(binary.BigEndian.Uint32(b)), nil
	case codeDecimal32:
		return Decimal32(b), nil
	case codeUlong:
		return binary.BigEndian.Uint64(b), nil
	case codeLong:
		return int64(binary.BigEndian.Uint64(b)), nil
	case codeDouble:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	case codeTimestamp:
		return Timestamp(binary.BigEndian.Uint64(b)), nil
	case codeDecimal64:
		return Decimal64(b), nil
	case codeDecimal128:
		return Decimal128(b), nil
	case codeUUID:
		return UUID(b), nil
	}
	return nil, fmt.Errorf("%w: unknown format code %#02x", ErrMalformed, code)
}

func decodeVariable(code byte, b []byte) (any, error) {
	switch code {
	case codeBinary8, codeBinary32:
		return b, nil
	case codeString8, codeString32:
		if !utf8.Valid(b) {
			return nil, fmt.Errorf("%w: a string is not UTF-8", ErrMalformed)
		}
		return string(b), nil
	case codeSymbol8, codeSymbol32:
		return Symbol(b), nil
	}
	return nil, fmt.Errorf("%w: unknown format code %#02x", ErrMalformed, code)
}

func decodeCompound(code byte, b []byte, depth int) (any, error) {
	count, b, err := elements(code, b)
	if err != nil {
		return nil, err
	}
	switch code {
	case codeList8, codeList32:
		return decodeList(b, count, depth)
	case codeMap8, codeMap32:
		return decodeMap(b, count, depth)
	case codeArray8, codeArray32:
		return decodeArray(b, count, depth)
	}
	return nil, fmt.Errorf("%w: unknown format code %#02x", ErrMalformed, code)
}

// elements is how many elements a compound value says that it has, and their
// bytes.
func elements(code byte, b []byte) (count int, rest []byte, err error) {
	width := 1
	if code>>4 == 0xd || code>>4 == 0xf {
		width = 4
	}
	if len(b) < width {
		return 0, nil, ErrTruncated
	}
	if width == 1 {
		return int(b[0]), b[1:], nil
	}
	return int(binary.BigEndian.Uint32(b)), b[4:], nil
}

func decodeList(b []byte, count, depth int) (List, error) {
	if count > len(b) { // the shortest value is one byte
		return nil, ErrTruncated
	}
	list := make(List, count)
	for i := range list {
		var err error
		if list[i], b, err = decode(b, depth); err != nil {
			return nil, err
		}
	}
	return list, atEnd(b)
}

func decodeMap(b []byte, count, depth int) (Map, error) {
	if count%2 != 0 {
		return nil, fmt.Errorf("%w: a map with a key and no value", ErrMalformed)
	}
	list, err := decodeList(b, count, depth)
	if err != nil {
		return nil, err
	}
	entries := make(Map, count/2)
	for i := range entries {
		entries[i] = Entry{Key: list[2*i], Value: list[2*i+1]}
	}
	return entries, nil
}

func decodeArray(b []byte, count, depth int) (Array, error) {
	if len(b) == 0 {
		return Array{}, ErrTruncated
	}
	code, b := b[0], b[1:]
	if err := fits(code, count, len(b)); err != nil {
		return Array{}, err
	}
	array := Array{Code: wide(code), Items: make([]any, count)}
	for i := range array.Items {
		var err error
		if array.Items[i], b, err = decodeAs(code, b, depth); err != nil {
			return Array{}, err
		}
	}
	return array, atEnd(b)
}

// fits refuses an array of more elements than its bytes can hold, and one of
// described elements, which nothing in Event Hubs uses.
func fits(code byte, count, size int) error {
	switch {
	case code == codeDescribed:
		return fmt.Errorf("%w: an array of described values", ErrMalformed)
	case code>>4 == 0x4 && count > maxEmpty:
		return fmt.Errorf("%w: an array of %d values without width", ErrMalformed, count)
	case code>>4 != 0x4 && count > size:
		return ErrTruncated
	}
	return nil
}

func atEnd(b []byte) error {
	if len(b) > 0 {
		return fmt.Errorf("%w: %d bytes after the last element", ErrMalformed, len(b))
	}
	return nil
}
