// Package sweep is the function that runs every minute: it lets time pass for
// those of whom nothing is heard.
package sweep

import (
	"context"
	"errors"
	"net/http"

	"github.com/keywarden/keywarden/handlers/invocation"
)

// Sweeper does what is due at a run of the timer. A run that fails is made up
// for by the next one: there is no retry.
type Sweeper interface {
	Sweep(ctx context.Context, timer invocation.Timer) error
}

// New returns the function's handler.
func New(s Sweeper, c invocation.Contract) (http.Handler, error) {
	if s == nil {
		return nil, errors.New("sweep: no sweeper: pass what publishes ticks")
	}
	return invocation.New("sweep", c, invocation.DecodeTimer, s.Sweep)
}
