package eventhub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/Azure/go-amqp"

	"github.com/keywarden/keywarden/internal/engine"
)

// Failures that do not pass by themselves.
var (
	ErrUnauthorized = errors.New("access is refused: give this identity the role Azure Event Hubs Data Sender to send, " +
		"Azure Event Hubs Data Receiver to read, or use the connection string of a policy that may")
	ErrNotFound = errors.New("there is no such namespace, hub, consumer group or partition: check their names and that they are deployed")
	ErrTooLarge = engine.ErrTooLarge
	ErrDisabled = errors.New("the hub is disabled: enable it in the portal")
)

// lasting are the conditions of AMQP that do not pass.
var lasting = map[amqp.ErrCond]error{
	amqp.ErrCondUnauthorizedAccess:        ErrUnauthorized,
	amqp.ErrCondNotFound:                  ErrNotFound,
	amqp.ErrCondMessageSizeExceeded:       ErrTooLarge,
	"com.microsoft:argument-out-of-range": ErrNotFound, // a partition that the hub does not have
	"com.microsoft:entity-disabled":       ErrDisabled,
}

// verdict is which of the lasting failures an error is; nil where it can pass.
func verdict(err error) error {
	var coded *azeventhubs.Error
	if errors.As(err, &coded) && coded.Code == azeventhubs.ErrorCodeUnauthorizedAccess {
		return ErrUnauthorized
	}
	var answer interface{ RPCCode() int } // of the management link and of claims
	if errors.As(err, &answer) {
		switch answer.RPCCode() {
		case http.StatusUnauthorized, http.StatusForbidden:
			return ErrUnauthorized
		case http.StatusNotFound:
			return ErrNotFound
		}
	}
	var credential interface{ NonRetriable() } // azidentity's
	if errors.As(err, &credential) {
		return ErrUnauthorized
	}
	var refused *amqp.Error
	if errors.As(err, &refused) {
		return lasting[refused.Condition]
	}
	for _, known := range []error{ErrUnauthorized, ErrNotFound, ErrTooLarge, ErrDisabled} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// again tries until it succeeds, the failure is one that does not pass, or the
// context ends.
func (h *Hub) again(ctx context.Context, what string, try func() error) error {
	for failures := 0; ; failures++ {
		err := try()
		if err == nil {
			return nil
		}
		if sentence := verdict(err); sentence != nil && ctx.Err() == nil {
			return h.failed(what, sentence, err)
		}
		if h.namespace.wait(ctx, failures) != nil {
			return h.failed(what, ctx.Err(), err)
		}
	}
}

// failed is an error that says what was tried, why it ended and what came last.
func (h *Hub) failed(what string, why, last error) error {
	if errors.Is(last, why) {
		return fmt.Errorf("eventhub: %s of %v: %w", what, h, last)
	}
	return fmt.Errorf("eventhub: %s of %v: %w (%w)", what, h, why, last)
}

// wait lets pass what is due after so many failures before: twice as long each
// time, between a half and all of it. It fails when the context ends.
func (n *Namespace) wait(ctx context.Context, failures int) error {
	return sleep(ctx, backoff(n.config.Retry.RetryDelay, n.config.Retry.MaxRetryDelay, failures))
}

// backoff is how long to wait after so many failures before.
func backoff(first, most time.Duration, failures int) time.Duration {
	d := max(first, time.Millisecond)
	for ; failures > 0 && d < most; failures-- {
		d *= 2
	}
	d = max(min(d, most), time.Millisecond)
	return d/2 + rand.N(d/2+1)
}

// sleep waits, or fails when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hubName is how a hub is named everywhere.
func hubName(n *Namespace, hub string) string { return n.Name() + "/" + strings.ToLower(hub) }
