// Package epk computes effective partition keys: the hash that places the items of a partition key value in a
// container's key space, and with it in one of its physical partitions (partition key ranges).
//
// The space is compared as upper-case hexadecimal text with Compare. It begins with "" and ends before "FF". A
// container of kind Hash hashes its one value, a container of kind MultiHash (a hierarchical key) hashes each level for
// itself, so that all items under a prefix of the key lie side by side.
//
// Version 2 is MurmurHash3 of 128 bits with the two highest bits cleared, version 1 is MurmurHash3 of 32 bits after
// 24 zeroes. Both are what clients compute (the baseline in testdata is theirs).
package epk

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
)

// Undefined is the partition key component of an item that lacks the property.
type Undefined struct{}

// Definition says how the keys of a container are hashed.
type Definition struct {
	Levels  int // paths of the partition key; more than one is a hierarchical key
	Version int // 1 or 2; hierarchical keys are always hashed with version 2
}

// Tags and suffixes of the components in the hashed bytes.
const (
	tagUndefined = 0x00
	tagNull      = 0x01
	tagFalse     = 0x02
	tagTrue      = 0x03
	tagNumber    = 0x05
	tagString    = 0x08

	endOfString1 = 0x00
	endOfString2 = 0xFF
)

// Hash is the effective partition key of values: string, float64, bool, nil or Undefined. Fewer values than levels
// hash to the beginning of everything under that prefix.
func (d Definition) Hash(values []any) string {
	var text strings.Builder
	for _, v := range values {
		if d.Version == 1 && d.Levels == 1 {
			var sum [16]byte
			binary.BigEndian.PutUint32(sum[12:], sum32(component(nil, v, endOfString1)))
			text.WriteString(upper(sum[:]))
			continue
		}
		sum := Sum128(component(nil, v, endOfString2))
		sum[0] &= 0x3F
		text.WriteString(upper(sum[:]))
	}
	return text.String()
}

func upper(b []byte) string { return strings.ToUpper(hex.EncodeToString(b)) }

// component appends what is hashed of one value.
func component(b []byte, value any, endOfString byte) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, tagNull)
	case bool:
		if v {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, tagNumber), math.Float64bits(v))
	case string:
		return append(append(append(b, tagString), v...), endOfString)
	}
	return append(b, tagUndefined)
}

// Compare orders two keys or bounds: where one is the beginning of the other they are equal if only zeroes follow.
func Compare(a, b string) int {
	n := min(len(a), len(b))
	if c := strings.Compare(a[:n], b[:n]); c != 0 {
		return c
	}
	if strings.Trim(a[n:], "0") != "" {
		return 1
	}
	if strings.Trim(b[n:], "0") != "" {
		return -1
	}
	return 0
}

// End is the exclusive end of the key space.
const End = "FF"

// Bounds cuts the key space into n ranges of equal size: n+1 bounds from "" to End.
func (d Definition) Bounds(n int) []string {
	bounds := []string{""}
	for i := 1; i < n; i++ {
		var at [16]byte
		if d.Version == 1 && d.Levels == 1 {
			binary.BigEndian.PutUint32(at[12:], uint32(uint64(i)<<32/uint64(n)))
		} else {
			binary.BigEndian.PutUint64(at[:], uint64(i)*(1<<62/uint64(n)))
		}
		bounds = append(bounds, upper(at[:]))
	}
	return append(bounds, End)
}
