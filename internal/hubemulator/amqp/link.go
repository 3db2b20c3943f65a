package amqp

import "fmt"

// Settlement modes of an Attach (part 2, sections 2.8.2 and 2.8.3).
const (
	SenderUnsettled = 0
	SenderSettled   = 1
	SenderMixed     = 2
	ReceiverFirst   = 0
	ReceiverSecond  = 1
)

// Attach attaches a link to a session.
type Attach struct {
	Name           string
	Handle         uint32
	Receiver       bool // sent by the receiver of the link's deliveries
	SenderMode     uint8
	ReceiverMode   uint8
	Source         *Source
	Target         *Target
	DeliveryCount  *uint32 // the first one; required of a sender
	MaxMessageSize uint64
	Offered        []Symbol
	Desired        []Symbol
	Properties     Map
}

func (*Attach) descriptor() uint64 { return codeAttach }

func (a *Attach) write(w *writer) {
	w.value(a.Name)
	w.uint(a.Handle)
	w.value(a.Receiver)
	w.value(a.SenderMode)
	w.value(a.ReceiverMode)
	w.composite(codeSource, a.Source != nil, a.Source.write)
	w.composite(codeTarget, a.Target != nil, a.Target.write)
	w.null() // unsettled
	w.null() // incomplete unsettled
	w.optionalUint(a.DeliveryCount)
	if a.MaxMessageSize == 0 {
		w.null()
	} else {
		w.value(a.MaxMessageSize)
	}
	w.symbols(a.Offered)
	w.symbols(a.Desired)
	w.entries(a.Properties)
}

func (a *Attach) read(r *reader) {
	a.Name = required[string](r)
	a.Handle = required[uint32](r)
	a.Receiver = required[bool](r)
	a.SenderMode = field(r, uint8(SenderMixed))
	a.ReceiverMode = field(r, uint8(ReceiverFirst))
	source, target := new(Source), new(Target)
	if r.composite(codeSource, source.read) {
		a.Source = source
	}
	if r.composite(codeTarget, target.read) {
		a.Target = target
	}
	field(r, Map(nil))
	field(r, false)
	a.DeliveryCount = optional[uint32](r)
	a.MaxMessageSize = field(r, uint64(0))
	a.Offered = r.symbols()
	a.Desired = r.symbols()
	a.Properties = field(r, Map(nil))
}

// Source is where a link's deliveries come from.
type Source struct {
	Address      string
	Durable      uint32
	Expiry       Symbol
	Timeout      uint32
	Dynamic      bool
	Properties   Map
	Distribution Symbol
	Filter       Map
	Outcome      any
	Outcomes     []Symbol
	Capabilities []Symbol
}

func (s *Source) write(w *writer) {
	w.text(s.Address)
	w.uint(s.Durable)
	w.symbol(s.Expiry)
	w.uint(s.Timeout)
	w.flag(s.Dynamic)
	w.entries(s.Properties)
	w.symbol(s.Distribution)
	w.entries(s.Filter)
	w.value(s.Outcome)
	w.symbols(s.Outcomes)
	w.symbols(s.Capabilities)
}

func (s *Source) read(r *reader) {
	s.Address = r.address()
	s.Durable = field(r, uint32(0))
	s.Expiry = field(r, Symbol(""))
	s.Timeout = field(r, uint32(0))
	s.Dynamic = field(r, false)
	s.Properties = field(r, Map(nil))
	s.Distribution = field(r, Symbol(""))
	s.Filter = field(r, Map(nil))
	s.Outcome = field[any](r, nil)
	s.Outcomes = r.symbols()
	s.Capabilities = r.symbols()
}

// Selector is the value of the source's selector filter; "" where it has none.
func (s *Source) Selector() string {
	described, ok := s.Filter.Get("apache.org:selector-filter:string").(*Described)
	if !ok {
		return ""
	}
	selector, _ := described.Value.(string)
	return selector
}

// Target is where a link's deliveries go.
type Target struct {
	Address      string
	Durable      uint32
	Expiry       Symbol
	Timeout      uint32
	Dynamic      bool
	Properties   Map
	Capabilities []Symbol
}

func (t *Target) write(w *writer) {
	w.text(t.Address)
	w.uint(t.Durable)
	w.symbol(t.Expiry)
	w.uint(t.Timeout)
	w.flag(t.Dynamic)
	w.entries(t.Properties)
	w.symbols(t.Capabilities)
}

func (t *Target) read(r *reader) {
	t.Address = r.address()
	t.Durable = field(r, uint32(0))
	t.Expiry = field(r, Symbol(""))
	t.Timeout = field(r, uint32(0))
	t.Dynamic = field(r, false)
	t.Properties = field(r, Map(nil))
	t.Capabilities = r.symbols()
}

// Detach ends a link.
type Detach struct {
	Handle uint32
	Closed bool
	Error  *Error
}

func (*Detach) descriptor() uint64 { return codeDetach }

func (d *Detach) write(w *writer) {
	w.uint(d.Handle)
	w.flag(d.Closed)
	w.composite(codeError, d.Error != nil, d.Error.write)
}

func (d *Detach) read(r *reader) {
	d.Handle = required[uint32](r)
	d.Closed = field(r, false)
	d.Error = readError(r)
}

// End ends a session.
type End struct{ Error *Error }

func (*End) descriptor() uint64 { return codeEnd }

func (e *End) write(w *writer) { w.composite(codeError, e.Error != nil, e.Error.write) }

func (e *End) read(r *reader) { e.Error = readError(r) }

// Close ends a connection.
type Close struct{ Error *Error }

func (*Close) descriptor() uint64 { return codeClose }

func (c *Close) write(w *writer) { w.composite(codeError, c.Error != nil, c.Error.write) }

func (c *Close) read(r *reader) { c.Error = readError(r) }

// Error says why a link, a session or a connection ended, or why a delivery
// was refused.
type Error struct {
	Condition   Symbol
	Description string
}

// Error is the condition and the description.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Condition, e.Description) }

// Errorf is an Error with a formatted description.
func Errorf(condition Symbol, format string, args ...any) *Error {
	return &Error{Condition: condition, Description: fmt.Sprintf(format, args...)}
}

func (e *Error) write(w *writer) {
	w.value(e.Condition)
	w.text(e.Description)
}

func (e *Error) value() *Described {
	return &Described{Descriptor: uint64(codeError), Value: List{e.Condition, e.Description}}
}

func readError(r *reader) *Error {
	e := new(Error)
	if !r.composite(codeError, func(r *reader) {
		e.Condition = required[Symbol](r)
		e.Description = field(r, "")
	}) {
		return nil
	}
	return e
}

// SASLMechanisms lists how a client may say who it is.
type SASLMechanisms struct{ Mechanisms []Symbol }

func (*SASLMechanisms) descriptor() uint64 { return codeSASLMechanisms }

func (m *SASLMechanisms) write(w *writer) { w.symbols(m.Mechanisms) }

func (m *SASLMechanisms) read(r *reader) { m.Mechanisms = r.symbols() }

// SASLInit chooses a mechanism.
type SASLInit struct {
	Mechanism Symbol
	Response  []byte
}

func (*SASLInit) descriptor() uint64 { return codeSASLInit }

func (i *SASLInit) write(w *writer) {
	w.value(i.Mechanism)
	w.binary(i.Response)
}

func (i *SASLInit) read(r *reader) {
	i.Mechanism = required[Symbol](r)
	i.Response = field(r, []byte(nil))
}

// SASLOutcome ends the choice: 0 is success, 1 failed authentication.
type SASLOutcome struct{ Code uint8 }

func (*SASLOutcome) descriptor() uint64 { return codeSASLOutcome }

func (o *SASLOutcome) write(w *writer) { w.value(o.Code) }

func (o *SASLOutcome) read(r *reader) { o.Code = required[uint8](r) }
