package invocation

import (
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"testing"
	"testing/synctest"
)

func TestBody_is_the_function_s_until_it_returns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := contract()
		release := make(chan struct{})
		held := "nothing"
		handler, err := New("diagnostics", c, DecodeEvents, func(_ context.Context, b Batch) error {
			if b.Partition == "2" {
				<-release // long after the host was answered without it
				held = string(b.Events[0].Body)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		serve := func(partition, body string) (status int) {
			r := invocation(t, partition)
			r.Body = io.NopCloser(bytes.NewReader(asHost(t, batchOf(partition, first(body)))))
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			return recorder.Code
		}
		if status := serve("2", "the first one"); status != 500 {
			t.Errorf("status %d, want 500", status)
		}
		for range 20 {
			if status := serve("0", "another one"); status != 200 {
				t.Errorf("status %d, want 200", status)
			}
		}
		close(release)
		synctest.Wait()
		if held != "the first one" {
			t.Errorf("the body had become %q", held)
		}
	})
}

func TestBody_memory_is_used_again(t *testing.T) {
	c, _ := contract()
	seen := map[*byte]bool{}
	handler, err := New("diagnostics", c, DecodeEvents, func(_ context.Context, b Batch) error {
		seen[&b.Events[0].Body[0]] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const times = 100
	for range times {
		handler.ServeHTTP(httptest.NewRecorder(), invocation(t, "2"))
	}
	if len(seen) > times/2 {
		t.Errorf("%d invocations, one after the other, were read into %d places", times, len(seen))
	}
}
