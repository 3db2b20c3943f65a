package invocation

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Headers of the host.
const (
	headerInvocation = "X-Azure-Functions-InvocationId" // of an invocation, and of a request that is passed on
	headerProxied    = "X-Ms-Invocation-Id"             // of a request that is passed on
	headerForwarded  = "X-Forwarded-For"                // of a request that is passed on; the host writes over what the client sent
	hostAgent        = "Azure-Functions-Host/"
)

// outsidePrefixes begin the names of headers that come with what was passed on
// from outside: those of the host's own proxy, of the platform's front end and
// authentication, and of other proxies and browsers.
var outsidePrefixes = []string{
	"X-Forwarded-", "X-Ms-", "X-Original-", "X-Arr-", "X-Appservice-", "X-Waws-", "X-Azure-Fdid", "X-Functions-",
	"Forwarded", "Via", "Client-Ip", "Disguised-Host", "Origin", "Referer", "Cookie", "Authorization", "Sec-", "Access-Control-",
}

// FromHost returns nil where a request is an invocation by the host itself,
// and otherwise the reason why it is not: everything that came from outside
// carries X-Ms-Invocation-Id and X-Forwarded-*, which an invocation never
// does, and a client cannot take them off. The reason quotes no value of the
// request.
func FromHost(r *http.Request) error {
	for name := range r.Header {
		for _, prefix := range outsidePrefixes {
			if strings.HasPrefix(name, prefix) {
				return fmt.Errorf("it came from outside: it has a header %.40q", name)
			}
		}
	}
	switch {
	case r.Method != http.MethodPost:
		return errors.New("it is no POST")
	case r.URL.RawQuery != "":
		return errors.New("it has a query")
	case !isID(r.Header[http.CanonicalHeaderKey(headerInvocation)]):
		return errors.New("it has no invocation id")
	case !strings.HasPrefix(r.UserAgent(), hostAgent):
		return errors.New("it is not from the Functions host")
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return errors.New("it has no body of JSON")
	}
	return nil
}

// FromOutside returns nil where the host passed a request on to an HTTP
// function, and otherwise the reason why it cannot have.
func FromOutside(r *http.Request) error {
	if !isID(r.Header[headerProxied]) || len(r.Header[headerForwarded]) == 0 {
		return errors.New("it was not passed on by the Functions host")
	}
	return nil
}

// isID reports whether a header has one value that can be an invocation's id.
func isID(values []string) bool {
	if len(values) != 1 || values[0] == "" || len(values[0]) > 64 {
		return false
	}
	return strings.Trim(values[0], "0123456789abcdefABCDEF-") == ""
}
