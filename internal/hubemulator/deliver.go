package hubemulator

import (
	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// deliver queues what there is for the client to receive, a message of each
// link in turn, as far as its credit, its windows and the output allow.
func (c *connection) deliver() {
	idle := 0
	for len(c.out) < outputLimit && !c.closing && idle < len(c.sources) {
		c.turn = (c.turn + 1) % len(c.sources)
		l := c.sources[c.turn]
		if l.credit > 0 && l.session.peerWindow >= windowOf(min(c.peerFrame, maxFrame), c.server.config.Limits.Message) && l.source.send(l) {
			idle = 0
			continue
		}
		idle++
		if l.drain && !l.detached {
			l.deliveryCount += l.credit
			l.credit = 0
			l.sendState()
			l.drain = false
		}
	}
}

// windowOf is how many frames of a size a message may take.
func windowOf(frame uint32, message uint64) uint32 {
	const head = 128 // of each frame, and the annotations of the message
	return uint32(message/uint64(frame-head)) + 2
}

// sendMessage sends a message to a client, which has credit for it.
func (l *link) sendMessage(message []byte) {
	s := l.session
	c := s.connection
	id, format := s.nextDelivery, uint32(0)
	tag := [4]byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
	var frames int
	c.out, frames = amqp.AppendTransfer(c.out, s.channel, amqp.Transfer{
		Handle: l.handle, DeliveryID: &id, DeliveryTag: tag[:], MessageFormat: &format, Settled: l.settled,
	}, min(c.peerFrame, maxFrame), message)
	s.nextDelivery++
	s.nextOutgoing += uint32(frames)
	s.peerWindow -= uint32(frames)
	l.credit--
	l.deliveryCount++
}

// events is the source of a partition.
type events struct {
	partition *broker.Partition
	hub       *broker.Hub
	wake      chan struct{}
	readers   *readers
	place     string
	reader    *reader
	next      int64 // sequence number
	ahead     []broker.Event
	again     int // times that the first of ahead is to be sent besides
	buffer    []byte
}

// readAhead is how many bytes of events are taken out of a partition at once.
const readAhead = 256 << 10

// newEvents joins the readers of a partition, where the client may.
func newEvents(l *link, a *amqp.Attach, partition *broker.Partition) (*events, *amqp.Error) {
	c := l.session.connection
	start, refusal := startOf(a.Source.Selector(), l.hub, partition)
	if refusal != nil {
		return nil, refusal
	}
	e := &events{
		partition: partition, hub: l.hub, wake: c.wake, next: start,
		readers: &c.server.readers, place: l.address.path(),
	}
	e.reader = &reader{
		name:   a.Properties.Text("com.microsoft:receiver-name"),
		detach: func(why *amqp.Error) { c.post(func() { l.detach(why) }) },
	}
	switch level := a.Properties.Get("com.microsoft:epoch").(type) {
	case int64:
		e.reader.level = &level
	case int32:
		wide := int64(level)
		e.reader.level = &wide
	}
	if refusal := e.readers.join(e.place, e.reader); refusal != nil {
		return nil, refusal
	}
	partition.Watch(c.wake)
	return e, nil
}

func (e *events) release() {
	if e.reader == nil {
		return
	}
	e.partition.Unwatch(e.wake)
	e.readers.leave(e.place, e.reader)
	e.reader, e.ahead = nil, nil
}

func (e *events) send(l *link) bool {
	c := l.session.connection
	if !c.server.config.Now().Before(l.expires) {
		l.detach(amqp.Errorf(amqp.ConditionUnauthorized, "Unauthorized access. The token that the link was opened with expired at %s.", l.expires.UTC()))
		return false
	}
	if len(e.ahead) == 0 {
		var err error
		if e.ahead, err = e.partition.Read(e.next, readAhead); err != nil || len(e.ahead) == 0 {
			return false // where the hub is gone, the link is being detached
		}
	}
	event := e.ahead[0]
	if e.again > 0 {
		e.again--
	} else {
		fault, over := l.befall(Operation{
			Kind: OpDeliver, Hub: e.hub.Name(), Group: l.address.group, Partition: l.address.partition, Sequence: event.Sequence,
		})
		if fault.Error != nil {
			l.detach(fault.Error)
		}
		if over || l.detached || l.credit == 0 || c.closing { // much may happen during a delay
			return false
		}
		e.again = fault.Duplicate
	}
	if e.again == 0 {
		e.ahead, e.next = e.ahead[1:], event.Sequence+1
	}
	e.buffer = appendEvent(e.buffer[:0], event, e.hub.GeoReplicated())
	l.sendMessage(e.buffer)
	return true
}

// appendEvent appends an event as a message: what it is annotated with, and
// the rest as it came.
func appendEvent(b []byte, e broker.Event, geoReplicated bool) []byte {
	var own [96]byte
	annotations := amqp.Append(own[:0], amqp.Symbol(annotationSequence))
	annotations = amqp.Append(annotations, e.Sequence)
	annotations = amqp.Append(annotations, amqp.Symbol(annotationOffset))
	annotations = amqp.Append(annotations, formatOffset(e.Offset, e.Sequence, geoReplicated))
	annotations = amqp.Append(annotations, amqp.Symbol(annotationEnqueued))
	annotations = amqp.Append(annotations, amqp.Timestamp(e.Enqueued))
	b = amqp.AppendMapSection(b, amqp.SectionAnnotations, 3+e.Count, annotations, e.Annotations)
	return append(b, e.Body...)
}
