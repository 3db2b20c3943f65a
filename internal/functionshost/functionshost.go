// Package functionshost stands in for the Azure Functions host on one
// machine: it runs a packaged custom handler as Flex Consumption does, strict
// where the host is strict. Each function that is triggered by events has
// instances of its own, the HTTP functions share theirs; an instance is a
// process of the handler with a host around it, which owns partitions through
// leases, retries, writes checkpoints, and is ended by SIGKILL.
//
// [New] reads the package and [Host.Run] runs it. Between them and after, the
// methods of [Host] do what happens on Azure: instances come, crash, drain and
// are lost, partitions move and are delivered again.
package functionshost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/azure"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/front"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
)

// The groups whose instances run more than one function.
const (
	HTTPGroup = "http" // all HTTP functions
	AppGroup  = "app"  // all functions, where Config.Together is set
)

// Config says what to run and how. Package is required.
type Config struct {
	Package   string         // the zip
	Listen    string         // address of the HTTP front; 127.0.0.1:0 by default
	Env       []string       // the app settings and the rest of the host's environment, as os.Environ, which is the default
	Instances map[string]int // how many at the start, by function or group; 1 by default
	Together  bool           // one group of all functions, as `func start` has it
	Keys      front.Keys
	Auth      *front.Auth   // the platform's authentication; nil = off
	State     string        // a file for the checkpoints; "" = in memory
	Clock     clock.Clock   // of retries, timeouts, leases and schedules; the machine's by default
	Azure     azure.Options // how hubs and containers are reached

	// Sources replaces Azure as what functions listen to. It is asked once for
	// each function with an Event Hubs or Cosmos DB trigger.
	Sources func(app.Function) (trigger.Source, error)
	// Limit is the size of the next batch at most; host.json's by default.
	Limit func(function, partition string) int
	// InstanceEnv adds to the environment of one instance.
	InstanceEnv func(group string, instance int) []string
	// Replace starts a new instance in place of one whose handler failed three
	// times, as Azure does. Without it Run ends with that failure.
	Replace bool
	// Before and After are told of every try of every invocation, on its own
	// goroutine; the try waits for them.
	Before func(Invocation)
	After  func(Invocation, error)
	// Log gets every line, from several goroutines; nil = none are kept.
	Log func(Line)

	Balance, Term time.Duration // of leases; the host's by default
	Drain         time.Duration // how long the end waits for what is in flight; functionTimeout by default
}

// Line is a line of the log: of the handler, of an answer's Logs (then
// Invocation is set), or of the host.
type Line struct {
	Group      string
	Instance   int
	Invocation string
	worker.Line
}

// Invocation is one try of one invocation. Partition and the sequence numbers
// are those of events.
type Invocation struct {
	Function    string
	Instance    int
	ID          string
	Try         int // counts from 0
	Partition   string
	Len         int // events, documents
	First, Last int64
}

// Host is the stand-in.
type Host struct {
	config   Config
	settings map[string]string
	dir      string
	app      *app.App
	front    *front.Front
	listener net.Listener
	store    *trigger.Store
	sources  map[string]trigger.Source // by function

	busy  atomic.Int64 // tries in flight
	tries atomic.Int64

	mu      sync.Mutex
	groups  map[string]*group
	running bool
	all     sync.WaitGroup // of instances
	failed  chan error     // the first instance that ended by itself
	ending  chan struct{}  // closed when Run begins to end
}

// New reads the package, checks it, and listens; nothing runs before Run.
// Close or Run frees what it holds.
func New(c Config) (*Host, error) {
	c.setDefaults()
	dir, err := os.MkdirTemp("", "functionshost-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the package: %w", err)
	}
	h := &Host{config: c, settings: settingsOf(c.Env), dir: dir, sources: map[string]trigger.Source{}, groups: map[string]*group{}, failed: make(chan error, 1), ending: make(chan struct{})}
	if err := h.prepare(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (c *Config) setDefaults() {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Env == nil {
		c.Env = os.Environ()
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Log == nil {
		c.Log = func(Line) {}
	}
	if c.Before == nil {
		c.Before = func(Invocation) {}
	}
	if c.After == nil {
		c.After = func(Invocation, error) {}
	}
	if c.Balance == 0 {
		c.Balance = trigger.DefaultBalance
	}
	if c.Term == 0 {
		c.Term = trigger.DefaultTerm
	}
	c.Azure.Clock = c.Clock
	if c.Auth != nil && settingsOf(c.Env)["WEBSITE_AUTH_ENABLED"] == "" {
		c.Env = append(slices.Clone(c.Env), "WEBSITE_AUTH_ENABLED=True")
	}
}

func settingsOf(env []string) map[string]string {
	all := map[string]string{}
	for _, pair := range env {
		if name, value, ok := strings.Cut(pair, "="); ok {
			all[name] = value
		}
	}
	return all
}

func (h *Host) prepare() (err error) {
	if h.app, err = app.Unpack(h.config.Package, filepath.Join(h.dir, "0"), h.settings); err != nil {
		return err
	}
	if h.store, err = trigger.OpenStore(h.config.State); err != nil {
		return err
	}
	for _, f := range h.app.Functions {
		if f.Disabled {
			continue
		}
		if !f.IsHTTP() {
			if h.sources[f.Name], err = h.source(f); err != nil {
				return err
			}
		}
		g := h.groups[h.groupName(f)]
		if g == nil {
			g = &group{name: h.groupName(f)}
			h.groups[g.name] = g
		}
		g.functions = append(g.functions, f.Name)
	}
	var problems []error
	h.front, problems = front.New(h.app, h.config.Keys, h.config.Auth, h, h.config.Clock)
	for _, p := range problems {
		h.config.Log(Line{Line: worker.Line{Level: worker.Error, Text: p.Error()}})
	}
	h.listener, err = net.Listen("tcp", h.config.Listen)
	if err != nil {
		return fmt.Errorf("listen for requests: %w", err)
	}
	return nil
}

func (h *Host) source(f app.Function) (trigger.Source, error) {
	switch {
	case f.Trigger.Type == app.Timer:
		t, err := trigger.NewTimer(f.Trigger.Schedule, f.Trigger.RunOnStartup, h.config.Clock)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", f.Name, err)
		}
		return t, nil
	case h.config.Sources != nil:
		return h.config.Sources(f)
	}
	return h.config.Azure.Open(f, h.app.Host, h.settings)
}

// groupName is the group whose instances run a function.
func (h *Host) groupName(f app.Function) string {
	switch {
	case h.config.Together:
		return AppGroup
	case f.IsHTTP():
		return HTTPGroup
	}
	return f.Name
}

// Addr is where the front listens.
func (h *Host) Addr() string { return h.listener.Addr().String() }

// Functions lists the functions of the package.
func (h *Host) Functions() []app.Function { return slices.Clone(h.app.Functions) }

// Close frees what New holds of a host that is not run.
func (h *Host) Close() error {
	var errs []error
	if h.listener != nil {
		if err := h.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.sources)) {
		if closer, ok := h.sources[name].(io.Closer); ok {
			errs = append(errs, closer.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(h.dir))...)
}

// Run serves until ctx ends, then lets finish what is in flight and kills the
// handlers. It returns earlier, with the reason, when an instance gave up its
// handler and is not replaced. A Host runs once.
func (h *Host) Run(ctx context.Context) error {
	h.start()
	server := &http.Server{Handler: h.front, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(h.listener) }()
	var failure error
	select {
	case <-ctx.Done():
	case failure = <-h.failed:
	case failure = <-served:
		failure = fmt.Errorf("serve requests: %w", failure)
	}
	close(h.ending)
	h.drain()
	h.all.Wait()
	return errors.Join(failure, server.Close(), h.Close())
}

// start starts the first instances.
func (h *Host) start() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = true
	for _, name := range slices.Sorted(maps.Keys(h.groups)) {
		n, ok := h.config.Instances[name]
		if !ok {
			n = 1
		}
		for range n {
			if _, err := h.groups[name].add(h, h.app, filepath.Join(h.dir, "0")); err != nil {
				h.fail(err)
			}
		}
	}
}

// fail ends Run.
func (h *Host) fail(err error) {
	select {
	case h.failed <- err:
	default: // it ends already
	}
}

// drain asks all instances to end.
func (h *Host) drain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = false
	for _, g := range h.groups {
		for _, i := range g.instances {
			i.drain()
		}
	}
}
