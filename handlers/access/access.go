// Package access decides who may use the HTTP functions.
//
//	app-service   the platform's authentication stands in front and says who it is
//	loopback      whoever comes from this machine is an analyst
//
// Behind the Functions host a client's own X-MS-CLIENT-PRINCIPAL passes
// straight through; only the platform's authentication takes it off. So
// [AppService] refuses to be made where that is not on. And every connection
// comes from 127.0.0.1 there, so [Loopback] looks at the X-Forwarded-For that
// the host writes.
package access

import (
	"errors"
	"net/http"
)

// Roles that an administrator gives in the app registration of Entra.
const (
	Reader = "Keywarden.Reader" // may read incidents
)

// Analyst is who a request is from.
type Analyst struct {
	ID    string // the object id in Entra; "loopback" for whoever is on this machine
	Name  string // for people; "" where it is unknown
	Roles []string
}

// A Rule tells who a request is from, or why that is not known ([ErrUnknown], in words that the client may see).
type Rule func(*http.Request) (Analyst, error)

// ErrUnknown says that a request does not prove who it is from. The client sees the reason that wraps it.
var ErrUnknown = errors.New("access: the request does not prove who it is from")
