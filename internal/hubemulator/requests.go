package hubemulator

import (
	"errors"
	"fmt"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// Status codes of answers, as in HTTP.
const (
	statusOK           = 200
	statusAccepted     = 202
	statusBadRequest   = 400
	statusUnauthorized = 401
	statusNotFound     = 404
	statusBusy         = 503
)

// What a client's requests may take.
const (
	maxRequest = 32 << 10 // bytes of a request; answers quote of it
	maxReplies = 100      // answers that wait for its credit on a link
)

// replies is the source of answers to a client's requests.
type replies struct {
	node    string
	address string // the client's own, to which it wants them
	waiting [][]byte
}

func (r *replies) send(l *link) bool {
	if len(r.waiting) == 0 {
		return false
	}
	message := r.waiting[0]
	r.waiting = r.waiting[1:]
	l.sendMessage(message)
	return true
}

func (r *replies) release() { r.waiting = nil }

// answer is what a request is answered.
type answer struct {
	status      int32
	condition   amqp.Symbol
	description string
	value       any
}

func refused(status int32, condition amqp.Symbol, why string) answer {
	return answer{status: status, condition: condition, description: why}
}

// requests is the sink of $cbs and $management.
type requests struct{}

func (requests) take(l *link, d *delivery) *amqp.Described {
	c := l.session.connection
	request, err := amqp.ParseMessage(d.message)
	if err != nil {
		return amqp.Rejected(amqp.Errorf(amqp.ConditionDecode, "%v", err))
	}
	if len(d.message) > maxRequest {
		return amqp.Rejected(amqp.Errorf(amqp.ConditionMessageSize, "a request of %d bytes; %d are allowed", len(d.message), maxRequest))
	}
	op := Operation{Kind: OpManage, Hub: request.Properties.Text("name"), Partition: request.Properties.Text("partition")}
	do := c.manage
	if l.address.node == nodeClaims {
		do = c.putToken
		_, path := splitURI(request.Properties.Text("name"))
		audience, _ := parseAddress(path)
		op = Operation{Kind: OpClaim, Hub: audience.hub}
	}
	fault, over := l.befall(op)
	if over {
		return nil
	}
	var result answer
	if fault.Error != nil {
		result = refused(statusOf(fault.Error), fault.Error.Condition, fault.Error.Description)
	} else {
		result = do(request)
	}
	to, ok := c.replyTo(l.address.node, request.ReplyTo)
	switch {
	case !ok: // whoever wanted the answer has gone, which it knows best itself
	case len(to.waiting) >= maxReplies:
		return amqp.Rejected(amqp.Errorf(amqp.ConditionResourceLimit, "%d answers wait for credit", maxReplies))
	default:
		to.waiting = append(to.waiting, reply(request, result))
	}
	return amqp.Accepted()
}

func statusOf(err *amqp.Error) int32 {
	switch err.Condition {
	case amqp.ConditionUnauthorized:
		return statusUnauthorized
	case amqp.ConditionNotFound:
		return statusNotFound
	}
	return statusBusy
}

func reply(request amqp.Message, a answer) []byte {
	properties := amqp.Map{
		{Key: "status-code", Value: a.status},
		{Key: "status-description", Value: a.description},
	}
	if a.condition != "" {
		properties = append(properties, amqp.Entry{Key: "error-condition", Value: a.condition})
	}
	return amqp.AppendMessage(nil, amqp.Message{Correlation: request.ID, Properties: properties, Value: a.value})
}

// putToken takes note of what a token allows the connection.
func (c *connection) putToken(request amqp.Message) answer {
	token, ok := request.Value.(string)
	if operation := request.Properties.Text("operation"); operation != "put-token" || !ok {
		return refused(statusBadRequest, amqp.ConditionNotAllowed, "The operation is "+operation+"; $cbs knows put-token, with the token as the value.")
	}
	audience := request.Properties.Text("name")
	claim, err := c.server.auth.claim(request.Properties.Text("type"), token, audience)
	if err != nil {
		return refused(statusUnauthorized, amqp.ConditionUnauthorized, err.Error())
	}
	if len(c.claims) >= maxClaims {
		c.dropExpired()
	}
	if _, known := c.claims[audience]; len(c.claims) >= maxClaims && !known {
		return refused(statusBusy, amqp.ConditionResourceLimit, "The connection has too many claims.")
	}
	c.claims[audience] = claim
	return answer{status: statusAccepted, description: "Accepted"}
}

// maxClaims is how many claims a connection may have.
const maxClaims = 1000

func (c *connection) dropExpired() {
	for audience, claim := range c.claims {
		if !c.server.config.Now().Before(claim.expires) {
			delete(c.claims, audience)
		}
	}
}

// manage reads the properties of a hub or a partition.
func (c *connection) manage(request amqp.Message) answer {
	if operation := request.Properties.Text("operation"); operation != "READ" {
		return refused(statusBadRequest, amqp.ConditionNotImplemented, "The operation is "+operation+"; $management knows READ.")
	}
	name := request.Properties.Text("name")
	if err := c.mayManage(name, request.Properties.Text("security_token")); err != nil {
		return refused(statusUnauthorized, amqp.ConditionUnauthorized, err.Error())
	}
	hub, err := c.server.broker.Hub(name)
	if err != nil {
		return refused(statusNotFound, amqp.ConditionNotFound, "The messaging entity 'sb://"+c.server.config.Namespace+"/"+name+"' could not be found.")
	}
	switch kind := request.Properties.Text("type"); kind {
	case "com.microsoft:eventhub":
		return answer{status: statusOK, description: "OK", value: hubProperties(hub)}
	case "com.microsoft:partition":
		return partitionProperties(hub, request.Properties.Text("partition"))
	default:
		return refused(statusBadRequest, amqp.ConditionNotImplemented, "The type is "+kind+"; com.microsoft:eventhub and com.microsoft:partition are known.")
	}
}

// mayManage says why the properties of a hub may not be read: by the token of
// the request, or by the connection's claims where it has none.
func (c *connection) mayManage(hub, token string) error {
	path := address{hub: hub}.path()
	if token != "" {
		_, err := c.server.auth.inline(token, path)
		return err
	}
	_, onHub := c.claimFor(path, AllRights)
	_, onManagement := c.claimFor(path+"/"+nodeManagement, AllRights)
	if !onHub && !onManagement {
		return fmt.Errorf("Unauthorized access. A claim for %s is required to perform this operation", hub) //nolint:staticcheck // the service's own words
	}
	return nil
}

func hubProperties(hub *broker.Hub) amqp.Map {
	replicas := int32(1)
	if hub.GeoReplicated() {
		replicas = 2
	}
	ids := hub.PartitionIDs()
	return amqp.Map{
		{Key: "name", Value: hub.Name()},
		{Key: "type", Value: "com.microsoft:eventhub"},
		{Key: "created_at", Value: amqp.Time(hub.Created())},
		{Key: "partition_count", Value: int32(len(ids))},
		{Key: "partition_ids", Value: amqp.Strings(ids...)},
		{Key: "georeplication_factor", Value: replicas},
	}
}

// neverEnqueued is the time of the last event where there never was one.
var neverEnqueued = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)

func partitionProperties(hub *broker.Hub, id string) answer {
	partition, err := hub.Partition(id)
	if errors.Is(err, broker.ErrNotFound) {
		return refused(statusBadRequest, amqp.ConditionOutOfRange, "The specified partition is invalid for an EventHub partition sender or receiver. It should be between 0 and the number of partitions less 1: "+err.Error()+".")
	}
	p := partition.Properties()
	enqueued := p.LastEnqueued
	if p.Last < 0 {
		enqueued = neverEnqueued
	}
	return answer{status: statusOK, description: "OK", value: amqp.Map{
		{Key: "name", Value: hub.Name()},
		{Key: "type", Value: "com.microsoft:partition"},
		{Key: "partition", Value: id},
		{Key: "begin_sequence_number", Value: p.Begin},
		{Key: "last_enqueued_sequence_number", Value: p.Last},
		{Key: "last_enqueued_offset", Value: formatOffset(p.LastOffset, p.Last, hub.GeoReplicated())},
		{Key: "last_enqueued_time_utc", Value: amqp.Time(enqueued)},
		{Key: "is_partition_empty", Value: p.Empty},
	}}
}
