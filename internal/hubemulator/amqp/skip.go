package amqp

import (
	"fmt"
	"unicode/utf8"
)

// Skip is what follows the value that b begins with. It checks the value as
// Decode does, and allocates nothing.
func Skip(b []byte) (rest []byte, err error) {
	return skip(b, maxDepth)
}

func skip(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 {
		return nil, ErrTruncated
	}
	code, b := b[0], b[1:]
	if code != codeDescribed {
		return skipAs(code, b, depth)
	}
	if depth == 0 {
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	}
	b, err := skip(b, depth-1)
	if err != nil {
		return nil, err
	}
	return skip(b, depth-1)
}

func skipAs(code byte, b []byte, depth int) ([]byte, error) {
	body, rest, err := split(code, b)
	if err != nil {
		return nil, err
	}
	switch {
	case !known[code]:
		return nil, fmt.Errorf("%w: unknown format code %#02x", ErrMalformed, code)
	case code == codeString8 || code == codeString32:
		if !utf8.Valid(body) {
			return nil, fmt.Errorf("%w: a string is not UTF-8", ErrMalformed)
		}
	case code < 0xc0:
	case depth == 0:
		return nil, fmt.Errorf("%w: nested deeper than %d", ErrMalformed, maxDepth)
	default:
		err = skipElements(code, body, depth-1)
	}
	return rest, err
}

func skipElements(code byte, b []byte, depth int) error {
	count, b, err := elements(code, b)
	if err != nil {
		return err
	}
	if code == codeArray8 || code == codeArray32 {
		return skipArray(b, count, depth)
	}
	if count > len(b) {
		return ErrTruncated
	}
	if (code == codeMap8 || code == codeMap32) && count%2 != 0 {
		return fmt.Errorf("%w: a map with a key and no value", ErrMalformed)
	}
	for range count {
		if b, err = skip(b, depth); err != nil {
			return err
		}
	}
	return atEnd(b)
}

func skipArray(b []byte, count, depth int) error {
	if len(b) == 0 {
		return ErrTruncated
	}
	code, b := b[0], b[1:]
	if err := fits(code, count, len(b)); err != nil {
		return err
	}
	var err error
	for range count {
		if b, err = skipAs(code, b, depth); err != nil {
			return err
		}
	}
	return atEnd(b)
}

// known is the format codes of the specification.
var known = [256]bool{
	codeNull: true, codeTrue: true, codeFalse: true, codeUint0: true, codeUlong0: true, codeList0: true,
	codeUbyte: true, codeByte: true, codeSmallUint: true, codeSmallUlong: true, codeSmallInt: true, codeSmallLong: true,
	codeBoolean: true, codeUshort: true, codeShort: true, codeUint: true, codeInt: true, codeFloat: true, codeChar: true,
	codeDecimal32: true, codeUlong: true, codeLong: true, codeDouble: true, codeTimestamp: true, codeDecimal64: true,
	codeDecimal128: true, codeUUID: true, codeBinary8: true, codeString8: true, codeSymbol8: true, codeBinary32: true,
	codeString32: true, codeSymbol32: true, codeList8: true, codeMap8: true, codeList32: true, codeMap32: true,
	codeArray8: true, codeArray32: true,
}
