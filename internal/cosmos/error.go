package cosmos

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/keywarden/keywarden/internal/engine"
)

// refusal is an answer of the service that is an error, on one line. The text
// of what it wraps takes twenty.
type refusal struct {
	operation string
	answer    *azcore.ResponseError
}

func (r *refusal) Error() string {
	s := fmt.Sprintf("cosmos: %s: %d %s", r.operation, r.answer.StatusCode, http.StatusText(r.answer.StatusCode))
	if r.answer.RawResponse != nil {
		if sub := subStatus(r.answer); sub != "" && sub != "0" {
			s += "/" + sub
		}
		if id := r.answer.RawResponse.Header.Get("x-ms-activity-id"); id != "" {
			s += ", activity " + id
		}
	}
	if hint := hints[r.answer.StatusCode]; hint != "" {
		s += ": " + hint
	}
	return s
}

func (r *refusal) Unwrap() error { return r.answer }

// Is makes what was tried in vain engine.ErrThrottled or engine.ErrUnavailable.
func (r *refusal) Is(target error) bool {
	throttled := r.answer.StatusCode == http.StatusTooManyRequests
	return target == engine.ErrThrottled && throttled ||
		target == engine.ErrUnavailable && !throttled && transientStatus(r.answer.StatusCode)
}

// hints say what to do about an answer that trying again does not change.
var hints = map[int]string{
	http.StatusUnauthorized:          "the key or token is not this account's, or this machine's clock is more than 15 minutes off",
	http.StatusForbidden:             "give this identity the role Cosmos DB Built-in Data Contributor on the account, and let the account's firewall pass this machine",
	http.StatusNotFound:              "the database or one of its containers is missing: deploy infra/main.bicep, and see that the name of the database is right",
	http.StatusRequestEntityTooLarge: "a document may take 2 MiB",
	http.StatusTooManyRequests:       "the account's throughput is used up: raise its limit",
}

// wrap is err, where there is one, with the operation that met it.
func wrap(operation string, err error) error {
	var answer *azcore.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer):
		return &refusal{operation, answer}
	case transient(nil, err):
		return fmt.Errorf("cosmos: %s: %w: %w", operation, engine.ErrUnavailable, err)
	}
	return fmt.Errorf("cosmos: %s: %w", operation, err)
}

// statusOf is the status of an answer that is an error; 0 where err is none.
func statusOf(err error) int {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}

func subStatus(answer *azcore.ResponseError) string {
	if answer.RawResponse == nil {
		return ""
	}
	return answer.RawResponse.Header.Get("x-ms-substatus")
}
