package store

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Refusal is an error that the service answers with a status.
type Refusal struct {
	Status    int    // the HTTP status
	SubStatus int    // x-ms-substatus; 0 where the service gives none
	Message   string // for the body
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("%d/%d: %s", r.Status, r.SubStatus, r.Message) }

// Refuse makes a Refusal.
func Refuse(status, subStatus int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, SubStatus: subStatus, Message: fmt.Sprintf(format, args...)}
}

func notFound() *Refusal { return Refuse(404, 0, "Resource Not Found.") }

func preconditionFailed() *Refusal {
	return Refuse(412, 0, "Operation cannot be performed because one of the specified precondition is not met.")
}

// matches says whether an If-Match header lets a change of something with that etag happen.
func matches(ifMatch, etag string) bool {
	return ifMatch == "" || ifMatch == "*" || unquote(ifMatch) == unquote(etag)
}

func unquote(etag string) string { return strings.Trim(etag, `"`) }

// Resource ids are base64 with - for /, as they stand in paths.
var ridEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-")

func encodeRID(b []byte) string { return ridEncoding.EncodeToString(b) }

func decodeRID(rid string) []byte {
	b, err := ridEncoding.DecodeString(rid)
	if err != nil {
		return nil
	}
	return b
}
