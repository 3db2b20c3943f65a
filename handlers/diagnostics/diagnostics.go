// Package diagnostics is the function that takes in Azure's diagnostic records
// from the diagnostics hub.
package diagnostics

import (
	"context"
	"errors"
	"net/http"

	"github.com/keywarden/keywarden/handlers/invocation"
)

// Publisher brings the records of a batch into the one log.
//
// When Publish returns nil, everything of the batch that can be read is in the
// log, and what cannot was set aside: the batch does not come again. An error
// is for what a retry can cure; then the same events come again, alone or with
// others. Every batch has its partition, and those of one partition come one
// after the other.
type Publisher interface {
	Publish(ctx context.Context, batch invocation.Batch) error
}

// New returns the function's handler.
func New(p Publisher, c invocation.Contract) (http.Handler, error) {
	if p == nil {
		return nil, errors.New("diagnostics: no publisher: pass what brings records into the usage hub, or judges them in this process")
	}
	return invocation.New("diagnostics", c, invocation.DecodeEvents, invocation.Placed(p.Publish))
}
