// Package problem writes the errors that clients of HTTP functions see.
package problem

import (
	"encoding/json"
	"net/http"
)

// Write answers with a problem+json document (RFC 9457). Code is for programs
// and is promised to stay, detail is for people; neither may quote a secret.
func Write(w http.ResponseWriter, status int, code, detail string) {
	body, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, code, detail})
	if err != nil {
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
