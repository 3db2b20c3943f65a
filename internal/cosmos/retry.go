package cosmos

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const (
	// firstPause is how long a request waits after its first failure; then twice
	// as long each time, up to longestPause, and a random half of it more or less.
	firstPause   = 100 * time.Millisecond
	longestPause = 10 * time.Second

	// unbounded is how long a request is sent again whose context has no deadline.
	unbounded = 30 * time.Second
)

// retrier sends a request again until it is answered or its context ends. It
// stands around the SDK's own retries, which give up soon and repeat no write.
type retrier struct{}

// Do implements policy.Policy.
func (retrier) Do(request *policy.Request) (*http.Response, error) {
	ctx := request.Raw().Context()
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = time.Now().Add(unbounded)
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		if err := request.RewindBody(); err != nil {
			return nil, err
		}
		response, err := request.Clone(ctx).Next()
		if !transient(response, err) {
			return response, err
		}
		wait := retryAfter(response, err)
		if wait == 0 {
			wait = pause/2 + rand.N(pause)
		}
		if time.Now().Add(wait).After(deadline) || sleep(ctx, wait) != nil {
			return response, err
		}
		if response != nil {
			_ = response.Body.Close() // downloaded already
		}
	}
}

// transient reports whether the same request may be answered well later.
func transient(response *http.Response, err error) bool {
	if err == nil {
		return transientStatus(response.StatusCode)
	}
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return transientStatus(answer.StatusCode)
	}
	var unknown *net.DNSError
	if errors.Is(err, context.Canceled) || errors.As(err, &unknown) && unknown.IsNotFound {
		return false
	}
	var network net.Error // a url.Error is one too, whatever is in it
	var operation *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &operation) || errors.As(err, &network) && network.Timeout()
}

func transientStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusGone, http.StatusTooManyRequests, statusRetryWith,
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// statusRetryWith is Cosmos DB's for two writes of one document that meet.
const statusRetryWith = 449

// retryAfter is how long the service wants to be left alone; 0 where it does not say.
func retryAfter(response *http.Response, err error) time.Duration {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		response = answer.RawResponse
	}
	if response == nil {
		return 0
	}
	ms, err := strconv.ParseFloat(response.Header.Get("x-ms-retry-after-ms"), 64)
	if err != nil || ms <= 0 || ms > float64(time.Hour/time.Millisecond) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
