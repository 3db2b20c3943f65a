package hubemulator

import (
	"sync"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
)

// maxReaders is how many receivers without an owner level may read a partition
// in a consumer group.
const maxReaders = 5

// readers knows who reads which partition in which consumer group, and who
// must give way.
type readers struct {
	mu     sync.Mutex
	places map[string][]*reader
}

// reader is one receiver at a place: a partition in a consumer group.
type reader struct {
	name   string            // the client's own, for messages
	level  *int64            // owner level, or epoch
	detach func(*amqp.Error) // must not wait
}

// join adds a reader, and detaches those who must give way to it; or says why
// it may not join.
func (r *readers) join(at string, joining *reader) *amqp.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	present := r.places[at]
	if err := refuse(present, joining); err != nil {
		return err
	}
	if joining.level != nil {
		for _, other := range present {
			other.detach(stolen(other, joining))
		}
		present = nil
	}
	r.places[at] = append(present, joining)
	return nil
}

// refuse is why a reader may not join those present; nil where it may.
func refuse(present []*reader, joining *reader) *amqp.Error {
	var owner *reader
	if len(present) > 0 && present[0].level != nil {
		owner = present[0]
	}
	switch {
	case owner != nil && joining.level == nil:
		return amqp.Errorf(amqp.ConditionStolen, "At least one receiver for the endpoint is created with epoch of '%d', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or disconnected.", *owner.level)
	case owner != nil && *owner.level > *joining.level:
		return amqp.Errorf(amqp.ConditionStolen, "Receiver '%s' with a higher epoch '%d' already exists. Receiver '%s' with epoch %d cannot be created. Make sure you are creating receiver with increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.", owner.name, *owner.level, joining.name, *joining.level)
	case joining.level == nil && len(present) >= maxReaders:
		return amqp.Errorf(amqp.ConditionResourceLimit, "Exceeded the maximum number of allowed receivers per partition in a consumer group which is %d.", maxReaders)
	}
	return nil
}

func stolen(from, by *reader) *amqp.Error {
	if from.level == nil {
		return amqp.Errorf(amqp.ConditionStolen, "New receiver '%s' with epoch of '%d' is created hence current receiver '%s' without epoch is getting disconnected.", by.name, *by.level, from.name)
	}
	return amqp.Errorf(amqp.ConditionStolen, "New receiver '%s' with higher epoch of '%d' is created hence current receiver '%s' with epoch '%d' is getting disconnected. If you are recreating the receiver, make sure a higher epoch is used.", by.name, *by.level, from.name, *from.level)
}

// leave removes a reader that joined, unless it gave way already.
func (r *readers) leave(at string, leaving *reader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var rest []*reader
	for _, other := range r.places[at] {
		if other != leaving {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(r.places, at)
		return
	}
	r.places[at] = rest
}
