package amqp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Frame types.
const (
	FrameAMQP = 0
	FrameSASL = 1
)

// HeaderSize is the length of a frame's header.
const HeaderSize = 8

// Protocol headers, with which each side begins (part 2, section 2.2, and
// part 5, section 5.3.1).
var (
	ProtocolAMQP = [8]byte{'A', 'M', 'Q', 'P', 0, 1, 0, 0}
	ProtocolSASL = [8]byte{'A', 'M', 'Q', 'P', 3, 1, 0, 0}
)

// Frame is a frame as it came. An empty frame, which only keeps a connection
// alive, has no body.
type Frame struct {
	Type    byte
	Channel uint16
	Body    Performative
	Payload []byte
}

// ReadFrame reads a frame of at most limit bytes. An error that wraps
// ErrFraming is of the frame itself, one that wraps ErrMalformed or
// ErrTruncated of its content; others are the stream's. The frame's memory is
// its own.
func ReadFrame(r io.Reader, limit uint32) (Frame, error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Frame{}, err
	}
	size := binary.BigEndian.Uint32(header[:])
	offset := 4 * uint32(header[4])
	if size > limit || offset < HeaderSize || offset > size {
		return Frame{}, fmt.Errorf("%w: %d bytes with the body at %d; %d bytes are allowed", ErrFraming, size, offset, limit)
	}
	frame := Frame{Type: header[5], Channel: binary.BigEndian.Uint16(header[6:])}
	body := make([]byte, size-HeaderSize)
	if _, err := io.ReadFull(r, body); err != nil {
		return Frame{}, err
	}
	body = body[offset-HeaderSize:]
	if len(body) == 0 {
		return frame, nil
	}
	var err error
	frame.Body, frame.Payload, err = ParsePerformative(body)
	return frame, err
}

// AppendFrame appends a frame with a body, or an empty one where p is nil.
func AppendFrame(b []byte, frameType byte, channel uint16, p Performative) []byte {
	b, start := openFrame(b, frameType, channel)
	if p != nil {
		b = AppendPerformative(b, p)
	}
	return closedFrame(b, start)
}

func openFrame(b []byte, frameType byte, channel uint16) (with []byte, start int) {
	start = len(b)
	b = append(b, 0, 0, 0, 0, 2, frameType)
	return binary.BigEndian.AppendUint16(b, channel), start
}

func closedFrame(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// MinFrameSize is the smallest limit of frames that a peer may ask for.
const MinFrameSize = 512

// AppendTransfer appends the frames of a message, none larger than limit,
// which is at least MinFrameSize, and says how many there are. Only the first
// has t's delivery id, tag and format.
func AppendTransfer(b []byte, channel uint16, t Transfer, limit uint32, message []byte) (with []byte, frames int) {
	for {
		frames++
		t.More = false
		mark := len(b)
		b = appendTransferHead(b, channel, &t)
		if room := int(limit) - (len(b) - mark); len(message) <= room {
			return closedFrame(append(b, message...), mark), frames
		}
		t.More = true
		b = appendTransferHead(b[:mark], channel, &t)
		room := int(limit) - (len(b) - mark)
		b = closedFrame(append(b, message[:room]...), mark)
		message = message[room:]
		t.DeliveryID, t.DeliveryTag, t.MessageFormat = nil, nil, nil
	}
}

func appendTransferHead(b []byte, channel uint16, t *Transfer) []byte {
	b, _ = openFrame(b, FrameAMQP, channel)
	return AppendPerformative(b, t)
}
