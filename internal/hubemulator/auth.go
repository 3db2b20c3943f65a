package hubemulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Rights are what a key or a token allows.
type Rights uint8

// Rights of keys and tokens.
const (
	Send Rights = 1 << iota
	Listen
	Manage
)

// AllRights are all of them, as an owner has.
const AllRights = Send | Listen | Manage

// Name and value of the key of Microsoft's emulators, which has all rights.
const (
	RootKeyName  = "RootManageSharedAccessKey"
	RootKeyValue = "SAS_KEY_VALUE"
)

// Key is a shared access key.
type Key struct {
	Name   string
	Value  string
	Rights Rights
	Hub    string // the one hub that it is for; "" is the namespace
}

// Tokens says what a token of Microsoft Entra allows at a time. An error is
// the client's answer: it must not quote the token.
type Tokens func(token string, now time.Time) (Rights, error)

// tokenLife is how long a claim by a token holds whose end is not known.
const tokenLife = time.Hour

// JWT are Tokens that take every JSON Web Token for Event Hubs that has not
// expired, and give it all rights. The signature is not checked: nobody whom
// the emulator knows has signed it.
func JWT(token string, now time.Time) (Rights, error) {
	claims, err := parseJWT(token)
	if err != nil {
		return 0, err
	}
	if claims.Expires <= now.Unix() {
		return 0, expired(time.Unix(claims.Expires, 0))
	}
	if host := hostOf(claims.Audience); host != "eventhubs.azure.net" {
		return 0, fmt.Errorf("InvalidAudience: The token is for %q, not for https://eventhubs.azure.net", claims.Audience)
	}
	return AllRights, nil
}

// AnyToken are Tokens that take everything.
func AnyToken(string, time.Time) (Rights, error) { return AllRights, nil }

type jwtClaims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
}

func parseJWT(token string) (jwtClaims, error) {
	malformed := errors.New("MalformedToken: The token is no JSON Web Token of three parts with aud and exp")
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return jwtClaims{}, malformed
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return jwtClaims{}, malformed
	}
	var claims jwtClaims
	if err := json.Unmarshal(content, &claims); err != nil {
		return jwtClaims{}, malformed
	}
	return claims, nil
}

func hostOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	return u.Host
}

func expired(at time.Time) error {
	return fmt.Errorf("ExpiredToken: The token is expired. Expiration time: '%s'.", at.UTC().Format("1/2/2006 3:04:05 PM")) //nolint:staticcheck // the service's own words
}

// claim is what a client may do below a path until a time.
type claim struct {
	path    string // of a hub, a partition, …; lower case; "" is the namespace
	rights  Rights
	expires time.Time
}

func (c claim) covers(path string) bool {
	return c.path == "" || path == c.path || strings.HasPrefix(path, c.path+"/")
}

// Types of tokens that clients put.
const (
	typeSAS = "servicebus.windows.net:sastoken"
	typeJWT = "jwt"
)

// authorizer knows who may do what.
type authorizer struct {
	keys   []Key
	tokens Tokens
	now    func() time.Time
}

// claim is what a token of a type gives for an audience, the URI of an entity.
func (a *authorizer) claim(kind, token, audience string) (claim, error) {
	host, path := splitURI(audience)
	switch kind {
	case typeSAS:
		return a.signed(token, host, path)
	case typeJWT:
		rights, err := a.tokens(token, a.now())
		if err != nil {
			return claim{}, err
		}
		expires := a.now().Add(tokenLife)
		if claims, err := parseJWT(token); err == nil && claims.Expires > 0 {
			expires = time.Unix(claims.Expires, 0)
		}
		return claim{path: path, rights: rights, expires: expires}, nil
	}
	return claim{}, fmt.Errorf("UnsupportedToken: a token of type %q; %s and %s are known", kind, typeSAS, typeJWT)
}

// inline is what a token gives for a path that comes with a request itself,
// without its type.
func (a *authorizer) inline(token, path string) (claim, error) {
	if strings.HasPrefix(token, sasPrefix) {
		return a.signed(token, "", path)
	}
	return a.claim(typeJWT, token, "any/"+path)
}

// sasPrefix begins a shared access signature.
const sasPrefix = "SharedAccessSignature "

// signed is the claim of a shared access signature, for a host unless that is
// "".
func (a *authorizer) signed(token, host, path string) (claim, error) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(strings.TrimPrefix(token, sasPrefix), "&") {
		name, value, _ := strings.Cut(part, "=")
		fields[name] = value
	}
	seconds, err := strconv.ParseInt(fields["se"], 10, 64)
	resource, unescaped := url.QueryUnescape(fields["sr"])
	signature, undecoded := url.QueryUnescape(fields["sig"])
	if err = errors.Join(err, unescaped, undecoded); err != nil {
		return claim{}, errors.New("MalformedToken: The shared access signature needs sr, sig, se and skn")
	}
	key, ok := a.key(fields["skn"])
	mac := hmac.New(sha256.New, []byte(key.Value))
	mac.Write([]byte(fields["sr"] + "\n" + fields["se"]))
	if !ok || !hmac.Equal([]byte(signature), []byte(base64.StdEncoding.EncodeToString(mac.Sum(nil)))) {
		return claim{}, errors.New("InvalidSignature: The token has an invalid signature.") //nolint:staticcheck // the service's own words
	}
	expires := time.Unix(seconds, 0)
	if !a.now().Before(expires) {
		return claim{}, expired(expires)
	}
	signedHost, signedPath := splitURI(resource)
	if host != "" && signedHost != host || !(claim{path: signedPath}).covers(path) || key.Hub != "" && !(claim{path: strings.ToLower(key.Hub)}).covers(path) {
		return claim{}, errors.New("InvalidAudience: The authorization token is for another entity than it is used for")
	}
	return claim{path: path, rights: key.Rights, expires: expires}, nil
}

func (a *authorizer) key(name string) (Key, bool) {
	for _, key := range a.keys {
		if key.Name == name {
			return key, true
		}
	}
	return Key{}, false
}

// splitURI is the host and the path of a URI with or without a scheme, in
// lower case and without slashes around the path.
func splitURI(uri string) (host, path string) {
	uri = strings.ToLower(uri)
	if _, rest, ok := strings.Cut(uri, "://"); ok {
		uri = rest
	}
	host, path, _ = strings.Cut(uri, "/")
	return host, strings.Trim(path, "/")
}
