package simulate

import (
	"bufio"
	"io"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// Limits of a message: Azure Monitor's are of at most 1 MB.
const (
	maxMessageRows  = 500
	maxMessageBytes = 900_000
)

// Writer takes deliveries in order. Close must follow the last.
type Writer interface {
	Write(d Delivery) error
	Close() error
}

// Stream writes deliveries as the hub has them: one message a line, an envelope {"records":[…]}.
type Stream struct {
	out     *bufio.Writer
	line    []byte
	rows    int
	message uint64
	at      detectors.Time
}

var _ Writer = (*Stream)(nil)

// NewStream writes to w, which stays open.
func NewStream(w io.Writer) *Stream { return &Stream{out: bufio.NewWriterSize(w, 1<<18)} }

// Write implements Writer.
func (s *Stream) Write(d Delivery) error {
	if s.rows > 0 && (d.Message != s.message || d.At != s.at || s.rows == maxMessageRows || len(s.line) > maxMessageBytes) {
		if err := s.end(); err != nil {
			return err
		}
	}
	if s.rows == 0 {
		s.line = append(s.line[:0], `{"records":[`...)
	} else {
		s.line = append(s.line, ',')
	}
	s.rows++
	s.message, s.at = d.Message, d.At
	var err error
	s.line, err = azurelog.Append(s.line, &d.Fragment, styleOf(&d.Fragment))
	return err
}

// end writes the message that is open.
func (s *Stream) end() error {
	s.line = append(s.line, "]}\n"...)
	s.rows = 0
	_, err := s.out.Write(s.line)
	return err
}

// Close implements Writer.
func (s *Stream) Close() error {
	if s.rows > 0 {
		if err := s.end(); err != nil {
			return err
		}
	}
	return s.out.Flush()
}
