package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// answer is a whole answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// document is an answer of JSON. A value that cannot be encoded is one that failed inside.
func document(status int, v any) answer {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // it is never read as HTML
	if err := encoder.Encode(v); err != nil {
		return answer{http.StatusInternalServerError, http.Header{"Content-Type": {"application/problem+json"}}, []byte(`{"status":500,"code":"internal"}`)}
	}
	return answer{status, http.Header{"Content-Type": {"application/json"}}, body.Bytes()}
}

// tagged is the answer with an ETag of its body, or 304 where the client has that already.
func (a answer) tagged(r *http.Request) answer {
	sum := sha256.Sum256(a.body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:15]) + `"`
	a.header.Set("ETag", tag)
	if a.status == http.StatusOK && names(r.Header.Values("If-None-Match"), tag) {
		a.header.Del("Content-Type")
		a.status, a.body = http.StatusNotModified, nil
	}
	return a
}

// names reports whether a list of ETags has one, by the weak comparison.
func names(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			one = strings.TrimSpace(one)
			if one == "*" || strings.TrimPrefix(one, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// write sends the answer, with the headers that all have: nobody stores it, and
// no browser takes it for a page.
func (a answer) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead && len(a.body) > 0 {
		_, _ = w.Write(a.body) // a client that is gone needs no answer
	}
}
