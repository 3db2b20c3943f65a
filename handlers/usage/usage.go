// Package usage is the function that judges the one log, partition by
// partition of the usage hub.
package usage

import (
	"context"
	"errors"
	"net/http"

	"github.com/keywarden/keywarden/handlers/invocation"
)

// Judge folds a batch of the log into the state of its partition.
//
// When it returns nil, the incidents that follow from the batch are durable
// and its state can be rebuilt from the log: the batch does not come again. An
// error is for what a retry can cure. Every batch has its partition, and those
// of one partition come one after the other, but another process may have had
// the ones before.
type Judge interface {
	Judge(ctx context.Context, batch invocation.Batch) error
}

// New returns the function's handler.
func New(j Judge, c invocation.Contract) (http.Handler, error) {
	if j == nil {
		return nil, errors.New("usage: no judge: pass the engine behind the usage hub")
	}
	return invocation.New("usage", c, invocation.DecodeEvents, invocation.Placed(j.Judge))
}
