package invocation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// contract is a Contract for tests, and what it logs.
func contract() (Contract, *bytes.Buffer) {
	var log bytes.Buffer
	return Contract{Deadline: time.Minute, Log: slog.New(slog.NewJSONHandler(&log, nil))}, &log
}

// serve lets a handler of batches answer one request.
func serve(t *testing.T, r *http.Request, do func(Batch) error) *http.Response {
	t.Helper()
	c, _ := contract()
	return answerOf(t, c, r, func(_ context.Context, b Batch) error { return do(b) })
}

func answerOf(t *testing.T, c Contract, r *http.Request, do func(context.Context, Batch) error) *http.Response {
	t.Helper()
	handler, err := New("diagnostics", c, DecodeEvents, do)
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Result()
}

// invocation is a genuine one, of a partition.
func invocation(t *testing.T, partition string) *http.Request {
	t.Helper()
	for _, c := range captures[captured](t, "invocations.jsonl") {
		if c.Name == "eventhub-many-binary" {
			c.Body = strings.ReplaceAll(c.Body, `"PartitionId":"2"`, `"PartitionId":"`+partition+`"`)
			return c.request(t)
		}
	}
	t.Fatal("no such capture")
	return nil
}

func TestNew_refuses_what_is_missing(t *testing.T) {
	c, _ := contract()
	do := func(context.Context, Batch) error { return nil }
	for _, broken := range []Contract{{Log: c.Log}, {Deadline: time.Minute}} {
		if _, err := New("diagnostics", broken, DecodeEvents, do); err == nil || !strings.Contains(err.Error(), "pass") {
			t.Errorf("New(%+v): %v, want what to pass", broken, err)
		}
	}
}

func TestDeadline_ends_the_context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, log := contract()
		start := time.Now()
		answer := answerOf(t, c, invocation(t, "2"), func(ctx context.Context, _ Batch) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if took := time.Since(start); answer.StatusCode != http.StatusInternalServerError || took != c.Deadline {
			t.Errorf("status %d after %v, want 500 after %v", answer.StatusCode, took, c.Deadline)
		}
		if !strings.Contains(log.String(), "functionTimeout") {
			t.Errorf("the log does not say why: %s", log)
		}
	})
}

func TestDeadline_answers_without_a_function_that_does_not_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := contract()
		release := make(chan struct{})
		handler, err := New("diagnostics", c, DecodeEvents, func(context.Context, Batch) error { <-release; return nil })
		if err != nil {
			t.Fatal(err)
		}
		call := func(partition string) (int, time.Duration) {
			start := time.Now()
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, invocation(t, partition))
			return recorder.Code, time.Since(start)
		}
		if status, took := call("2"); status != 500 || took != c.Deadline+grace {
			t.Errorf("status %d after %v, want 500 after %v", status, took, c.Deadline+grace)
		}
		// The partition is not given to a second call while the first goes on.
		if status, took := call("2"); status != 500 || took != c.Deadline {
			t.Errorf("the next of the partition: status %d after %v, want 500 after %v", status, took, c.Deadline)
		}
		close(release)
		synctest.Wait()
		if status, took := call("2"); status != 200 || took != 0 {
			t.Errorf("after the end: status %d after %v, want 200 at once", status, took)
		}
	})
}

func TestLanes_one_at_a_time_of_a_partition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := contract()
		running := map[string]int{}
		most := 0
		guard := make(chan struct{}, 1)
		handler, err := New("usage", c, DecodeEvents, func(_ context.Context, b Batch) error {
			guard <- struct{}{}
			running[b.Partition]++
			most = max(most, len(running))
			if running[b.Partition] > 1 {
				t.Errorf("two invocations of partition %s at once", b.Partition)
			}
			<-guard
			time.Sleep(time.Second)
			guard <- struct{}{}
			if running[b.Partition]--; running[b.Partition] == 0 {
				delete(running, b.Partition)
			}
			<-guard
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		const each = 5
		done := make(chan int)
		for range each {
			for _, partition := range []string{"0", "1", "2"} {
				go func() {
					recorder := httptest.NewRecorder()
					handler.ServeHTTP(recorder, invocation(t, partition))
					done <- recorder.Code
				}()
			}
		}
		for range 3 * each {
			if status := <-done; status != 200 {
				t.Errorf("status %d", status)
			}
		}
		if took := time.Since(start); took != each*time.Second || most != 3 {
			t.Errorf("%v with %d partitions at once, want %v with 3", took, most, each*time.Second)
		}
	})
}

func TestClientGone_ends_the_context(t *testing.T) {
	c, _ := contract()
	ctx, cancel := context.WithCancel(t.Context())
	answer := answerOf(t, c, invocation(t, "2").WithContext(ctx), func(ctx context.Context, _ Batch) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if answer.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", answer.StatusCode)
	}
}

// endless is a body without an end.
type endless struct{ sent int64 }

func (e *endless) Read(b []byte) (int, error) {
	e.sent += int64(len(b))
	return len(b), nil
}

func TestBody_is_bounded(t *testing.T) {
	c, _ := contract()
	handler, err := New("diagnostics", c, DecodeEvents, func(context.Context, Batch) error { t.Error("the function was called"); return nil })
	if err != nil {
		t.Fatal(err)
	}
	f := handler.(*function[Batch])
	if f.limit != MaxBody {
		t.Errorf("the limit is %d, want %d", f.limit, MaxBody)
	}
	f.limit = 1 << 20
	body := &endless{}
	r := invocation(t, "2")
	r.Body = io.NopCloser(body)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusBadRequest || body.sent > 2*f.limit {
		t.Errorf("status %d after %d bytes, want 400 after little more than %d", recorder.Code, body.sent, f.limit)
	}
}

func TestLog_says_what_an_invocation_was(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	c, log := contract()
	r := invocation(t, "2")
	r.Header.Set("traceparent", parent)
	var trace Trace
	answerOf(t, c, r, func(ctx context.Context, _ Batch) error { trace = TraceOf(ctx); return errors.New("the hub is busy") })
	if want := (Trace{"ac5c7e75-77d6-482c-9eda-d3c4e19d97ad", parent}); trace != want {
		t.Errorf("trace in the context: %+v, want %+v", trace, want)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, log)
	}
	for key, want := range map[string]any{
		"level": "ERROR", "function": "diagnostics", "invocation": trace.ID, "traceparent": parent,
		"hub": "diagnostics", "partition": "2", "events": 2.0, "first": 59.0, "last": 60.0, "status": 500.0, "error": "the hub is busy",
	} {
		if line[key] != want {
			t.Errorf("%s: %v, want %v", key, line[key], want)
		}
	}
}

func TestLog_shows_nothing_of_the_host_s_exception(t *testing.T) {
	for _, c := range captures[captured](t, "invocations.jsonl") {
		if c.Name != "retry-fixed-fail-then-ok-2" {
			continue
		}
		contract, log := contract()
		answerOf(t, contract, c.request(t), func(context.Context, Batch) error { return nil })
		if !strings.Contains(log.String(), `"retry":1`) || strings.Contains(log.String(), "Exception") || strings.Contains(log.String(), "e30=") {
			t.Errorf("logged: %s", log)
		}
		return
	}
	t.Fatal("no such capture")
}
