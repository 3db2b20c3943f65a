package access

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Loopback is the rule for one machine: whoever connects from a loopback
// address is an analyst with every role. Behind the Functions host the
// X-Forwarded-For that the host writes must be one loopback address too;
// elsewhere there must be none, since a proxy in front would make everybody
// local. It must have been asked for by a name of this machine, so that no page
// of another name that leads here can read.
func Loopback(behindHost bool) Rule {
	return func(r *http.Request) (Analyst, error) {
		if !isLoopback(r.RemoteAddr) {
			return Analyst{}, fmt.Errorf("%w: it does not come from this machine", ErrUnknown)
		}
		asked := r.Host
		if behindHost {
			asked = r.Header.Get("X-Forwarded-Host")
		}
		if !isLocalName(asked) {
			return Analyst{}, fmt.Errorf("%w: it asks for another machine than this one: use localhost or 127.0.0.1", ErrUnknown)
		}
		forwarded := r.Header["X-Forwarded-For"]
		switch {
		case behindHost && (len(forwarded) != 1 || !isLoopback(forwarded[0])):
			return Analyst{}, fmt.Errorf("%w: the host does not say that it comes from this machine", ErrUnknown)
		case !behindHost && len(forwarded)+len(r.Header["Forwarded"]) > 0:
			return Analyst{}, fmt.Errorf("%w: it comes through a proxy", ErrUnknown)
		}
		return Analyst{ID: "loopback", Roles: []string{Reader}}, nil
	}
}

// isLocalName reports whether a Host header names this machine. A page from
// elsewhere whose name was made to lead here sends its own.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.EqualFold(host, "localhost") || isLoopback(host)
}

// isLoopback reports whether s is a loopback address, with or without a port.
func isLoopback(s string) bool {
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	addr, err := netip.ParseAddr(s)
	return err == nil && addr.Zone() == "" && addr.Unmap().IsLoopback()
}
