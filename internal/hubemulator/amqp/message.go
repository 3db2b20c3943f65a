package amqp

import "fmt"

// The sections of a message (part 3, section 3.2), by their descriptors.
const (
	SectionHeader                = 0x70
	SectionDeliveryAnnotations   = 0x71
	SectionAnnotations           = 0x72
	SectionProperties            = 0x73
	SectionApplicationProperties = 0x74
	SectionData                  = 0x75
	SectionSequence              = 0x76
	SectionValue                 = 0x77
	SectionFooter                = 0x78
)

// Section is a section of a message.
type Section struct {
	Code  uint64
	Raw   []byte // the whole section
	Value []byte // its value, encoded
}

// NextSection is the section that a message begins with, and what follows it.
// The section is checked and not decoded.
func NextSection(message []byte) (Section, []byte, error) {
	code, value, err := Descriptor(message)
	if err != nil {
		return Section{}, nil, err
	}
	if code < SectionHeader || code > SectionFooter {
		return Section{}, nil, fmt.Errorf("%w: no section of a message has the code %#x", ErrMalformed, code)
	}
	rest, err := Skip(value)
	if err != nil {
		return Section{}, nil, fmt.Errorf("section %#x: %w", code, err)
	}
	size := len(message) - len(rest)
	return Section{Code: code, Raw: message[:size], Value: message[size-len(value)+len(rest) : size]}, rest, nil
}

// Binary is the content of a section that holds binary data.
func (s Section) Binary() ([]byte, error) {
	value, _, err := Decode(s.Value)
	if err != nil {
		return nil, err
	}
	b, ok := value.([]byte)
	if !ok {
		return nil, fmt.Errorf("%w: a data section that holds a %T", ErrMalformed, value)
	}
	return b, nil
}

// Map is the content of a section that holds a map.
func (s Section) Map() (Map, error) {
	value, _, err := Decode(s.Value)
	if err != nil {
		return nil, err
	}
	m, ok := value.(Map)
	if !ok {
		return nil, fmt.Errorf("%w: section %#x holds a %T instead of a map", ErrMalformed, s.Code, value)
	}
	return m, nil
}

// Message is what requests and their responses need of a message.
type Message struct {
	ID          any
	ReplyTo     string
	Correlation any
	Properties  Map // the application's
	Value       any
}

// ParseMessage reads a message and leaves out what Message does not hold.
func ParseMessage(b []byte) (Message, error) {
	var m Message
	for len(b) > 0 {
		section, rest, err := NextSection(b)
		if err != nil {
			return Message{}, err
		}
		switch section.Code {
		case SectionProperties:
			err = m.readProperties(section.Value)
		case SectionApplicationProperties:
			m.Properties, err = section.Map()
		case SectionValue:
			m.Value, _, err = Decode(section.Value)
		}
		if err != nil {
			return Message{}, err
		}
		b = rest
	}
	return m, nil
}

func (m *Message) readProperties(b []byte) error {
	r, _, err := fields(b)
	if err != nil {
		return err
	}
	m.ID = field[any](r, nil)
	field[any](r, nil) // user id
	field[any](r, nil) // to
	field[any](r, nil) // subject
	m.ReplyTo = field(r, "")
	m.Correlation = field[any](r, nil)
	return r.err
}

// AppendMessage appends the encoding of m.
func AppendMessage(b []byte, m Message) []byte {
	b = compose(b, SectionProperties, func(w *writer) {
		w.value(m.ID)
		w.null()
		w.null()
		w.null()
		w.text(m.ReplyTo)
		w.value(m.Correlation)
	})
	b = AppendSection(b, SectionApplicationProperties, m.Properties)
	return AppendSection(b, SectionValue, m.Value)
}

// AppendSection appends a section with a value.
func AppendSection(b []byte, code uint64, value any) []byte {
	return Append(b, &Described{Descriptor: code, Value: value})
}

// AppendMapSection appends a section with a map of count entries whose
// encodings, keys and values in turn, are given in pieces.
func AppendMapSection(b []byte, code uint64, count int, pieces ...[]byte) []byte {
	b = Append(append(b, codeDescribed), code)
	b, start := open(append(b, codeMap32), codeMap32)
	for _, piece := range pieces {
		b = append(b, piece...)
	}
	return closed(b, codeMap32, start, 2*count)
}
