package flat

import (
	"encoding/binary"
	"errors"
)

// encoder appends to a body.
type encoder struct{ body []byte }

func (e *encoder) number(n uint64) { e.body = binary.AppendUvarint(e.body, n) }

func (e *encoder) text(s string) {
	e.number(uint64(len(s)))
	e.body = append(e.body, s...)
}

// step writes a number whose lower bits are mostly clear: the upper bits with
// a flag, and the lower ones where they are not.
func (e *encoder) step(n uint64, lowerBits uint) {
	upper, lower := n>>lowerBits, n&(1<<lowerBits-1)
	if lower == 0 {
		e.number(upper << 1)
		return
	}
	e.number(upper<<1 | 1)
	e.number(lower)
}

var errShort = errors.New("it ends too early")

// decoder reads a body from its front. After an error it reads zeros.
type decoder struct {
	rest string
	err  error // the first
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = ""
}

func (d *decoder) number() uint64 {
	var n uint64
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		b := d.rest[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			d.rest = d.rest[i+1:]
			return n
		}
	}
	d.fail(errShort)
	return 0
}

func (d *decoder) step(lowerBits uint) uint64 {
	n := d.number()
	if n&1 == 0 {
		return n >> 1 << lowerBits
	}
	return n>>1<<lowerBits | d.number()
}

// count is how many things follow, of at least a byte each.
func (d *decoder) count() int {
	n := d.number()
	if n > uint64(len(d.rest)) {
		d.fail(errShort)
		return 0
	}
	return int(n)
}

func (d *decoder) text() string {
	n := d.count()
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}
