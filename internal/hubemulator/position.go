package hubemulator

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// selector is the one form of a filter that Event Hubs knows.
var selector = regexp.MustCompile(`^amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time)\s*(>=?)\s*'([^']*)'$`)

// Positions that are no numbers.
const (
	offsetStart  = "-1"
	offsetLatest = "@latest"
)

// startOf is the sequence number of the first event that a receiver with a
// filter wants of a partition. Without a filter it is the first that is kept.
func startOf(filter string, hub *broker.Hub, p *broker.Partition) (int64, *amqp.Error) {
	if filter == "" {
		return 0, nil
	}
	match := selector.FindStringSubmatch(strings.TrimSpace(filter))
	if match == nil {
		return 0, amqp.Errorf(amqp.ConditionArgument, "The filter %q is invalid: it compares amqp.annotation.x-opt-offset, x-opt-sequence-number or x-opt-enqueued-time by > or >= with a value in single quotes.", filter)
	}
	what, inclusive, value := match[1], match[2] == ">=", match[3]
	switch {
	case what == "offset" && value == offsetLatest:
		return latest(p, inclusive), nil
	case what == "offset" && value == offsetStart:
		return 0, nil
	case what == "offset":
		return startAtOffset(hub, p, value, inclusive)
	}
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, amqp.Errorf(amqp.ConditionArgument, "The supplied %s '%s' is invalid.", strings.ReplaceAll(what, "-", " "), value)
	}
	if what == "enqueued-time" {
		return p.AtTime(number, inclusive), nil
	}
	return startAtSequence(p, number, inclusive)
}

func latest(p *broker.Partition, inclusive bool) int64 {
	next := p.Next()
	if inclusive {
		next--
	}
	return max(next, 0)
}

func startAtSequence(p *broker.Partition, number int64, inclusive bool) (int64, *amqp.Error) {
	if last := p.Properties().Last; number > last {
		return 0, amqp.Errorf(amqp.ConditionArgument, "The supplied sequence number '%d' is invalid. The last sequence number in the system is '%d'", number, last)
	}
	if !inclusive {
		number++
	}
	return max(number, 0), nil
}

func startAtOffset(hub *broker.Hub, p *broker.Partition, value string, inclusive bool) (int64, *amqp.Error) {
	number, ok := parseOffset(value, hub.GeoReplicated())
	if !ok && hub.GeoReplicated() {
		return 0, amqp.Errorf(amqp.ConditionGeoOffset, "The supplied offset '%s' is invalid for an event hub with geo-replication.", value)
	}
	if last := p.Properties().LastOffset; !ok || number > last {
		return 0, amqp.Errorf(amqp.ConditionArgument, "The supplied offset '%s' is invalid. The last offset in the system is '%s'", value, formatOffset(last, p.Properties().Last, hub.GeoReplicated()))
	}
	return p.AtOffset(number, inclusive), nil
}

// formatOffset is an offset as clients see it: a number or, in hubs that are
// geo-replicated, the number of the primary, the offset and the sequence
// number.
func formatOffset(offset, sequence int64, geoReplicated bool) string {
	if geoReplicated {
		return fmt.Sprintf("1:%d:%d", offset, sequence)
	}
	return strconv.FormatInt(offset, 10)
}

func parseOffset(text string, geoReplicated bool) (int64, bool) {
	if geoReplicated {
		parts := strings.Split(text, ":")
		if len(parts) != 3 {
			return 0, false
		}
		text = parts[1]
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	return offset, err == nil
}
