package detectors

import "fmt"

// Principal is who a call is charged to, on one resource. Its kind is also the
// certainty of that: no log names an API key.
type Principal struct {
	Kind     PrincipalKind `json:"kind"`
	ID       string        `json:"id"`       // object id, APIM subscription or, for an account's keys, the resource id
	Resource string        `json:"resource"` // resource id in lower case; "" for an operator
}

// PrincipalKind is the sort of identity that a log gives.
type PrincipalKind uint8

// Kinds of principal, from the least certain identity to the most, then the
// two that are no caller.
const (
	AccountKey        PrincipalKind = iota // one of an account's keys: the log does not say whose call it was
	APIMSubscription                       // a key that API Management gave out
	EntraObject                            // a user, service principal or managed identity
	ResourcePrincipal                      // the resource itself: what was done to it
	Operator                               // one hand behind several principals
)

var principalKindNames = [...]string{"account-key", "apim-subscription", "entra-object", "resource", "operator"}

// String is the kind as the API writes it.
func (k PrincipalKind) String() string { return principalKindNames[k] }

// MarshalText is String.
func (k PrincipalKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (k *PrincipalKind) UnmarshalText(text []byte) error {
	return parseName(k, principalKindNames[:], text)
}

// parseName sets *v to the index of text among names.
func parseName[T ~uint8](v *T, names []string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", text, names)
}
