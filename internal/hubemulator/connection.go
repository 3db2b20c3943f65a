package hubemulator

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// What the server bounds itself to, per connection.
const (
	maxFrame    = 64 << 10
	maxChannel  = 4999
	maxHandle   = 255
	maxLinks    = 1000
	maxHeld     = 16 << 20  // bytes of messages that have begun and not ended
	outputLimit = 256 << 10 // bytes that wait to be written before nothing more is read or delivered
	lingering   = time.Second
)

// connection is one client's. Two goroutines serve it: one reads frames and
// does what they say, one writes what waits to be written, deliveries too.
type connection struct {
	server  *Server
	net     net.Conn
	in      io.Reader
	refused bool // there are too many
	wake    chan struct{}
	ctx     context.Context // done when the connection is
	cancel  context.CancelFunc

	inboxMu sync.Mutex
	inbox   []func() // what others want of this connection; the writer does it

	mu        sync.Mutex // guards what follows, and sessions and links
	drained   *sync.Cond // out became empty
	out       []byte
	closing   bool // when out is written, it is over
	peerFrame uint32
	peerIdle  time.Duration
	sessions  map[uint16]*session
	claims    map[string]claim
	held      int     // bytes of messages that have begun and not ended
	sources   []*link // links that the client receives from
	turn      int     // the first of them to be served next
}

func newConnection(s *Server, netConn net.Conn, in io.Reader) *connection {
	c := &connection{
		server: s, net: netConn, in: in, wake: make(chan struct{}, 1),
		sessions: map[uint16]*session{}, claims: map[string]claim{},
	}
	if in == nil {
		c.in = netConn
	}
	c.drained = sync.NewCond(&c.mu)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// serve talks to the client until one of them has enough.
func (c *connection) serve() {
	defer c.net.Close() //nolint:errcheck // it is over either way
	defer c.cancel()
	if err := c.handshake(); err != nil {
		c.server.config.Log.Debug("handshake", "error", err)
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	err := c.read()
	c.mu.Lock()
	c.closing = true
	c.drained.Broadcast()
	c.mu.Unlock()
	c.cancel()
	c.signal()
	<-written
	c.mu.Lock()
	for channel := range c.sessions {
		c.dropSession(channel)
	}
	c.mu.Unlock()
	if err == nil {
		return
	}
	c.server.config.Log.Debug("connection ends", "error", err)
	c.linger()
}

// linger lets a client that still writes read why it was closed: closing a
// socket with unread data would take that away.
func (c *connection) linger() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.net.SetReadDeadline(time.Now().Add(lingering)) == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(c.net, 1<<20)) // until it closes, or too late
	}
}

// read does what the client's frames say. It returns nil where the client
// closed the connection in form, and otherwise why it is over.
func (c *connection) read() error {
	for {
		if err := c.beforeRead(); err != nil {
			return err
		}
		frame, err := amqp.ReadFrame(c.in, maxFrame)
		c.mu.Lock()
		switch {
		case err != nil:
			err = c.failRead(err)
		case frame.Body == nil: // it is alive
		case frame.Type != amqp.FrameAMQP:
			err = c.fail(amqp.Errorf(amqp.ConditionFraming, "a frame of type %d", frame.Type))
		default:
			err = c.handle(frame)
		}
		c.mu.Unlock()
		c.signal()
		if errors.Is(err, errClosedByClient) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// beforeRead waits until the client has read what it was sent.
func (c *connection) beforeRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.out) > outputLimit && !c.closing {
		c.drained.Wait()
	}
	if c.closing {
		return errClosedByServer
	}
	return c.net.SetReadDeadline(time.Now().Add(c.server.config.Limits.Idle))
}

var (
	errClosedByClient = errors.New("closed by the client")
	errClosedByServer = errors.New("closed by the server")
)

// failRead closes the connection after a frame that could not be read.
func (c *connection) failRead(err error) error {
	var timeout net.Error
	switch {
	case c.closing:
		return errClosedByServer
	case errors.Is(err, amqp.ErrFraming):
		return c.fail(amqp.Errorf(amqp.ConditionFraming, "%v", err))
	case errors.Is(err, amqp.ErrMalformed), errors.Is(err, amqp.ErrTruncated):
		return c.fail(amqp.Errorf(amqp.ConditionDecode, "%v", err))
	case errors.As(err, &timeout) && timeout.Timeout():
		return c.fail(amqp.Errorf(amqp.ConditionConnectionForced, "The connection was inactive for more than the allowed %d milliseconds and is closed by the service.", c.server.config.Limits.Idle.Milliseconds()))
	}
	return err
}

// fail closes the connection and says why.
func (c *connection) fail(why *amqp.Error) error {
	if !c.closing {
		c.send(0, &amqp.Close{Error: why})
		c.closing = true
		c.drained.Broadcast()
	}
	return why
}

// handle does what a frame says.
func (c *connection) handle(frame amqp.Frame) error {
	switch body := frame.Body.(type) {
	case *amqp.Open:
		return c.fail(amqp.Errorf(amqp.ConditionIllegalState, "the connection is open already"))
	case *amqp.Close:
		c.send(0, &amqp.Close{})
		c.closing = true
		return errClosedByClient
	case *amqp.Begin:
		return c.begin(frame.Channel, body)
	}
	s, ok := c.sessions[frame.Channel]
	if !ok {
		return c.fail(amqp.Errorf(amqp.ConditionIllegalState, "a frame for channel %d, on which there is no session", frame.Channel))
	}
	return s.handle(frame)
}

// send queues a frame. It may be called with mu held only.
func (c *connection) send(channel uint16, p amqp.Performative) {
	if !c.closing {
		c.out = amqp.AppendFrame(c.out, amqp.FrameAMQP, channel, p)
	}
}

// links is how many links are attached.
func (c *connection) links() int {
	count := 0
	for _, s := range c.sessions {
		count += len(s.links)
	}
	return count
}

// signal has the writer look again.
func (c *connection) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// post has the writer do something with mu held. It does not wait.
func (c *connection) post(do func()) {
	c.inboxMu.Lock()
	c.inbox = append(c.inbox, do)
	c.inboxMu.Unlock()
	c.signal()
}

func (c *connection) takeInbox() {
	c.inboxMu.Lock()
	inbox := c.inbox
	c.inbox = nil
	c.inboxMu.Unlock()
	for _, do := range inbox {
		do()
	}
}

// write writes what waits to be written, until the connection is over.
func (c *connection) write() {
	idle := time.NewTimer(c.keepAlive())
	defer idle.Stop()
	var spare []byte
	for {
		c.mu.Lock()
		c.takeInbox()
		c.deliver()
		closing := c.closing
		var out []byte
		if len(c.out) > 0 {
			out, c.out, spare = c.out, spare[:0], nil
			c.drained.Broadcast()
		}
		if closing && len(out) == 0 {
			_ = c.net.SetReadDeadline(time.Now()) // the reader has nothing to wait for
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		if len(out) > 0 {
			if !c.flush(out) {
				return
			}
			if cap(out) <= 2*outputLimit {
				spare = out
			}
			idle.Reset(c.keepAlive())
			continue
		}
		select {
		case <-c.wake:
		case <-idle.C:
			c.mu.Lock()
			c.send(0, nil)
			c.mu.Unlock()
		}
	}
}

// flush writes to the client, which is cut off if it does not read.
func (c *connection) flush(out []byte) bool {
	err := c.net.SetWriteDeadline(time.Now().Add(c.server.config.Limits.Write))
	if err == nil && c.ctx.Err() != nil { // it is over, and nobody waits long for a goodbye
		err = c.net.SetWriteDeadline(time.Now().Add(lingering))
	}
	if err == nil {
		_, err = c.net.Write(out)
	}
	if err != nil {
		c.server.config.Log.Debug("write", "error", err)
		c.mu.Lock()
		c.closing, c.out = true, nil
		c.drained.Broadcast()
		c.mu.Unlock()
		_ = c.net.Close() // ends the reader
		return false
	}
	return true
}

// keepAlive is how long nothing may be written until a client takes fright.
func (c *connection) keepAlive() time.Duration {
	if c.peerIdle == 0 {
		return math.MaxInt64
	}
	return c.peerIdle / 2
}

// pause waits, without holding mu, unless the connection ends.
func (c *connection) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	c.mu.Unlock()
	defer c.mu.Lock()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}

// cut breaks the connection off.
func (c *connection) cut() {
	_ = c.net.Close() // both goroutines end by it
}

// forceClose closes the connection as the service does when it goes down.
func (c *connection) forceClose() {
	c.cancel()
	_ = c.net.SetDeadline(time.Now().Add(lingering)) // for the handshake, or a write to one who does not read
	c.post(func() {
		_ = c.fail(amqp.Errorf(amqp.ConditionConnectionForced, "The connection was closed by the service: the emulator ends."))
	})
}

// detachHub detaches the links to a hub.
func (c *connection) detachHub(hub *broker.Hub, why *amqp.Error) {
	c.post(func() {
		for _, s := range c.sessions {
			for _, l := range s.links {
				if l.hub == hub {
					l.detach(why)
				}
			}
		}
	})
}
