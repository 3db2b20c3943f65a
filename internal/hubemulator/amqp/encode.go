package amqp

import (
	"encoding/binary"
	"math"
)

// Append appends the encoding of a value of one of the package's types. What
// is of another type is a mistake of the caller and becomes null.
func Append(b []byte, value any) []byte {
	if d, ok := value.(*Described); ok {
		b = append(b, codeDescribed)
		b = Append(b, d.Descriptor)
		return Append(b, d.Value)
	}
	code := codeOf(value)
	return appendAs(append(b, code), code, value)
}

// codeOf is the format code that a value is encoded with.
func codeOf(value any) byte {
	switch v := value.(type) {
	case bool:
		if v {
			return codeTrue
		}
		return codeFalse
	case uint8:
		return codeUbyte
	case uint16:
		return codeUshort
	case uint32:
		return shortest(v == 0, v <= math.MaxUint8, codeUint0, codeSmallUint, codeUint)
	case uint64:
		return shortest(v == 0, v <= math.MaxUint8, codeUlong0, codeSmallUlong, codeUlong)
	case int8:
		return codeByte
	case int16:
		return codeShort
	case int32:
		return shortest(false, int32(int8(v)) == v, 0, codeSmallInt, codeInt)
	case int64:
		return shortest(false, int64(int8(v)) == v, 0, codeSmallLong, codeLong)
	case float32:
		return codeFloat
	case float64:
		return codeDouble
	}
	return codeOfOther(value)
}

func codeOfOther(value any) byte {
	switch v := value.(type) {
	case Char:
		return codeChar
	case Timestamp:
		return codeTimestamp
	case UUID:
		return codeUUID
	case Decimal32:
		return codeDecimal32
	case Decimal64:
		return codeDecimal64
	case Decimal128:
		return codeDecimal128
	case []byte:
		return shortest(false, len(v) <= math.MaxUint8, 0, codeBinary8, codeBinary32)
	case string:
		return shortest(false, len(v) <= math.MaxUint8, 0, codeString8, codeString32)
	case Symbol:
		return shortest(false, len(v) <= math.MaxUint8, 0, codeSymbol8, codeSymbol32)
	case List:
		return shortest(len(v) == 0, false, codeList0, 0, codeList32)
	case Map:
		return codeMap32
	case Array:
		return codeArray32
	}
	return codeNull
}

func shortest(none, short bool, noneCode, shortCode, longCode byte) byte {
	switch {
	case none:
		return noneCode
	case short:
		return shortCode
	}
	return longCode
}

// appendAs appends what follows the format code of a value. The value is of
// the code's type: codeOf chose it, or a whole array was decoded with it.
func appendAs(b []byte, code byte, value any) []byte {
	switch v := value.(type) {
	case bool:
		if code != codeBoolean {
			return b
		}
		if v {
			return append(b, 1)
		}
		return append(b, 0)
	case uint8:
		return append(b, v)
	case int8:
		return append(b, byte(v))
	case uint16:
		return binary.BigEndian.AppendUint16(b, v)
	case int16:
		return binary.BigEndian.AppendUint16(b, uint16(v))
	case uint32:
		return appendUint(b, code, uint64(v))
	case uint64:
		return appendUint(b, code, v)
	case int32:
		return appendUint(b, code, uint64(v))
	case int64:
		return appendUint(b, code, uint64(v))
	case float32:
		return binary.BigEndian.AppendUint32(b, math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64(b, math.Float64bits(v))
	}
	return appendOther(b, code, value)
}

func appendOther(b []byte, code byte, value any) []byte {
	switch v := value.(type) {
	case Char:
		return binary.BigEndian.AppendUint32(b, uint32(v))
	case Timestamp:
		return binary.BigEndian.AppendUint64(b, uint64(v))
	case UUID:
		return append(b, v[:]...)
	case Decimal32:
		return append(b, v[:]...)
	case Decimal64:
		return append(b, v[:]...)
	case Decimal128:
		return append(b, v[:]...)
	case []byte:
		return append(appendSize(b, code, len(v)), v...)
	case string:
		return append(appendSize(b, code, len(v)), v...)
	case Symbol:
		return append(appendSize(b, code, len(v)), v...)
	case List:
		return appendList(b, code, v)
	case Map:
		return appendMap(b, code, v)
	case Array:
		return appendArray(b, code, v)
	}
	return b
}

// appendUint appends the low bytes of v that a format code has.
func appendUint(b []byte, code byte, v uint64) []byte {
	switch code >> 4 {
	case 0x5:
		return append(b, byte(v))
	case 0x7:
		return binary.BigEndian.AppendUint32(b, uint32(v))
	case 0x8:
		return binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func appendSize(b []byte, code byte, size int) []byte {
	if code>>4 == 0xa {
		return append(b, byte(size))
	}
	return binary.BigEndian.AppendUint32(b, uint32(size))
}

func appendList(b []byte, code byte, list List) []byte {
	if code == codeList0 {
		return b
	}
	b, start := open(b, code)
	for _, item := range list {
		b = Append(b, item)
	}
	return closed(b, code, start, len(list))
}

func appendMap(b []byte, code byte, entries Map) []byte {
	b, start := open(b, code)
	for _, entry := range entries {
		b = Append(b, entry.Key)
		b = Append(b, entry.Value)
	}
	return closed(b, code, start, 2*len(entries))
}

func appendArray(b []byte, code byte, array Array) []byte {
	b, start := open(b, code)
	inner := wide(array.Code)
	b = append(b, inner)
	for _, item := range array.Items {
		b = appendAs(b, inner, item)
	}
	return closed(b, code, start, len(array.Items))
}

// wide is the format code of compound elements that have room for what they
// hold: an element may encode longer than it came.
func wide(code byte) byte {
	switch code {
	case codeList8:
		return codeList32
	case codeMap8:
		return codeMap32
	case codeArray8:
		return codeArray32
	}
	return code
}

// open appends room for the size and count of a compound value, which closed
// fills in.
func open(b []byte, code byte) (with []byte, start int) {
	if code>>4 == 0xc || code>>4 == 0xe {
		return append(b, 0, 0), len(b) + 2
	}
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0), len(b) + 8
}

func closed(b []byte, code byte, start, count int) []byte {
	if code>>4 == 0xc || code>>4 == 0xe {
		b[start-2], b[start-1] = byte(len(b)-start+1), byte(count)
		return b
	}
	binary.BigEndian.PutUint32(b[start-8:], uint32(len(b)-start+4))
	binary.BigEndian.PutUint32(b[start-4:], uint32(count))
	return b
}
