package access

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// AppService is the rule for Azure: the platform's authentication has put who
// it is into X-MS-CLIENT-PRINCIPAL. The environment must say that it is on.
func AppService(getenv func(string) string) (Rule, error) {
	if !strings.EqualFold(getenv("WEBSITE_AUTH_ENABLED"), "true") {
		return nil, errors.New("access: the authentication of this Function App is off (WEBSITE_AUTH_ENABLED is not \"true\"), " +
			"so anybody could claim to be anybody: turn it on (az webapp auth update --enabled true), or set KEYWARDEN_AUTH to another rule")
	}
	return func(r *http.Request) (Analyst, error) {
		values := r.Header["X-Ms-Client-Principal"]
		if len(values) != 1 {
			return Analyst{}, fmt.Errorf("%w: %d headers X-MS-CLIENT-PRINCIPAL", ErrUnknown, len(values))
		}
		return ParsePrincipal(values[0])
	}, nil
}

// longestPrincipal is how many characters a header may have: more than the
// platform passes on.
const longestPrincipal = 64 << 10

// Claims that tell who it is. Both spellings of each occur: the platform's
// own, and that of the token where its mapping of claims is off.
var (
	roleClaims = []string{"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
	idClaims   = []string{"http://schemas.microsoft.com/identity/claims/objectidentifier", "oid"}
	nameClaims = []string{"preferred_username", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "upn",
		"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "name"}
)

// ParsePrincipal decodes the value of X-MS-CLIENT-PRINCIPAL: base64 of JSON
// with the provider (auth_typ) and the claims. Only Entra ("aad") is believed,
// since only there an administrator of the app gives roles, and only with one
// object id. What the principal itself calls its role claim (role_typ) does
// not count.
func ParsePrincipal(value string) (Analyst, error) {
	if len(value) > longestPrincipal {
		return Analyst{}, fmt.Errorf("%w: a principal of %d characters", ErrUnknown, len(value))
	}
	text, err := base64.StdEncoding.Strict().DecodeString(value)
	if err != nil {
		return Analyst{}, fmt.Errorf("%w: its principal is no base64", ErrUnknown)
	}
	var principal struct {
		Provider string `json:"auth_typ"`
		Claims   []claim
	}
	if err := json.Unmarshal(text, &principal); err != nil {
		return Analyst{}, fmt.Errorf("%w: its principal is no JSON of the platform", ErrUnknown)
	}
	if principal.Provider != "aad" {
		return Analyst{}, fmt.Errorf("%w: it was signed in by %.20q and not by Entra (aad)", ErrUnknown, principal.Provider)
	}
	ids := values(principal.Claims, idClaims)
	if len(ids) != 1 || ids[0] == "" || len(ids[0]) > 64 {
		return Analyst{}, fmt.Errorf("%w: its principal has %d object ids", ErrUnknown, len(ids))
	}
	analyst := Analyst{ID: ids[0], Roles: values(principal.Claims, roleClaims)}
	for _, typ := range nameClaims {
		if names := values(principal.Claims, []string{typ}); len(names) > 0 {
			analyst.Name = names[0]
			break
		}
	}
	return analyst, nil
}

type claim struct {
	Typ string `json:"typ"`
	Val string `json:"val"`
}

// values are the different values of the claims of some types.
func values(claims []claim, types []string) []string {
	var all []string
	for _, c := range claims {
		if slices.Contains(types, c.Typ) && !slices.Contains(all, c.Val) {
			all = append(all, c.Val)
		}
	}
	return all
}
