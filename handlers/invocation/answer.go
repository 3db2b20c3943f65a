package invocation

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is what the host must get: an object, whatever happened.
type answer struct {
	Outputs     struct{}
	Logs        []string // shown with the invocation, where it succeeds
	ReturnValue *struct{}
}

// reply answers an invocation.
func reply(w http.ResponseWriter, status int, line string) {
	body, err := json.Marshal(answer{Logs: []string{line}})
	if err != nil {
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a host that is gone needs no answer
}
