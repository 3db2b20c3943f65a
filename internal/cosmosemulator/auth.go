package cosmosemulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// maxSkew is how far a request's date may be away.
const maxSkew = 15 * time.Minute

func unauthorized(message string) error { return store.Refuse(401, 0, "%s", message) }

// authenticate checks the authorization header: type=master (an HMAC with the account key) or type=aad (a token).
func (s *Server) authenticate(r *http.Request, t target) (aad bool, err error) {
	header, err := url.QueryUnescape(r.Header.Get("Authorization"))
	if err != nil || header == "" {
		return false, unauthorized("Required Header authorization is missing. Ensure a valid Authorization token is passed.")
	}
	kind, rest, _ := strings.Cut(header, "&")
	version, signature, _ := strings.Cut(rest, "&")
	signature, signed := strings.CutPrefix(signature, "sig=")
	if version != "ver=1.0" || !signed {
		return false, unauthorized("The input authorization token has an invalid format: type=…&ver=1.0&sig=… is expected.")
	}
	switch kind {
	case "type=master":
		return false, s.checkSignature(r, t, strings.ReplaceAll(signature, " ", "+"))
	case "type=aad":
		return true, s.checkToken(r, signature)
	}
	return false, unauthorized("The type of the input authorization token is not supported by this stand-in: master or aad is expected.")
}

// checkSignature compares the HMAC of verb, type of resource, link and date.
func (s *Server) checkSignature(r *http.Request, t target, signature string) error {
	date := r.Header.Get("x-ms-date")
	at, err := http.ParseTime(date)
	if err != nil {
		return unauthorized("The input date header is invalid format. Please pass in RFC 1123 style date format.")
	}
	text := strings.ToLower(r.Method) + "\n" + t.resource + "\n" + t.link + "\n" + strings.ToLower(date) + "\n\n"
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(text))
	got, err := base64.StdEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return unauthorized("The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol.")
	}
	if skew := time.Since(at); skew > maxSkew || skew < -maxSkew {
		return store.Refuse(403, 0, "The authorization token is not valid at the current time. Please create another token and retry.")
	}
	return nil
}

// knownAudiences are of Azure and of Microsoft's emulator.
var knownAudiences = []string{"https://cosmos.azure.com", "https://localhost.localhost"}

// checkToken checks a JSON Web Token. Entra ID cannot be asked here: as with Microsoft's emulator, the signature of a
// token is the account key itself. Audience and times are checked as the service does.
func (s *Server) checkToken(r *http.Request, token string) error {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return unauthorized("The AAD token is no JSON Web Token.")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Audience  string  `json:"aud"`
		Expires   float64 `json:"exp"`
		NotBefore float64 `json:"nbf"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return unauthorized("The AAD token cannot be read.")
	}
	if !hmac.Equal([]byte(parts[2]), []byte(tokenSignature(s.config.Key))) {
		return unauthorized("The signature of the AAD token is not valid.")
	}
	now := float64(time.Now().Unix())
	if claims.Expires <= now {
		return unauthorized("The AAD token has expired.")
	}
	if claims.NotBefore > now+maxSkew.Seconds() {
		return unauthorized("The AAD token is not valid yet.")
	}
	if !s.accepts(r, strings.TrimSuffix(claims.Audience, "/")) {
		return unauthorized("The audience of the AAD token is not this account.")
	}
	return nil
}

func tokenSignature(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

// accepts says whether an audience is this account: by its address without the port, as clients ask for it.
func (s *Server) accepts(r *http.Request, audience string) bool {
	if slices.Contains(knownAudiences, audience) || slices.Contains(s.config.Audiences, audience) {
		return true
	}
	got, err := url.Parse(audience)
	if err != nil {
		return false
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	return got.Hostname() == host || s.config.Endpoint != "" && strings.HasPrefix(s.config.Endpoint, audience)
}

// Token is an Entra ID token that servers with that account key accept, for a TokenCredential in tests.
func Token(key, audience string, notBefore, expires time.Time) string {
	part := func(v any) string {
		text, _ := json.Marshal(v) // of strings and numbers
		return base64.RawURLEncoding.EncodeToString(text)
	}
	return part(map[string]string{"typ": "JWT", "alg": "RS256"}) + "." + part(map[string]any{
		"aud": audience, "nbf": notBefore.Unix(), "exp": expires.Unix(), "sub": "localhost",
	}) + "." + tokenSignature(key)
}
