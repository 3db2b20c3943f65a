package app

import (
	"encoding/json"
	"fmt"
	"time"
)

// Retry is the retry policy of a function.json.
type Retry struct {
	Max     int           // tries after the first; -1 = without end
	Minimum time.Duration // the delay of a fixed policy; the first of an exponential one
	Maximum time.Duration // 0 = fixed
}

// Delay is how long the host waits before retry n, which counts from 0.
// random is a number in [0, 1): an exponential delay varies by a fifth.
//
// The host (Microsoft.Azure.WebJobs, RandomizedExponentialBackoffStrategy)
// waits the minimum first, then minimum + 2^(n-1) × minimum × (0.8 … 1.2).
func (r Retry) Delay(n int, random float64) time.Duration {
	if r.Maximum == 0 || n == 0 {
		return r.Minimum
	}
	more := r.Minimum.Seconds() * (0.8 + 0.4*random)
	for range n - 1 {
		if more *= 2; more > r.Maximum.Seconds() {
			return r.Maximum
		}
	}
	return min(r.Minimum+time.Duration(more*float64(time.Second)), r.Maximum)
}

func parseRetry(text json.RawMessage) (*Retry, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var file struct {
		Strategy                                        string
		MaxRetryCount                                   *int
		DelayInterval, MinimumInterval, MaximumInterval string
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	if file.MaxRetryCount == nil || *file.MaxRetryCount < -1 {
		return nil, fmt.Errorf("maxRetryCount must be -1 (without end) or more")
	}
	r := &Retry{Max: *file.MaxRetryCount}
	var err error
	switch file.Strategy {
	case "fixedDelay":
		r.Minimum, err = parseSpan(file.DelayInterval)
	case "exponentialBackoff":
		if r.Minimum, err = parseSpan(file.MinimumInterval); err == nil {
			r.Maximum, err = parseSpan(file.MaximumInterval)
		}
		if err == nil && r.Maximum < r.Minimum {
			err = fmt.Errorf("maximumInterval %s is below minimumInterval %s", file.MaximumInterval, file.MinimumInterval)
		}
	default:
		err = fmt.Errorf("strategy %q is neither fixedDelay nor exponentialBackoff", file.Strategy)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}
