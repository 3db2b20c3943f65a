package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/handlers/invocation"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// serveHubs is a stand-in for a namespace with such hubs, on a port of this
// machine, and returns its connection string. Namespaces are told apart by the
// name of the host, without the port.
func serveHubs(tb testing.TB, host string, partitions int, names ...string) string {
	tb.Helper()
	var specs []broker.Spec
	for _, name := range names {
		specs = append(specs, broker.Spec{Name: name, Partitions: partitions, ConsumerGroups: []string{"keywarden", "recovery"}})
	}
	hubs, err := hubemulator.New(hubemulator.Config{Hubs: specs})
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", host+":0")
	if err != nil {
		tb.Fatal(err)
	}
	go hubs.Serve(listener) //nolint:errcheck // it ends with the server
	tb.Cleanup(func() { _ = hubs.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return fmt.Sprintf("Endpoint=sb://%s:%s/;SharedAccessKeyName=%s;SharedAccessKey=%s;UseDevelopmentEmulator=true",
		host, port, hubemulator.RootKeyName, hubemulator.RootKeyValue)
}

// twoRegions is two namespaces, of which the first has the usage hub, and a store.
func twoRegions(t *testing.T) platform {
	t.Helper()
	return platform{
		EventHub: serveHubs(t, "127.0.0.1", 1, "diagnostics", "usage"), Ingress: []string{serveHubs(t, "localhost", 1, "diagnostics")},
		DiagnosticsHub: "diagnostics", UsageHub: "usage", ConsumerGroup: "keywarden", RecoveryGroup: "recovery",
		Store: "sqlite:" + filepath.Join(t.TempDir(), "store.db"), Flush: 2 * time.Minute,
	}
}

// halves sends half of a log to each of two namespaces and returns how many records each has.
func halves(t *testing.T, namespaces ...string) (records []int64) {
	t.Helper()
	log, err := townLog(10, 200_000)
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.IndexByte(log[len(log)/2:], '\n') + len(log)/2 + 1
	for i, part := range [][]byte{log[:cut], log[cut:]} {
		err := withHub(t.Context(), namespaces[i], "diagnostics", func(h *eventhub.Hub) error {
			sent, err := h.Send(t.Context(), azurelog.NewScanner(bytes.NewReader(part)).Next, eventhub.Sending{Bytes: 10_000})
			records = append(records, int64(sent.Records))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return records
}

// Records come in by two namespaces and are judged in one log.
func TestRun_with_a_second_namespace(t *testing.T) {
	t.Parallel()
	command := runCommand{platform: twoRegions(t), Listen: "127.0.0.1:0"}
	records := halves(t, command.EventHub, command.Ingress[0])
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- command.Run(ctx, &streams{out: io.Discard, err: io.Discard}) }()

	store, err := openBackend(t.Context(), command.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer store.close() //nolint:errcheck // it was only read
	var known map[engine.ProgressKey]engine.Progress
	taken := func() bool {
		all, err := store.AllProgress(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		known = map[engine.ProgressKey]engine.Progress{}
		for _, p := range all {
			known[p.ProgressKey] = p
		}
		judged := known[engine.ProgressKey{Function: engine.UsageFunction, Hub: "127.0.0.1/usage", Partition: "0"}]
		for i, hub := range []string{"127.0.0.1/diagnostics", "localhost/diagnostics"} {
			if known[engine.ProgressKey{Function: engine.DiagnosticsFunction, Hub: hub, Partition: "0"}].Total.Records != records[i] {
				return false
			}
		}
		return judged.Total.Calls > 0
	}
	// Progress is saved every half a minute, and when the process ends.
	for deadline := time.Now().Add(2 * time.Minute); !taken(); time.Sleep(200 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("it has ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("sent %v, taken in: %+v", records, known)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Under the Functions host a function is told by which namespace its events came.
func TestFunctions_of_a_second_namespace(t *testing.T) {
	t.Parallel()
	s := &service{platform: twoRegions(t), log: slog.New(slog.DiscardHandler)}
	halves(t, s.EventHub, s.Ingress[0])
	t.Cleanup(func() {
		if err := s.end(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	want := map[string]int{}
	for host, text := range map[string]string{"127.0.0.1": s.EventHub, "LocalHost": s.Ingress[0]} {
		batch := invocation.Batch{Namespace: host, Hub: "diagnostics", ConsumerGroup: "keywarden", Partition: "0"}
		for _, e := range hubEvents(t, text, "diagnostics") {
			batch.Events = append(batch.Events, invocation.Event{Sequence: e.Sequence, Body: e.Body, Enqueued: time.Now()})
		}
		if err := (functions{s}).Publish(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		want[strings.ToLower(host)] = 1
	}
	got := map[string]int{}
	for _, e := range hubEvents(t, s.EventHub, "usage") {
		var m usagelog.Message
		if err := new(usagelog.Reader).Read(e.Body, &m); err != nil {
			t.Fatal(err)
		}
		namespace, _ := hubNamed(m.Source.Hub)
		got[namespace] = 1
	}
	if len(got) != 2 || got["127.0.0.1"] != want["127.0.0.1"] || got["localhost"] != want["localhost"] {
		t.Errorf("the usage hub has messages of the namespaces %v, want %v", got, want)
	}
}

func TestIngress_refuses_and_shows_no_key(t *testing.T) {
	p := platform{Ingress: []string{"Endpoint=sb://NAME/ SharedAccessKey=hidden"}}
	if _, err := p.ingress(); err == nil || strings.Contains(err.Error(), "hidden") || !strings.Contains(err.Error(), "--ingress") {
		t.Errorf("error %v, want one about --ingress without the key", err)
	}
}

// hubEvents is all events of the first partition of a hub.
func hubEvents(tb testing.TB, text, name string) (all []engine.LogEvent) {
	tb.Helper()
	return partitionEvents(tb, text, name, "0")
}

// partitionEvents is all events of a partition of a hub.
func partitionEvents(tb testing.TB, text, name, partition string) (all []engine.LogEvent) {
	tb.Helper()
	err := withHub(tb.Context(), text, name, func(h *eventhub.Hub) error {
		properties, bounds, err := h.Bounds(tb.Context(), partition)
		if err != nil {
			return err
		}
		_, err = h.Reader("recovery").Read(tb.Context(), properties.Log(partition), bounds.Begin, bounds.Next, func(e engine.LogEvent) error {
			all = append(all, engine.LogEvent{Sequence: e.Sequence, Body: bytes.Clone(e.Body)})
			return nil
		})
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}
