package hubemulator

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
)

// Mechanisms by which a client may introduce itself: it proves who it is later,
// with claims.
const (
	saslAnonymous = "ANONYMOUS"
	saslClaims    = "MSSBCBS"
)

// handshake speaks with the client until the connection is open.
func (c *connection) handshake() error {
	if err := c.net.SetDeadline(time.Now().Add(c.server.config.Limits.Handshake)); err != nil {
		return err
	}
	if err := c.ctx.Err(); err != nil { // the server closed before the deadline was set
		return err
	}
	if err := c.expect(amqp.ProtocolSASL); err != nil {
		return err
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if err := c.expect(amqp.ProtocolAMQP); err != nil {
		return err
	}
	if err := c.reply(amqp.ProtocolAMQP[:]); err != nil {
		return err
	}
	if err := c.opened(); err != nil {
		return err
	}
	return c.net.SetDeadline(time.Time{})
}

// expect reads a protocol header. A client that sends another is sent the one
// that is spoken here, as the specification asks.
func (c *connection) expect(want [8]byte) error {
	var header [8]byte
	if _, err := io.ReadFull(c.in, header[:]); err != nil {
		return err
	}
	if header != want {
		return errors.Join(fmt.Errorf("protocol header %q instead of %q", header, want), c.reply(want[:]))
	}
	return nil
}

func (c *connection) authenticate() error {
	mechanisms := &amqp.SASLMechanisms{Mechanisms: []amqp.Symbol{saslClaims, saslAnonymous}}
	if err := c.reply(amqp.AppendFrame(amqp.ProtocolSASL[:], amqp.FrameSASL, 0, mechanisms)); err != nil {
		return err
	}
	frame, err := amqp.ReadFrame(c.in, maxFrame)
	if err != nil {
		return err
	}
	init, ok := frame.Body.(*amqp.SASLInit)
	if !ok {
		return fmt.Errorf("%T instead of the choice of a SASL mechanism", frame.Body)
	}
	outcome := &amqp.SASLOutcome{}
	if init.Mechanism != saslAnonymous && init.Mechanism != saslClaims {
		outcome.Code = 1
		err = fmt.Errorf("SASL mechanism %q", init.Mechanism)
	}
	return errors.Join(err, c.reply(amqp.AppendFrame(nil, amqp.FrameSASL, 0, outcome)))
}

// opened answers the client's Open. Where there are too many connections, it
// is opened to say so.
func (c *connection) opened() error {
	frame, err := amqp.ReadFrame(c.in, maxFrame)
	var failure *amqp.Error
	open, ok := frame.Body.(*amqp.Open)
	switch {
	case errors.Is(err, amqp.ErrFraming):
		failure = amqp.Errorf(amqp.ConditionFraming, "%v", err)
	case errors.Is(err, amqp.ErrMalformed), errors.Is(err, amqp.ErrTruncated):
		failure = amqp.Errorf(amqp.ConditionDecode, "%v", err)
	case err != nil:
		return err
	case !ok:
		failure = amqp.Errorf(amqp.ConditionIllegalState, "%T before the connection is open", frame.Body)
	case open.MaxFrameSize < amqp.MinFrameSize:
		failure = amqp.Errorf(amqp.ConditionInvalidField, "a frame size of %d bytes; it must be %d at least", open.MaxFrameSize, amqp.MinFrameSize)
	case c.refused:
		failure = amqp.Errorf(amqp.ConditionResourceLimit, "The maximum number of %d concurrent connections of the namespace is reached.", c.server.config.Limits.Connections)
	default:
		c.peerFrame = open.MaxFrameSize
		c.peerIdle = time.Duration(open.IdleTimeout) * time.Millisecond
	}
	answer := amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.Open{
		Container: newID(), MaxFrameSize: maxFrame, ChannelMax: maxChannel,
		IdleTimeout: uint32(c.server.config.Limits.Idle.Milliseconds()),
	})
	if failure == nil {
		return c.reply(answer)
	}
	err = c.reply(amqp.AppendFrame(answer, amqp.FrameAMQP, 0, &amqp.Close{Error: failure}))
	c.linger()
	return errors.Join(failure, err)
}

func (c *connection) reply(b []byte) error {
	_, err := c.net.Write(b)
	return err
}
