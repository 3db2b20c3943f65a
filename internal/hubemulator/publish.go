package hubemulator

import (
	"fmt"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// formatBatch is the format of a message whose data sections are messages.
const formatBatch = 0x80013700

// maxKey is how long a partition key may be.
const maxKey = 128

// Annotations of messages.
const (
	annotationKey      = "x-opt-partition-key"
	annotationSequence = "x-opt-sequence-number"
	annotationOffset   = "x-opt-offset"
	annotationEnqueued = "x-opt-enqueued-time"
)

// publisher is the sink of a hub, or of one of its partitions.
type publisher struct{}

func (publisher) take(l *link, d *delivery) *amqp.Described {
	c := l.session.connection
	messages, key, err := parseEvents(d)
	if err == nil && key != "" && l.address.partition != "" {
		err = fmt.Errorf("a partition key %q on a link to partition %s", key, l.address.partition)
	}
	if err != nil {
		return amqp.Rejected(amqp.Errorf(amqp.ConditionNotAllowed, "The message cannot be taken: %v.", err))
	}
	if !c.server.config.Now().Before(l.expires) {
		l.detach(amqp.Errorf(amqp.ConditionUnauthorized, "Unauthorized access. The token that the link was opened with expired at %s.", l.expires.UTC()))
		return nil
	}
	id := l.address.partition
	if id == "" {
		id = l.hub.Route(key)
	}
	fault, over := l.befall(Operation{Kind: OpSend, Hub: l.hub.Name(), Partition: id})
	if over {
		return nil
	}
	if fault.Error != nil {
		return amqp.Rejected(fault.Error)
	}
	outcome := l.append(id, messages)
	if fault.Done != nil {
		fault.Done()
	}
	if fault.Lost {
		c.cut()
		return nil
	}
	return outcome
}

func (l *link) append(id string, messages []broker.Message) *amqp.Described {
	partition, err := l.hub.Partition(id)
	if err == nil {
		_, err = partition.Append(messages)
	}
	if err != nil {
		return amqp.Rejected(amqp.Errorf(amqp.ConditionInternal, "The events could not be stored: %v.", err))
	}
	return amqp.Accepted()
}

// parseEvents is the events of a message or batch, and its partition key.
func parseEvents(d *delivery) (messages []broker.Message, key string, err error) {
	if d.format != formatBatch {
		message, key, err := parseEvent(d.message, "")
		return []broker.Message{message}, key, err
	}
	for rest := d.message; len(rest) > 0; {
		var section amqp.Section
		if section, rest, err = amqp.NextSection(rest); err != nil {
			return nil, "", err
		}
		switch section.Code {
		case amqp.SectionAnnotations:
			annotations, err := section.Map()
			if err != nil {
				return nil, "", err
			}
			key = annotations.Text(annotationKey)
		case amqp.SectionData:
			event, err := section.Binary()
			if err != nil {
				return nil, "", err
			}
			message, _, err := parseEvent(event, key)
			if err != nil {
				return nil, "", fmt.Errorf("event %d of the batch: %w", len(messages), err)
			}
			messages = append(messages, message)
		}
	}
	if len(messages) == 0 {
		return nil, "", fmt.Errorf("a batch without events")
	}
	return messages, key, nil
}

// parseEvent takes a message apart: what is annotated to it, with the key of
// its batch, and what is left as it came. The header and the delivery's
// annotations end here.
func parseEvent(b []byte, batchKey string) (message broker.Message, key string, err error) {
	start := 0
	var annotations amqp.Map
	for rest := b; len(rest) > 0; {
		var section amqp.Section
		if section, rest, err = amqp.NextSection(rest); err != nil {
			return broker.Message{}, "", err
		}
		switch section.Code {
		case amqp.SectionAnnotations:
			if annotations, err = section.Map(); err != nil {
				return broker.Message{}, "", err
			}
			start = len(b) - len(rest)
		case amqp.SectionHeader, amqp.SectionDeliveryAnnotations:
			start = len(b) - len(rest)
		}
	}
	message.Body = b[start:]
	key = annotations.Text(annotationKey)
	if key == "" && batchKey != "" {
		key = batchKey
		annotations = append(annotations, amqp.Entry{Key: amqp.Symbol(annotationKey), Value: key})
	}
	if len(key) > maxKey {
		return broker.Message{}, "", fmt.Errorf("a partition key of %d bytes; %d are allowed", len(key), maxKey)
	}
	for _, entry := range annotations {
		switch entry.Key {
		case amqp.Symbol(annotationSequence), amqp.Symbol(annotationOffset), amqp.Symbol(annotationEnqueued):
			continue // of where it was before
		}
		message.Annotations = amqp.Append(amqp.Append(message.Annotations, entry.Key), entry.Value)
		message.Count++
	}
	return message, key, nil
}
