package front

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// Auth is the platform's authentication in front of the host. It strips what
// clients say of themselves and says who they are.
type Auth struct {
	// SignIn is who sent a request; nil for nobody.
	SignIn func(*http.Request) *Principal
	// Required answers 401 to nobody; else nobody passes as such.
	Required bool
}

// Principal is somebody who signed in through Microsoft Entra.
type Principal struct {
	ID    string // object id
	Name  string
	Roles []string
}

// stripped begins the headers that only the platform may set.
var stripped = []string{"X-Ms-Client-Principal", "X-Ms-Token-"}

// pass puts the principal's headers into the request and reports whether it
// may go on. A nil Auth lets pass what the client sent: so does the host.
func (a *Auth) pass(r *http.Request) bool {
	if a == nil {
		return true
	}
	for name := range r.Header {
		for _, prefix := range stripped {
			if strings.HasPrefix(name, prefix) {
				delete(r.Header, name)
			}
		}
	}
	p := a.SignIn(r)
	if p == nil {
		return !a.Required
	}
	r.Header.Set("X-MS-CLIENT-PRINCIPAL", p.encode())
	r.Header.Set("X-MS-CLIENT-PRINCIPAL-ID", p.ID)
	r.Header.Set("X-MS-CLIENT-PRINCIPAL-NAME", p.Name)
	r.Header.Set("X-MS-CLIENT-PRINCIPAL-IDP", "aad")
	return true
}

type claim struct {
	Type  string `json:"typ"`
	Value string `json:"val"`
}

const (
	nameClaim   = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name"
	roleClaim   = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
	objectClaim = "http://schemas.microsoft.com/identity/claims/objectidentifier"
)

// encode is the principal as base64 of JSON, with its role claims as the
// platform sends them: by the name "roles".
func (p *Principal) encode() string {
	claims := []claim{{objectClaim, p.ID}, {"name", p.Name}, {"preferred_username", p.Name}}
	for _, role := range p.Roles {
		claims = append(claims, claim{"roles", role})
	}
	text, err := json.Marshal(struct {
		AuthType string  `json:"auth_typ"`
		Claims   []claim `json:"claims"`
		NameType string  `json:"name_typ"`
		RoleType string  `json:"role_typ"`
	}{"aad", claims, nameClaim, roleClaim})
	if err != nil {
		return "" // strings always marshal
	}
	return base64.StdEncoding.EncodeToString(text)
}
