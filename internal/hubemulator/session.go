package hubemulator

import (
	"maps"
	"slices"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
)

// What a session grants a client. A grant is renewed when half of it is used,
// before the next frame is read: nothing waits here, so no client can use more.
const (
	incomingWindow = 2048 // transfer frames
	outgoingWindow = 1 << 30
)

// session is one of a client's. Its channel has the same number in both
// directions, and so have its links' handles.
type session struct {
	connection *connection
	channel    uint16
	links      map[uint32]*link
	ended      bool // by the server; what the client still sends is ignored

	nextIncoming uint32 // transfer id
	window       uint32 // transfers that the client may still send
	nextOutgoing uint32 // transfer id
	peerWindow   uint32 // transfers that the client may still be sent
	nextDelivery uint32
}

// begin answers a client that begins a session.
func (c *connection) begin(channel uint16, b *amqp.Begin) error {
	switch {
	case channel > maxChannel:
		return c.fail(amqp.Errorf(amqp.ConditionFraming, "channel %d; %d is the last", channel, maxChannel))
	case c.sessions[channel] != nil:
		return c.fail(amqp.Errorf(amqp.ConditionIllegalState, "there is a session on channel %d already", channel))
	case b.RemoteChannel != nil:
		return c.fail(amqp.Errorf(amqp.ConditionIllegalState, "an answer to a session that was not begun"))
	}
	c.sessions[channel] = &session{
		connection: c, channel: channel, links: map[uint32]*link{},
		nextIncoming: b.NextOutgoing, window: incomingWindow, peerWindow: b.IncomingWindow,
	}
	c.send(channel, &amqp.Begin{
		RemoteChannel: &channel, IncomingWindow: incomingWindow, OutgoingWindow: outgoingWindow, HandleMax: maxHandle,
	})
	return nil
}

// dropSession forgets a session and its links.
func (c *connection) dropSession(channel uint16) {
	s := c.sessions[channel]
	for _, l := range s.links {
		l.release()
	}
	delete(c.sessions, channel)
}

func (s *session) send(p amqp.Performative) { s.connection.send(s.channel, p) }

// handle does what a frame on the session's channel says.
func (s *session) handle(frame amqp.Frame) error {
	if end, ok := frame.Body.(*amqp.End); ok {
		if !s.ended {
			s.send(&amqp.End{})
		}
		if end.Error != nil {
			s.connection.server.config.Log.Debug("the client ends a session", "error", end.Error)
		}
		s.connection.dropSession(s.channel)
		return nil
	}
	if s.ended {
		return nil
	}
	switch body := frame.Body.(type) {
	case *amqp.Attach:
		s.attach(body)
	case *amqp.Flow:
		s.flow(body)
	case *amqp.Transfer:
		s.transfer(body, frame.Payload)
	case *amqp.Disposition: // everything was sent settled, or is kept anyway
	case *amqp.Detach:
		s.detach(body)
	default:
		return s.connection.fail(amqp.Errorf(amqp.ConditionNotAllowed, "%T in a session", body))
	}
	return nil
}

// end ends the session and says why.
func (s *session) end(why *amqp.Error) {
	s.send(&amqp.End{Error: why})
	s.ended = true
	for handle, l := range s.links {
		l.release()
		delete(s.links, handle)
	}
}

// link is the link of a handle that a client used; where there is none, the
// session ends.
func (s *session) link(handle uint32) (*link, bool) {
	l, ok := s.links[handle]
	if !ok {
		s.end(amqp.Errorf(amqp.ConditionUnattached, "no link is attached with the handle %d", handle))
	}
	return l, ok
}

// flow takes note of what the client can take.
func (s *session) flow(f *amqp.Flow) {
	var confirmed uint32 // nothing, until it has seen our Begin
	if f.NextIncoming != nil {
		confirmed = *f.NextIncoming
	}
	s.peerWindow = confirmed + f.IncomingWindow - s.nextOutgoing
	if s.peerWindow > outgoingWindow { // it has less room than is on the way
		s.peerWindow = 0
	}
	if f.Handle == nil {
		if f.Echo {
			s.send(s.state())
		}
		return
	}
	if l, ok := s.link(*f.Handle); ok {
		l.flow(f)
	}
}

// state is a Flow that says how the session stands.
func (s *session) state() *amqp.Flow {
	next := s.nextIncoming
	return &amqp.Flow{NextIncoming: &next, IncomingWindow: s.window, NextOutgoing: s.nextOutgoing, OutgoingWindow: outgoingWindow}
}

// transfer takes a part of a message in.
func (s *session) transfer(t *amqp.Transfer, payload []byte) {
	s.nextIncoming++
	s.window--
	if l, ok := s.link(t.Handle); ok {
		l.transfer(t, payload)
	}
	if s.window <= incomingWindow/2 && !s.ended {
		s.window = incomingWindow
		s.send(s.state())
	}
}

func (s *session) detach(d *amqp.Detach) {
	l, ok := s.link(d.Handle)
	if !ok {
		return
	}
	if !l.detached {
		s.send(&amqp.Detach{Handle: d.Handle, Closed: true})
	}
	l.release()
	delete(s.links, d.Handle)
}

// replyTo is the link on which a client waits for answers to an address.
func (c *connection) replyTo(node, address string) (*replies, bool) {
	for _, channel := range slices.Sorted(maps.Keys(c.sessions)) {
		for _, l := range c.sessions[channel].links {
			if r, ok := l.source.(*replies); ok && !l.detached && r.node == node && r.address == address {
				return r, true
			}
		}
	}
	return nil, false
}
