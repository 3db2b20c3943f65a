//go:build linux

package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
)

// process is a handler as the Functions host runs it.
type process struct {
	*exec.Cmd
	addr  string
	said  bytes.Buffer
	ended chan struct{}
}

// startHandler starts a program as the handler of a package in a folder, and returns when it is ready.
func startHandler(tb testing.TB, program, folder string, env []string) *process {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	h := &process{Cmd: exec.CommandContext(tb.Context(), program), addr: listener.Addr().String(), ended: make(chan struct{})}
	_ = listener.Close() // nobody has connected
	_, port, _ := net.SplitHostPort(h.addr)
	h.Dir, h.Stdout, h.Stderr = folder, &h.said, &h.said
	h.Env = append(env[:len(env):len(env)], "FUNCTIONS_CUSTOMHANDLER_PORT="+port)
	if err := h.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = h.Wait() // it is killed
		close(h.ended)
	}()
	tb.Cleanup(func() { h.kill() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, "http://"+h.addr+"/", nil)
		if err != nil {
			tb.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = answer.Body.Close() // it was only asked whether it answers
			return h
		}
		if time.Now().After(deadline) {
			tb.Fatalf("not ready: %v\n%s", err, h.kill())
		}
	}
}

// kill ends the process as the host does, and returns what it has said.
func (h *process) kill() string {
	_ = h.Process.Kill() // it may have ended
	<-h.ended
	return h.said.String()
}

// invoke hands the handler an invocation.
func (h *process) invoke(ctx context.Context, function string, body []byte) error {
	_, err := invocation.Send(ctx, h.addr, invocation.Try{Function: function, ID: invocation.NewID(), Body: body})
	return err
}

// invocationOf is an invocation with events of a hub of the stand-in on 127.0.0.1, which has the function's name.
func invocationOf(tb testing.TB, function, partition string, events []engine.LogEvent) []byte {
	tb.Helper()
	all := make([]invocation.Event, len(events))
	for i, e := range events {
		all[i] = invocation.Event{Body: e.Body, Sequence: e.Sequence, Offset: strconv.FormatInt(e.Sequence, 10), Enqueued: time.Now()}
	}
	content, err := invocation.Events(invocation.Shape{Name: "events", Many: true, DataType: "binary"},
		invocation.Hub{Namespace: "127.0.0.1", Name: function, ConsumerGroup: "keywarden", Partition: partition}, all)
	if err != nil {
		tb.Fatal(err)
	}
	return content.Body(function, time.Now(), nil)
}
