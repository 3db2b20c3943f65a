//go:build linux

package functionshost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/front"
	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/functionshost/trigger/triggertest"
)

// On a clock a hundred times as fast these are times that a slow machine keeps.
const hostJSON = `{"version":"2.0","functionTimeout":"01:30:00",
 "customHandler":{"description":{"defaultExecutablePath":"handler"},"enableProxyingHttpRequest":true,"initializationTimeout":"01:30:00"},
 "extensions":{"http":{"routePrefix":""},"eventHubs":{"maxEventBatchSize":2}}}`

const eventsJSON = `{"bindings":[{"type":"eventHubTrigger","direction":"in","name":"events","eventHubName":"%HUB%","connection":"Hub","cardinality":"many","dataType":"binary"}]%s}`

const retryForEver = `,"retry":{"strategy":"fixedDelay","maxRetryCount":-1,"delayInterval":"00:00:01"}`

const apiJSON = `{"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"anonymous","route":"api/{*path}"},{"type":"http","direction":"out","name":"res"}]}`

// packaged makes a zip with the functions "events" (with a retry policy) and "api".
func packaged(t *testing.T, retry string) string {
	return zipped(t, map[string]string{"host.json": hostJSON, "events/function.json": strings.Replace(eventsJSON, "%s", retry, 1), "api/function.json": apiJSON})
}

// zipped makes a package whose handler is this test binary.
func zipped(t *testing.T, files map[string]string) string {
	t.Helper()
	all := []hosttest.File{hosttest.Handler()}
	for name, text := range files {
		all = append(all, hosttest.File{Name: name, Text: text, Mode: 0o644})
	}
	return hosttest.Pack(t, all...)
}

// fixture is a running host, its hub, and what was seen of it.
type fixture struct {
	*Host
	t    *testing.T
	hub  *triggertest.Hub
	gate string // the file that waiting handlers wait for
	stop func()
	ran  chan error

	mu     sync.Mutex
	tries  []string // "instance/partition:first-last", with "!" where it failed
	ids    []string
	lines  []Line
	before func(Invocation)
}

// run runs a package with two partitions of a hub in memory, on a clock that
// is a hundred times as fast.
func run(t *testing.T, zip string, change func(*Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, hub: triggertest.NewHub(2), gate: filepath.Join(t.TempDir(), "gate"), ran: make(chan error, 1), before: func(Invocation) {}}
	c := Config{Package: zip, Env: append(os.Environ(), "TEST_ROLE=handler", "HUB=diagnostics", "TEST_GATE="+f.gate),
		Clock: clock.Fast(100), Term: 2 * time.Minute, Keys: front.Keys{Master: "master", Host: "host", Function: "function"},
		Sources:     func(app.Function) (trigger.Source, error) { return f.hub, nil },
		InstanceEnv: func(group string, n int) []string { return []string{fmt.Sprintf("TEST_INSTANCE=%s-%d", group, n)} },
		Before: func(i Invocation) {
			f.mu.Lock()
			before := f.before
			f.mu.Unlock()
			before(i)
		},
		After: f.after,
		Log:   f.log}
	if change != nil {
		change(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	f.Host = h
	ctx, cancel := context.WithCancel(context.Background())
	f.stop = cancel
	go func() { f.ran <- h.Run(ctx) }()
	t.Cleanup(func() {
		f.open()
		cancel()
		if err := <-f.ran; err != nil {
			t.Logf("the host ended with: %v", err)
		}
	})
	f.until("the host runs", func() bool { return len(h.Instances(HTTPGroup))+len(h.Instances(AppGroup)) > 0 })
	return f
}

func (f *fixture) after(i Invocation, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i.Partition == "" {
		return
	}
	text := fmt.Sprintf("%d/%s:%d-%d", i.Instance, i.Partition, i.First, i.Last)
	if err != nil {
		text += "!"
	}
	f.tries = append(f.tries, text)
	f.ids = append(f.ids, i.ID)
}

func (f *fixture) log(l Line) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines = append(f.lines, l)
}

// logged reports whether a line holds the text.
func (f *fixture) logged(text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.ContainsFunc(f.lines, func(l Line) bool { return strings.Contains(l.Text, text) })
}

func (f *fixture) tried() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.tries)
}

// open lets waiting handlers go on.
func (f *fixture) open() {
	if err := os.WriteFile(f.gate, nil, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Error(err)
	}
}

func (f *fixture) quiet() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	if err := f.WaitQuiet(ctx); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.t.Fatalf("%v; tried %v; log %+v", err, f.tries, f.lines)
	}
}

// until polls, because what happens happens in other processes.
func (f *fixture) until(what string, holds func() bool) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.t.Fatalf("after a minute not yet: %s; tried %v", what, f.tried())
		}
	}
}

// ended waits for Run to end by itself.
func (f *fixture) ended() error {
	f.t.Helper()
	select {
	case err := <-f.ran:
		f.ran <- err
		return err
	case <-time.After(time.Minute):
		f.t.Fatal("still runs after a minute")
		return nil
	}
}

func (f *fixture) ask(method, path string, header ...string) (int, string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, "http://"+f.Addr()+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		f.t.Error(err)
	}
	return answer.StatusCode, string(body)
}
