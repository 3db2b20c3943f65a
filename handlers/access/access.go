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
	"context"
	"errors"
	"net/http"

	"github.com/keywarden/keywarden/handlers/internal/problem"
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

// Require returns a handler that lets those through to next who have the role;
// [Of] tells next who it is. Others get 401 or 403.
func Require(role string, rule Rule, next http.Handler) (http.Handler, error) {
	switch {
	case role == "":
		return nil, errors.New("access: no role: pass one of this package, such as access.Reader")
	case rule == nil:
		return nil, errors.New("access: no rule: pass access.AppService or access.Loopback")
	case next == nil:
		return nil, errors.New("access: no handler to guard")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		analyst, err := rule(r)
		switch {
		case err != nil:
			problem.Write(w, http.StatusUnauthorized, "unauthenticated", err.Error())
		case !analyst.Has(role):
			problem.Write(w, http.StatusForbidden, "forbidden", "This needs the role "+role+".")
		default:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), analystKey{}, analyst)))
		}
	}), nil
}

type analystKey struct{}

// Of returns the analyst whom [Require] let through; false where none was asked for.
func Of(ctx context.Context) (Analyst, bool) {
	a, ok := ctx.Value(analystKey{}).(Analyst)
	return a, ok
}

// Has reports whether the analyst has a role.
func (a Analyst) Has(role string) bool {
	for _, r := range a.Roles {
		if r == role {
			return true
		}
	}
	return false
}
