//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keywarden/keywarden/handlers"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/functionshost"
	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// product builds the program as it is deployed and returns its path.
func product(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "keywarden")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// cloud is the stand-ins of a namespace and an account, on ports of this machine.
type cloud struct {
	env  []string // the app settings
	text string   // the connection string of the namespace
}

// newCloud has the hubs diagnostics and usage, of four partitions each, and an empty database.
func newCloud(b *testing.B) cloud {
	b.Helper()
	c := cloud{text: serveHubs(b, "127.0.0.1", 4, "diagnostics", "usage")}
	account, err := cosmosemulator.New(cosmosemulator.Config{})
	if err != nil {
		b.Fatal(err)
	}
	web := httptest.NewServer(account)
	b.Cleanup(func() { web.Close(); _ = account.Close() })
	store := "AccountEndpoint=" + web.URL + "/;AccountKey=" + cosmosemulator.EmulatorKey + ";Database=keywarden"
	config, err := cosmos.Parse(store)
	if err != nil {
		b.Fatal(err)
	}
	client, err := cosmos.Open(config)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	if err := client.EnsureContainers(b.Context()); err != nil {
		b.Fatal(err)
	}
	c.env = append(os.Environ(), "FUNCTIONS_WORKER_RUNTIME=custom", "EventHubConnection="+c.text, "KEYWARDEN_EVENTHUB="+c.text,
		"KEYWARDEN_DIAGNOSTICS_HUB=diagnostics", "KEYWARDEN_USAGE_HUB=usage", "KEYWARDEN_CONSUMER_GROUP=keywarden", "KEYWARDEN_STORE=cosmos:"+store)
	return c
}

// send publishes a log to the diagnostics hub, in envelopes of 64 KiB.
func (c cloud) send(b *testing.B, log []byte) {
	b.Helper()
	err := withHub(b.Context(), c.text, "diagnostics", func(h *eventhub.Hub) error {
		_, err := h.Send(b.Context(), azurelog.NewScanner(bytes.NewReader(log)).Next, eventhub.Sending{Bytes: 64 << 10})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// packed makes the package that is deployed.
func packed(b *testing.B, program string) string {
	b.Helper()
	files := []hosttest.File{{Name: "handler", Text: "#!/bin/sh\nexec '" + program + "'\n", Mode: 0o755}}
	add := func(name, from string) {
		text, err := os.ReadFile(filepath.Join("../..", from))
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, hosttest.File{Name: name, Text: string(text), Mode: 0o644})
	}
	add("host.json", "host.json")
	for _, function := range handlers.Functions() {
		add(function+"/function.json", "handlers/"+function+"/function.json")
	}
	return hosttest.Pack(b, files...)
}

// BenchmarkPath is the whole path, each time in processes of the product and
// from their start on: replay is one that reads a file and keeps all in
// SQLite; hosted is the functions behind two hubs and Cosmos DB, with the
// stand-ins beside them on the same machine. What the product's processes
// take of the CPUs alone is records/CPU-s.
func BenchmarkPath(b *testing.B) {
	program := product(b)
	file := filepath.Join(b.TempDir(), "log.ndjson")
	log, err := townLog(100, 160<<20)
	if err == nil {
		err = os.WriteFile(file, log, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	records := float64(bytes.Count(log, []byte("\n")))
	b.Run("replay", func(b *testing.B) {
		b.SetBytes(int64(len(log)))
		var spent time.Duration
		for b.Loop() {
			command := exec.CommandContext(b.Context(), program, "replay", "--store", "sqlite:"+filepath.Join(b.TempDir(), "store.db"), file)
			if out, err := command.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
			spent += command.ProcessState.UserTime() + command.ProcessState.SystemTime()
		}
		b.ReportMetric(records*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(records*float64(b.N)/spent.Seconds(), "records/CPU-s")
	})
	b.Run("hosted", func(b *testing.B) {
		b.SetBytes(int64(len(log)))
		zip := packed(b, program)
		var sum passed
		for b.Loop() {
			b.StopTimer()
			c := newCloud(b)
			c.send(b, log)
			b.StartTimer()
			one := c.pass(b, zip)
			sum.diagnostics += one.diagnostics
			sum.usage += one.usage
			b.StopTimer()
			sum.bytes, sum.calls = c.logged(b)
			b.StartTimer()
		}
		each := records * float64(b.N)
		b.ReportMetric(each/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(each/(sum.diagnostics+sum.usage).Seconds(), "records/CPU-s")
		b.ReportMetric(each/sum.diagnostics.Seconds(), "routed/CPU-s")
		b.ReportMetric(each/sum.usage.Seconds(), "judged/CPU-s")
		b.ReportMetric(float64(sum.bytes)/float64(sum.calls), "B/call")
	})
}

// passed is what the functions took to take a log in.
type passed struct {
	diagnostics, usage time.Duration // of CPU
	bytes, calls       int           // on the usage hub
}

// pass runs the package until both hubs are taken in.
func (c cloud) pass(b *testing.B, zip string) (p passed) {
	b.Helper()
	var mu sync.Mutex
	var failed []string
	host, err := functionshost.New(functionshost.Config{Package: zip, Env: c.env, After: func(i functionshost.Invocation, err error) {
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, fmt.Sprintf("%s: %v", i.Function, err))
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- host.Run(ctx) }()
	if err := host.WaitQuiet(ctx); err != nil {
		b.Error(err)
	}
	p.diagnostics, p.usage = spentBy(b, host.PID("diagnostics", 0)), spentBy(b, host.PID("usage", 0))
	b.StopTimer()
	stop()
	if err := <-ended; err != nil || len(failed) > 0 {
		b.Errorf("%v, failed invocations: %v", err, failed)
	}
	b.StartTimer()
	return p
}

// spentBy is what a process has taken of the CPUs so far.
func spentBy(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	var ticks int64
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
	for _, field := range fields[11:13] { // user and system, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// logged is how many bytes are on the usage hub, and of how many calls.
func (c cloud) logged(b *testing.B) (size, calls int) {
	b.Helper()
	var reader usagelog.Reader
	var m usagelog.Message
	for partition := range 4 {
		for _, e := range partitionEvents(b, c.text, "usage", strconv.Itoa(partition)) {
			if err := reader.Read(e.Body, &m); err != nil {
				b.Fatal(err)
			}
			size += len(e.Body)
			for i := range m.Entries {
				if f := &m.Entries[i].Fragment; f.Act == nil && (f.Category == azurelog.RequestResponse && !f.NearEmpty || f.Category == azurelog.GatewayLogs) {
					calls++
				}
			}
		}
	}
	return size, calls
}

// BenchmarkStart is from the start of the handler's process to the answer to
// its first batch, of 100 events, as the Functions host sees it. ready-ms is
// until it answers GET /.
func BenchmarkStart(b *testing.B) {
	program := product(b)
	folder := b.TempDir()
	host, err := os.ReadFile("../../host.json")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "host.json"), host, 0o600)
	}
	if err != nil {
		b.Fatal(err)
	}
	log := theLog(b)
	c := newCloud(b)
	c.send(b, log[:bytes.LastIndexByte(log[:32<<20], '\n')+1])
	c.pass(b, packed(b, program)) // so that the usage hub has something
	c.env = append(c.env, "KEYWARDEN_STORE=sqlite:"+filepath.Join(folder, "again.db"))
	for _, function := range []string{"diagnostics", "usage"} {
		b.Run(function, func(b *testing.B) {
			events := partitionEvents(b, c.text, function, "0")
			events = events[:min(len(events), 100)]
			var until time.Duration
			for b.Loop() {
				until += c.first(b, program, folder, function, events)
			}
			b.ReportMetric(float64(until.Milliseconds())/float64(b.N), "ready-ms")
			b.ReportMetric(float64(len(events)), "events")
		})
	}
}

// first starts a handler and hands it a batch. It returns how long the handler took to be ready.
func (c cloud) first(b *testing.B, program, folder, function string, events []engine.LogEvent) (until time.Duration) {
	b.Helper()
	b.StopTimer()
	body := invocationOf(b, function, "0", events)
	b.StartTimer()
	began := time.Now()
	h := startHandler(b, program, folder, c.env)
	until = time.Since(began)
	if err := h.invoke(b.Context(), function, body); err != nil {
		b.Fatalf("%v\n%s", err, h.kill())
	}
	b.StopTimer()
	h.kill()
	b.StartTimer()
	return until
}
