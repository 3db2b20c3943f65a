package hubemulator

import (
	"strings"
)

// Names of the nodes that answer requests.
const (
	nodeClaims     = "$cbs"
	nodeManagement = "$management"
)

// address is what a link is attached to.
type address struct {
	node      string // nodeClaims or nodeManagement, or "" for a hub
	hub       string
	group     string
	partition string
}

// parseAddress reads the address of a source or target: a node, or one of HUB,
// HUB/Partitions/ID and HUB/ConsumerGroups/GROUP/Partitions/ID, also as a URI.
// HUB/$management is $management.
func parseAddress(text string) (address, bool) {
	if _, rest, ok := strings.Cut(text, "://"); ok {
		_, text, _ = strings.Cut(rest, "/")
	}
	parts := strings.Split(strings.Trim(text, "/"), "/")
	switch {
	case len(parts) == 1 && (parts[0] == nodeClaims || parts[0] == nodeManagement):
		return address{node: parts[0]}, true
	case len(parts) == 2 && parts[1] == nodeManagement:
		return address{node: nodeManagement, hub: parts[0]}, true
	case len(parts) == 1 && parts[0] != "":
		return address{hub: parts[0]}, true
	case len(parts) == 3 && strings.EqualFold(parts[1], "Partitions"):
		return address{hub: parts[0], partition: parts[2]}, true
	case len(parts) == 5 && strings.EqualFold(parts[1], "ConsumerGroups") && strings.EqualFold(parts[3], "Partitions"):
		return address{hub: parts[0], group: parts[2], partition: parts[4]}, true
	}
	return address{}, false
}

// path is the address as claims are made for it, in lower case.
func (a address) path() string {
	path := a.hub
	if a.group != "" {
		path += "/consumergroups/" + a.group
	}
	if a.partition != "" {
		path += "/partitions/" + a.partition
	}
	return strings.ToLower(path)
}
