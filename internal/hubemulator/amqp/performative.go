package amqp

import (
	"fmt"
	"math"
)

// Performative is the body of a frame: what the peer is to do or has done.
type Performative interface {
	// descriptor is the numeric code of the type.
	descriptor() uint64
	write(*writer)
	read(*reader)
}

// The numeric codes of the performatives and of what is in them.
const (
	codeOpen           = 0x10
	codeBegin          = 0x11
	codeAttach         = 0x12
	codeFlow           = 0x13
	codeTransfer       = 0x14
	codeDisposition    = 0x15
	codeDetach         = 0x16
	codeEnd            = 0x17
	codeClose          = 0x18
	codeError          = 0x1d
	codeAccepted       = 0x24
	codeRejected       = 0x25
	codeSource         = 0x28
	codeTarget         = 0x29
	codeSASLMechanisms = 0x40
	codeSASLInit       = 0x41
	codeSASLOutcome    = 0x44
)

// AppendPerformative appends the encoding of p.
func AppendPerformative(b []byte, p Performative) []byte {
	return compose(b, p.descriptor(), p.write)
}

// ParsePerformative is the performative that b begins with, and the payload
// that follows it. It shares b's memory.
func ParsePerformative(b []byte) (p Performative, payload []byte, err error) {
	code, r, payload, err := composite(b)
	if err != nil {
		return nil, nil, fmt.Errorf("performative: %w", err)
	}
	if p = newPerformative(code); p == nil {
		return nil, nil, fmt.Errorf("%w: no performative has the code %#x", ErrMalformed, code)
	}
	p.read(r)
	if r.err != nil {
		return nil, nil, fmt.Errorf("performative %#x: %w", code, r.err)
	}
	return p, payload, nil
}

func newPerformative(code uint64) Performative {
	switch code {
	case codeOpen:
		return new(Open)
	case codeBegin:
		return new(Begin)
	case codeAttach:
		return new(Attach)
	case codeFlow:
		return new(Flow)
	case codeTransfer:
		return new(Transfer)
	case codeDisposition:
		return new(Disposition)
	case codeDetach:
		return new(Detach)
	case codeEnd:
		return new(End)
	case codeClose:
		return new(Close)
	case codeSASLMechanisms:
		return new(SASLMechanisms)
	case codeSASLInit:
		return new(SASLInit)
	case codeSASLOutcome:
		return new(SASLOutcome)
	}
	return nil
}

// Open begins a connection.
type Open struct {
	Container    string
	Host         string
	MaxFrameSize uint32
	ChannelMax   uint16
	IdleTimeout  uint32 // milliseconds; 0 for none
	Properties   Map
}

func (*Open) descriptor() uint64 { return codeOpen }

func (o *Open) write(w *writer) {
	w.value(o.Container)
	w.text(o.Host)
	w.uint(o.MaxFrameSize)
	w.value(o.ChannelMax)
	if o.IdleTimeout == 0 {
		w.null()
	} else {
		w.uint(o.IdleTimeout)
	}
	w.null() // outgoing locales
	w.null() // incoming locales
	w.null() // offered capabilities
	w.null() // desired capabilities
	w.entries(o.Properties)
}

func (o *Open) read(r *reader) {
	o.Container = required[string](r)
	o.Host = field(r, "")
	o.MaxFrameSize = field(r, uint32(math.MaxUint32))
	o.ChannelMax = field(r, uint16(math.MaxUint16))
	o.IdleTimeout = field(r, uint32(0))
	r.symbols()
	r.symbols()
	r.symbols()
	r.symbols()
	o.Properties = field(r, Map(nil))
}

// Begin begins a session.
type Begin struct {
	RemoteChannel  *uint16 // set where it answers another Begin
	NextOutgoing   uint32
	IncomingWindow uint32
	OutgoingWindow uint32
	HandleMax      uint32
}

func (*Begin) descriptor() uint64 { return codeBegin }

func (b *Begin) write(w *writer) {
	if b.RemoteChannel == nil {
		w.null()
	} else {
		w.value(*b.RemoteChannel)
	}
	w.uint(b.NextOutgoing)
	w.uint(b.IncomingWindow)
	w.uint(b.OutgoingWindow)
	w.uint(b.HandleMax)
}

func (b *Begin) read(r *reader) {
	b.RemoteChannel = optional[uint16](r)
	b.NextOutgoing = required[uint32](r)
	b.IncomingWindow = required[uint32](r)
	b.OutgoingWindow = required[uint32](r)
	b.HandleMax = field(r, uint32(math.MaxUint32))
}

// Flow updates the windows of a session and, where it has a handle, the credit
// of a link.
type Flow struct {
	NextIncoming   *uint32
	IncomingWindow uint32
	NextOutgoing   uint32
	OutgoingWindow uint32
	Handle         *uint32
	DeliveryCount  *uint32
	LinkCredit     *uint32
	Drain          bool
	Echo           bool
}

func (*Flow) descriptor() uint64 { return codeFlow }

func (f *Flow) write(w *writer) {
	w.optionalUint(f.NextIncoming)
	w.uint(f.IncomingWindow)
	w.uint(f.NextOutgoing)
	w.uint(f.OutgoingWindow)
	w.optionalUint(f.Handle)
	w.optionalUint(f.DeliveryCount)
	w.optionalUint(f.LinkCredit)
	w.null() // available
	w.flag(f.Drain)
	w.flag(f.Echo)
}

func (f *Flow) read(r *reader) {
	f.NextIncoming = optional[uint32](r)
	f.IncomingWindow = required[uint32](r)
	f.NextOutgoing = required[uint32](r)
	f.OutgoingWindow = required[uint32](r)
	f.Handle = optional[uint32](r)
	f.DeliveryCount = optional[uint32](r)
	f.LinkCredit = optional[uint32](r)
	field(r, uint32(0))
	f.Drain = field(r, false)
	f.Echo = field(r, false)
}

// Transfer sends a message, or a part of one; its payload follows it.
type Transfer struct {
	Handle        uint32
	DeliveryID    *uint32
	DeliveryTag   []byte
	MessageFormat *uint32
	Settled       bool
	More          bool
	Aborted       bool
}

func (*Transfer) descriptor() uint64 { return codeTransfer }

func (t *Transfer) write(w *writer) {
	w.uint(t.Handle)
	w.optionalUint(t.DeliveryID)
	w.binary(t.DeliveryTag)
	w.optionalUint(t.MessageFormat)
	w.flag(t.Settled)
	w.flag(t.More)
	w.null() // receiver settle mode
	w.null() // state
	w.null() // resume
	w.flag(t.Aborted)
}

func (t *Transfer) read(r *reader) {
	t.Handle = required[uint32](r)
	t.DeliveryID = optional[uint32](r)
	t.DeliveryTag = field(r, []byte(nil))
	t.MessageFormat = optional[uint32](r)
	t.Settled = field(r, false)
	t.More = field(r, false)
	field(r, uint8(0))
	field[any](r, nil)
	field(r, false)
	t.Aborted = field(r, false)
}

// Disposition says what became of deliveries.
type Disposition struct {
	Receiver bool // sent by the receiver of the deliveries
	First    uint32
	Last     *uint32
	Settled  bool
	State    any // Accepted, Rejected, or another outcome
}

func (*Disposition) descriptor() uint64 { return codeDisposition }

func (d *Disposition) write(w *writer) {
	w.value(d.Receiver)
	w.uint(d.First)
	w.optionalUint(d.Last)
	w.flag(d.Settled)
	w.value(d.State)
}

func (d *Disposition) read(r *reader) {
	d.Receiver = required[bool](r)
	d.First = required[uint32](r)
	d.Last = optional[uint32](r)
	d.Settled = field(r, false)
	d.State = field[any](r, nil)
}

// Accepted is the outcome of a delivery that was taken in.
func Accepted() *Described {
	return &Described{Descriptor: uint64(codeAccepted), Value: List{}}
}

// Rejected is the outcome of a delivery that was refused.
func Rejected(err *Error) *Described {
	return &Described{Descriptor: uint64(codeRejected), Value: List{err.value()}}
}
