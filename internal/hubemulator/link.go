package hubemulator

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// grantedCredit is how many messages a client may send. It is renewed when half
// of it is used, before the next frame is read.
const grantedCredit = 1000

// link is one of a session's. Either it has a source, and the client receives
// from it, or a sink, to which the client sends.
type link struct {
	session  *session
	handle   uint32
	address  address
	hub      *broker.Hub // nil for $cbs and $management
	expires  time.Time   // of the claim that it was attached with
	detached bool        // by the server; what the client still sends is ignored

	source        source
	settled       bool   // deliveries are sent settled
	credit        uint32 // deliveries that the client takes
	drain         bool   // it takes them now or not at all
	deliveryCount uint32

	sink    sink
	granted uint32
	partial *delivery
}

// source gives what a client receives.
type source interface {
	// send sends one message where there is one, and says whether there was.
	send(*link) bool
	// release ends the source.
	release()
}

// sink takes what a client sends.
type sink interface {
	// take takes a message and returns its outcome, or nil where the client
	// is not to know it.
	take(*link, *delivery) *amqp.Described
}

// delivery is a message on its way from a client.
type delivery struct {
	id      uint32
	format  uint32
	settled bool
	message []byte
	held    int // bytes of it that count against the connection's maxHeld
}

// attach answers a client that attaches a link.
func (s *session) attach(a *amqp.Attach) {
	switch {
	case a.Handle > maxHandle:
		s.end(amqp.Errorf(amqp.ConditionNotAllowed, "handle %d; %d is the last", a.Handle, maxHandle))
		return
	case s.connection.links() >= maxLinks:
		s.end(amqp.Errorf(amqp.ConditionResourceLimit, "The connection has %d links, and may not have more.", maxLinks))
		return
	case s.links[a.Handle] != nil:
		s.end(amqp.Errorf(amqp.ConditionHandleInUse, "a link is attached with the handle %d already", a.Handle))
		return
	}
	l := &link{session: s, handle: a.Handle}
	refusal := l.connect(a)
	if s.ended || s.connection.closing { // while a fault delayed the answer
		l.release()
		return
	}
	s.links[a.Handle] = l
	answer := &amqp.Attach{
		Name: a.Name, Handle: a.Handle, Receiver: !a.Receiver,
		SenderMode: a.SenderMode, ReceiverMode: amqp.ReceiverFirst,
		MaxMessageSize: s.connection.server.config.Limits.Message, Properties: l.properties(),
	}
	if !answer.Receiver {
		answer.DeliveryCount = new(uint32)
	}
	if refusal != nil {
		s.send(answer) // without a source and a target: there is no link
		l.detach(refusal)
		return
	}
	answer.Source, answer.Target = a.Source, a.Target
	if l.hub != nil && l.hub.GeoReplicated() && slices.Contains(a.Desired, capabilityGeo) {
		answer.Offered = []amqp.Symbol{capabilityGeo}
	}
	s.send(answer)
	if l.sink != nil {
		l.grant()
		return
	}
	l.settled = a.SenderMode != amqp.SenderUnsettled
	s.connection.sources = append(s.connection.sources, l)
}

// capabilityGeo says that a client knows the offsets of geo-replicated hubs.
const capabilityGeo amqp.Symbol = "com.microsoft:georeplication"

func (l *link) properties() amqp.Map {
	return amqp.Map{{Key: amqp.Symbol("com.microsoft:tracking-id"), Value: newID()}}
}

// connect finds what the link is attached to, or why it may not be.
func (l *link) connect(a *amqp.Attach) *amqp.Error {
	text := ""
	switch {
	case a.Receiver && a.Source != nil:
		text = a.Source.Address
	case !a.Receiver && a.Target != nil:
		text = a.Target.Address
	}
	var ok bool
	if l.address, ok = parseAddress(text); !ok {
		return amqp.Errorf(amqp.ConditionNotFound, "The messaging entity '%s' could not be found.", text)
	}
	c := l.session.connection
	if l.address.node != "" {
		return l.connectNode(a)
	}
	fault := c.fault(Operation{Kind: OpAttach, Hub: l.address.hub, Group: l.address.group, Partition: l.address.partition})
	if refusal := cmp.Or(fault.Error, fault.Detach); refusal != nil {
		return refusal
	}
	need, word := Send, "Send"
	if a.Receiver {
		need, word = Listen, "Listen"
	}
	claim, ok := c.claimFor(l.address.path(), need)
	if !ok {
		return amqp.Errorf(amqp.ConditionUnauthorized, "Unauthorized access. '%s' claim(s) are required to perform this operation. Resource: 'sb://%s/%s'.", word, c.server.config.Namespace, l.address.path())
	}
	l.expires = claim.expires
	return l.connectHub(a)
}

// fault is what goes wrong with an operation, after it has waited and, where
// that is the fault, cut the connection.
func (c *connection) fault(op Operation) Fault {
	fault := c.server.config.Faults.Fault(op)
	c.pause(fault.Delay)
	if fault.Cut {
		c.cut()
	}
	return fault
}

// befall is fault on an attached link, and says whether the link or the
// connection is over by it.
func (l *link) befall(op Operation) (fault Fault, over bool) {
	fault = l.session.connection.fault(op)
	if fault.Detach != nil {
		l.detach(fault.Detach)
	}
	return fault, fault.Cut || l.detached
}

// claimFor is a claim that gives a right to an entity and has not expired.
func (c *connection) claimFor(path string, need Rights) (claim, bool) {
	for _, claim := range c.claims {
		if claim.covers(path) && claim.rights&need != 0 && c.server.config.Now().Before(claim.expires) {
			return claim, true
		}
	}
	return claim{}, false
}

func (l *link) connectHub(a *amqp.Attach) *amqp.Error {
	server := l.session.connection.server
	hub, err := server.broker.Hub(l.address.hub)
	var partition *broker.Partition
	if err == nil && (l.address.partition != "" || a.Receiver) {
		partition, err = hub.Partition(l.address.partition)
	}
	if err == nil && a.Receiver {
		_, err = hub.Group(l.address.group)
	}
	if errors.Is(err, broker.ErrNotFound) {
		return amqp.Errorf(amqp.ConditionNotFound, "The messaging entity 'sb://%s/%s' could not be found: %v.", server.config.Namespace, l.address.path(), err)
	}
	l.hub = hub
	if !a.Receiver {
		l.sink = publisher{}
		return nil
	}
	events, refusal := newEvents(l, a, partition)
	if refusal == nil {
		l.source = events
	}
	return refusal
}

// connectNode attaches to $cbs or $management. One connection may have one
// pair of links to $cbs, as the service has it.
func (l *link) connectNode(a *amqp.Attach) *amqp.Error {
	if l.address.node == nodeClaims {
		for _, s := range l.session.connection.sessions {
			for _, other := range s.links {
				if other.address.node == nodeClaims && !other.detached && (other.source != nil) == a.Receiver {
					return amqp.Errorf(amqp.ConditionNotAllowed, "Cannot open more than one link to $cbs in a connection.")
				}
			}
		}
	}
	if !a.Receiver {
		l.sink = requests{}
		return nil
	}
	address := ""
	if a.Target != nil {
		address = a.Target.Address
	}
	l.source = &replies{node: l.address.node, address: address}
	return nil
}

// detach ends the link and says why.
func (l *link) detach(why *amqp.Error) {
	if l.detached {
		return
	}
	l.release()
	l.session.send(&amqp.Detach{Handle: l.handle, Closed: true, Error: why})
}

// release frees what the link holds. The handle stays taken until the client
// has detached it too.
func (l *link) release() {
	l.detached = true
	l.dropPartial()
	if l.source != nil {
		l.source.release()
		c := l.session.connection
		c.sources = slices.DeleteFunc(c.sources, func(other *link) bool { return other == l })
	}
}

// flow takes note of the credit that a client gives, or is to be told how the
// link stands.
func (l *link) flow(f *amqp.Flow) {
	if l.detached {
		return
	}
	if l.source != nil && f.LinkCredit != nil {
		received := uint32(0)
		if f.DeliveryCount != nil {
			received = *f.DeliveryCount
		}
		l.credit = received + *f.LinkCredit - l.deliveryCount
		if l.credit > maxCredit { // it has less than is on the way
			l.credit = 0
		}
		l.drain = f.Drain
	}
	if f.Echo {
		l.sendState()
	}
}

// maxCredit is more than a client may mean.
const maxCredit = 1 << 30

// sendState tells the client how the link stands.
func (l *link) sendState() {
	flow := l.session.state()
	handle, count, credit := l.handle, l.deliveryCount, l.credit
	if l.sink != nil {
		credit = l.granted
	}
	flow.Handle, flow.DeliveryCount, flow.LinkCredit, flow.Drain = &handle, &count, &credit, l.drain
	l.session.send(flow)
}

// grant lets the client send.
func (l *link) grant() {
	l.granted = grantedCredit
	l.sendState()
}

// transfer takes in a part of a message that the client sends.
func (l *link) transfer(t *amqp.Transfer, payload []byte) {
	switch {
	case l.detached:
		return
	case l.sink == nil:
		l.session.end(amqp.Errorf(amqp.ConditionNotAllowed, "a transfer on a link that the client receives from"))
		return
	case l.partial == nil:
		if t.DeliveryID == nil {
			l.session.end(amqp.Errorf(amqp.ConditionInvalidField, "the first transfer of a message has no delivery-id"))
			return
		}
		l.partial = &delivery{id: *t.DeliveryID}
		if t.MessageFormat != nil {
			l.partial.format = *t.MessageFormat
		}
	}
	if t.Aborted {
		l.dropPartial()
		return
	}
	d, c := l.partial, l.session.connection
	d.held += len(payload)
	if c.held += len(payload); c.held > maxHeld {
		l.detach(amqp.Errorf(amqp.ConditionResourceLimit, "The connection has begun messages of more than %d bytes and not ended them.", maxHeld))
		return
	}
	if limit := c.server.config.Limits.Message; uint64(len(d.message)+len(payload)) > limit {
		l.detach(amqp.Errorf(amqp.ConditionMessageSize, "The received message (delivery-id:%d, size:%d bytes) exceeds the limit (%d bytes) currently allowed on the link.", d.id, len(d.message)+len(payload), limit))
		return
	}
	d.settled = d.settled || t.Settled
	if d.message == nil && !t.More {
		d.message = payload // the frame's memory is its own
	} else {
		d.message = append(d.message, payload...)
	}
	if !t.More {
		l.dropPartial()
		l.complete(d)
	}
}

// dropPartial ends a message that has begun.
func (l *link) dropPartial() {
	if l.partial != nil {
		l.session.connection.held -= l.partial.held
		l.partial = nil
	}
}

// complete hands a whole message on and answers it.
func (l *link) complete(d *delivery) {
	l.deliveryCount++
	l.granted--
	outcome := l.sink.take(l, d)
	if l.detached || l.session.ended {
		return
	}
	if !d.settled && outcome != nil {
		l.session.send(&amqp.Disposition{Receiver: true, First: d.id, Settled: true, State: outcome})
	}
	if l.granted <= grantedCredit/2 {
		l.grant()
	}
}
