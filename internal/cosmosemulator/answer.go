package cosmosemulator

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// answer is a response that is not yet sent.
type answer struct {
	status int
	header [][2]string
	body   []byte
	charge float64 // request units
	half   bool    // the connection is cut in the middle of the body
}

func (a *answer) set(name, value string) { a.header = append(a.header, [2]string{name, value}) }

// codes are the service's names of statuses, as they stand in error bodies.
var codes = map[int]string{
	400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 408: "RequestTimeout",
	409: "Conflict", 410: "Gone", 412: "PreconditionFailed", 413: "RequestEntityTooLarge", 424: "FailedDependency", 429: "429",
	449: "RetryWith", 500: "InternalServerError", 503: "ServiceUnavailable",
}

// refusal is an answer with the service's error body.
func refusal(r *store.Refusal) *answer {
	code := codes[r.Status]
	if code == "" {
		code = strconv.Itoa(r.Status)
	}
	a := &answer{status: r.Status, charge: minCharge}
	a.body, _ = json.Marshal(map[string]string{"code": code, "message": r.Message}) // of strings
	if r.SubStatus != 0 {
		a.set("x-ms-substatus", strconv.Itoa(r.SubStatus))
	}
	return a
}

// refused is the answer to an error.
func refused(err error, activity string) *answer {
	var r *store.Refusal
	if !errors.As(err, &r) {
		r = store.Refuse(500, 0, "%v", err)
	}
	return refusal(store.Refuse(r.Status, r.SubStatus, "%s\r\nActivityId: %s", r.Message, activity))
}

// write sends an answer.
func write(w http.ResponseWriter, a *answer, activity string) {
	h := w.Header()
	for _, field := range a.header {
		h.Set(field[0], field[1])
	}
	h.Set("x-ms-activity-id", activity)
	h.Set("x-ms-request-charge", strconv.FormatFloat(a.charge, 'f', -1, 64))
	h.Set("x-ms-gatewayversion", "version=2.14.0")
	if a.status == http.StatusNotModified || a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	if !a.half {
		_, _ = w.Write(a.body) // a client that is gone has no use for the error
		return
	}
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// activityID is the client's where it gives one, else a new one.
func activityID(r *http.Request) string {
	if id := r.Header.Get("x-ms-activity-id"); len(id) == 36 {
		return id
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// feed is the body of a list: the name of the list depends on what it lists.
func feed(rid, name string, documents [][]byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"_rid":%q,%q:[`, rid, name)
	for i, d := range documents {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(d)
	}
	fmt.Fprintf(&b, `],"_count":%d}`, len(documents))
	return b.Bytes()
}
