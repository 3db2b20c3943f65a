//go:build linux

package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/handlers"
	"github.com/keywarden/keywarden/handlers/access"
	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/functionshost"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/front"
	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// seeds are the seeds of this run: one, or as many as KEYWARDEN_SEEDS says.
func seeds(t *testing.T) []uint64 {
	t.Helper()
	n := 1
	if text := os.Getenv("KEYWARDEN_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			t.Fatalf("KEYWARDEN_SEEDS=%s: write how many seeds to run", text)
		}
	}
	var all []uint64
	for i := range n {
		all = append(all, uint64(i+1))
	}
	return all
}

// hostedOptions say how the product is deployed and what comes. Load is required.
type hostedOptions struct {
	load             *load
	sources          int           // partitions of the diagnostics hub; 1 by default
	usage            int           // partitions of the usage hub; 2 by default
	flush            time.Duration // KEYWARDEN_FLUSH; after every batch by default
	instances        map[string]int
	limit            func(function, partition string) int
	retention        time.Duration // of both hubs; a week by default
	retentionOfUsage time.Duration // that of both hubs by default
	most             uint64        // bytes of a message of the hubs; 1 MiB by default
	zip              string        // the package; that of testPackage by default
	env              []string
	realTime         bool // the host's clock is the machine's, not a hundred times as fast
	waiting          bool // the load is not sent yet
}

// deployment is the product behind the stand-ins of Azure's services: the packaged
// function app in processes of its own under the Functions host, two hubs, a
// database. Its sweep does not run: tests let time pass by ticks of their own.
type deployment struct {
	*functionshost.Host
	t     *testing.T
	o     hostedOptions
	hubs  *hubemulator.Server
	db    *cosmos.Client
	at    string       // connection string of the hubs
	store string       // the database, as KEYWARDEN_STORE
	now   atomic.Int64 // of the hubs, in milliseconds
	to    map[string]*azeventhubs.ProducerClient
	http  bool // an instance serves the API

	mu         sync.Mutex
	hubFault   func(hubemulator.Operation) hubemulator.Fault
	storeFault func(cosmosemulator.Operation) cosmosemulator.Fault
	pace       func(functionshost.Invocation)
	next       map[string]int64 // of the diagnostics hub: the first event that was not taken in, by partition
	failed     int              // tries
	before     func(functionshost.Invocation)
	after      func(functionshost.Invocation, error)
	lines      []functionshost.Line
}

// masterKey opens the host's admin API.
const masterKey = "master"

// deploy runs the product until the test ends.
func deploy(t *testing.T, o hostedOptions) *deployment {
	t.Helper()
	o.sources, o.usage, o.most = cmp.Or(o.sources, 1), cmp.Or(o.usage, 2), cmp.Or(o.most, 1<<20)
	o.flush, o.retention = cmp.Or(o.flush, 1), cmp.Or(o.retention, 7*24*time.Hour)
	o.retentionOfUsage = cmp.Or(o.retentionOfUsage, o.retention)
	if o.zip == "" {
		o.zip = testPackage(t)
	}
	h := &deployment{t: t, o: o, to: map[string]*azeventhubs.ProducerClient{}, next: map[string]int64{}}
	h.now.Store(o.load.end.UnixMilli())
	h.openHubs()
	h.openDatabase()
	if !o.waiting {
		h.send(o.load.events)
	}
	env := append([]string{
		"FUNCTIONS_WORKER_RUNTIME=custom", "EventHubConnection=" + h.at, "KEYWARDEN_EVENTHUB=" + h.at, "KEYWARDEN_STORE=" + h.store,
		"KEYWARDEN_DIAGNOSTICS_HUB=diagnostics", "KEYWARDEN_USAGE_HUB=usage", "KEYWARDEN_CONSUMER_GROUP=keywarden", "KEYWARDEN_FLUSH=" + o.flush.String(),
	}, o.env...)
	instances := map[string]int{"sweep": 0, functionshost.HTTPGroup: 0}
	maps.Copy(instances, o.instances)
	c := functionshost.Config{
		Package: o.zip, Env: env, Instances: instances, Replace: true, Clock: clock.Fast(100), Term: 2 * time.Minute, Limit: o.limit,
		Keys: front.Keys{Master: masterKey},
		Before: func(i functionshost.Invocation) {
			if f := get(h, &h.pace); f != nil {
				f(i)
			}
			if f := get(h, &h.before); f != nil {
				f(i)
			}
		},
		After: func(i functionshost.Invocation, err error) {
			h.taken(i, err)
			if f := get(h, &h.after); f != nil {
				f(i, err)
			}
		},
		Log: h.log,
	}
	if o.realTime {
		c.Clock, c.Balance, c.Term = clock.System{}, 200*time.Millisecond, 10*time.Second
	}
	h.run(c)
	return h
}

// unlessGone is an error of what was done to an instance, unless the instance has
// ended meanwhile: it has several partitions, and each has its hook.
func (h *deployment) unlessGone(function string, instance int, err error) {
	if err != nil && slices.Contains(h.Instances(function), instance) {
		h.t.Error(err)
	}
}

// get and set are one of the hooks, which other goroutines use.
func get[F any](h *deployment, hook *F) F {
	h.mu.Lock()
	defer h.mu.Unlock()
	return *hook
}

func set[F any](h *deployment, hook *F, f F) {
	h.mu.Lock()
	defer h.mu.Unlock()
	*hook = f
}

// groups are the consumer groups of the hubs.
var groups = []string{"keywarden", "recovery", "tools"}

func (h *deployment) openHubs() {
	h.t.Helper()
	spec := func(name string, partitions int, retention time.Duration) broker.Spec {
		return broker.Spec{Name: name, Partitions: partitions, ConsumerGroups: groups, Retention: retention}
	}
	var err error
	h.hubs, err = hubemulator.New(hubemulator.Config{
		Hubs: []broker.Spec{spec("diagnostics", h.o.sources, h.o.retention), spec("usage", h.o.usage, h.o.retentionOfUsage)}, Limits: hubemulator.Limits{Message: h.o.most},
		Now: func() time.Time { return time.UnixMilli(h.now.Load()) },
		Faults: hubemulator.FaultFunc(func(op hubemulator.Operation) hubemulator.Fault {
			if f := get(h, &h.hubFault); f != nil {
				return f(op)
			}
			return hubemulator.Fault{}
		}),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := h.hubs.Close(); err != nil {
			h.t.Error(err)
		}
	})
	listener := listen(h.t)
	go func() { _ = h.hubs.Serve(listener) }() // ends with the server
	key := hubemulator.Key{Name: hubemulator.RootKeyName, Value: hubemulator.RootKeyValue}
	h.at = hubemulator.DevelopmentConnectionString(listener.Addr().String(), key, "")
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (h *deployment) openDatabase() {
	h.t.Helper()
	account, err := cosmosemulator.New(cosmosemulator.Config{Faults: cosmosemulator.FaultFunc(func(op cosmosemulator.Operation) cosmosemulator.Fault {
		if f := get(h, &h.storeFault); f != nil && op.Resource == "docs" {
			return f(op)
		}
		return cosmosemulator.Fault{}
	})})
	if err != nil {
		h.t.Fatal(err)
	}
	listener := listen(h.t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- account.Serve(ctx, listener, nil) }()
	h.t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, account.Close()); err != nil {
			h.t.Error(err)
		}
	})
	text := fmt.Sprintf("AccountEndpoint=http://%s/;AccountKey=%s;Database=keywarden", listener.Addr(), cosmosemulator.EmulatorKey)
	config, err := cosmos.Parse(text)
	if err == nil {
		h.db, err = cosmos.Open(config)
	}
	if err == nil {
		err = h.db.EnsureContainers(h.t.Context())
	}
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(h.db.Close)
	h.store = "cosmos:" + text
}

func (h *deployment) run(c functionshost.Config) {
	h.t.Helper()
	var err error
	if h.Host, err = functionshost.New(c); err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	h.t.Cleanup(func() {
		set(h, &h.before, nil)
		for _, function := range []string{"diagnostics", "usage", functionshost.HTTPGroup} {
			for _, n := range h.Instances(function) {
				_ = h.Lose(function, n) // it may have ended meanwhile
			}
		}
		stop()
		if err := <-ran; err != nil {
			h.t.Errorf("the host ended with: %v", err)
		}
	})
}

// log keeps what is worth reading where a test fails.
func (h *deployment) log(l functionshost.Line) {
	if l.Level == worker.Information && l.Invocation == "" && !strings.Contains(l.Text, `"level":"WARN"`) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, l)
}

// fatalf ends the test with what was logged last.
func (h *deployment) fatalf(format string, args ...any) {
	h.t.Helper()
	h.mu.Lock()
	last := slices.Clone(h.lines[max(0, len(h.lines)-40):])
	h.mu.Unlock()
	for _, l := range last {
		h.t.Logf("%s-%d %s %.400s", l.Group, l.Instance, l.Level, l.Text)
	}
	h.t.Fatalf(format, args...)
}

// plainHandler is the path of the program, built once without the race detector.
var plainHandler = sync.OnceValues(func() (string, error) {
	path, err := filepath.Abs("../../build/hosted/keywarden")
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the handler: %w\n%s", err, out)
	}
	return path, nil
})

// handler is what the host starts: this test binary, or the program where that
// would be slow to start.
func handler(t *testing.T) hosttest.File {
	t.Helper()
	file := hosttest.Handler()
	if !raced {
		return file
	}
	path, err := plainHandler()
	if err != nil {
		t.Fatal(err)
	}
	file.Text = "#!/bin/sh\nexec '" + path + "'\n"
	return file
}

// testPackage is a package whose handler is of this source, and everything else as it is deployed.
func testPackage(t *testing.T) string {
	t.Helper()
	read := func(name, from string) hosttest.File {
		text, err := os.ReadFile("../../" + from)
		if err != nil {
			t.Fatal(err)
		}
		return hosttest.File{Name: name, Text: string(text), Mode: 0o644}
	}
	host := read("host.json", "host.json")
	// The host's clock is a hundred times as fast, and the machine may be slow.
	host.Text = strings.Replace(host.Text, `"00:10:00"`, `"20:00:00"`, 1)
	host.Text = strings.Replace(host.Text, `"enableProxyingHttpRequest": true`, `"enableProxyingHttpRequest": true, "initializationTimeout": "05:00:00"`, 1)
	files := []hosttest.File{handler(t), host}
	for _, function := range handlers.Functions() {
		files = append(files, read(function+"/function.json", "handlers/"+function+"/function.json"))
	}
	return hosttest.Pack(t, files...)
}

// keywarden runs a command, in this process or in that of plainHandler, and
// returns what it prints.
func keywarden(t testing.TB, args ...string) string {
	t.Helper()
	var out, errs strings.Builder
	if raced {
		path, err := plainHandler()
		if err == nil {
			cmd := exec.CommandContext(t.Context(), path, args...)
			cmd.Stdout, cmd.Stderr = &out, &errs
			err = cmd.Run()
		}
		if err != nil {
			t.Fatalf("keywarden %s: %v: %s", strings.Join(args, " "), err, errs.String())
		}
		return out.String()
	}
	if code := run(t.Context(), args, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("keywarden %s: exit code %d: %s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// producer sends to a hub from within this process.
func (h *deployment) producer(hub string) *azeventhubs.ProducerClient {
	h.t.Helper()
	if p := h.to[hub]; p != nil {
		return p
	}
	p, err := azeventhubs.NewProducerClientFromConnectionString(h.hubs.ConnectionString(""), hub,
		&azeventhubs.ProducerClientOptions{NewWebSocketConn: h.hubs.NewWebSocketConn})
	if err != nil {
		h.t.Fatal(err)
	}
	h.to[hub] = p
	h.t.Cleanup(func() { _ = p.Close(context.Background()) }) // the server closes too
	return p
}

// taken counts what is done of the diagnostics hub, and what fails.
func (h *deployment) taken(i functionshost.Invocation, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.failed++
	}
	if i.Function != "diagnostics" || err != nil {
		return
	}
	h.next[i.Partition] = max(h.next[i.Partition], i.Last+1)
}

// unfailing fails the test where a try has failed: what passes by itself is to be
// waited for inside of it.
func (h *deployment) unfailing() {
	h.t.Helper()
	if n := get(h, &h.failed); n > 0 {
		h.t.Errorf("%d tries failed, and all were to outlast the faults", n)
	}
}

// sideBySide has the partitions of the diagnostics hub taken in as they are on
// Azure, where all are near their ends: none is minutes ahead of another.
func (h *deployment) sideBySide() {
	times := map[string][]detectors.Time{}
	for _, e := range h.o.load.events {
		p := strconv.Itoa(e.partition)
		times[p] = append(times[p], e.at)
	}
	behind := func(i functionshost.Invocation) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for p, all := range times {
			if n := h.next[p]; p != i.Partition && n < int64(len(all)) && all[n] < times[i.Partition][i.First]-10*detectors.Minute {
				return true
			}
		}
		return false
	}
	set(h, &h.pace, func(i functionshost.Invocation) {
		for i.Function == "diagnostics" && behind(i) && h.t.Context().Err() == nil {
			time.Sleep(time.Millisecond)
		}
	})
}

// send sends events to the diagnostics hub.
func (h *deployment) send(events []logEvent) {
	h.t.Helper()
	for p := range h.o.sources {
		var bodies [][]byte
		for _, e := range events {
			if e.partition == p {
				bodies = append(bodies, e.body)
			}
		}
		h.publish("diagnostics", p, bodies...)
	}
}

// publish sends bodies to a partition of a hub, in order.
func (h *deployment) publish(hub string, partition int, bodies ...[]byte) {
	h.t.Helper()
	p, id := h.producer(hub), strconv.Itoa(partition)
	for len(bodies) > 0 {
		batch, err := p.NewEventDataBatch(h.t.Context(), &azeventhubs.EventDataBatchOptions{PartitionID: &id})
		for err == nil && len(bodies) > 0 {
			if err = batch.AddEventData(&azeventhubs.EventData{Body: bodies[0]}, nil); err == nil {
				bodies = bodies[1:]
			}
		}
		if err != nil && (!errors.Is(err, azeventhubs.ErrEventDataTooLarge) || batch.NumEvents() == 0) {
			h.t.Fatal(err)
		}
		if err := p.SendEventDataBatch(h.t.Context(), batch, nil); err != nil {
			h.t.Fatal(err)
		}
	}
}

// tick tells the log the time of the hubs, as sweep does.
func (h *deployment) tick() {
	h.t.Helper()
	for p := range h.o.usage {
		h.publish("usage", p, usagelog.AppendTick(nil, detectors.Time(h.now.Load()), 0))
	}
}

// standstill is for how long nothing may come forward.
const standstill = 45 * time.Second

// quiet waits until all that came was taken in.
func (h *deployment) quiet() {
	h.t.Helper()
	for before := ""; ; {
		ctx, cancel := context.WithTimeout(h.t.Context(), standstill)
		err := h.WaitQuiet(ctx)
		cancel()
		now := h.reached("diagnostics") + h.reached("usage")
		if err == nil {
			return
		}
		if !errors.Is(err, context.DeadlineExceeded) || now == before {
			h.fatalf("%v; at %s", err, now)
		}
		before = now
	}
}

// reached is how far the owners of a function are, for people.
func (h *deployment) reached(function string) string {
	leases := h.Leases(function)
	text := function
	for _, p := range slices.Sorted(maps.Keys(leases)) {
		text += fmt.Sprintf(" %s:%s", p, leases[p].Done)
	}
	return text + "; "
}

// settle ends all faults and waits until everything that came is also saved: what
// changes without a finding is written with the state, KEYWARDEN_FLUSH later. An
// owner that finds then that another has saved meanwhile begins anew, and saves
// with a later tick.
func (h *deployment) settle() {
	h.t.Helper()
	set(h, &h.hubFault, nil)
	set(h, &h.storeFault, nil)
	set(h, &h.before, nil)
	set(h, &h.after, nil)
	h.quiet()
	ends := make([]int64, h.o.usage)
	for p := range ends {
		ends[p] = h.bounds("usage", strconv.Itoa(p)).Next
	}
	for range 5 {
		time.Sleep(h.o.flush)
		h.tick()
		h.quiet()
		if h.saved(ends) {
			return
		}
	}
}

// saved reports whether the state of each partition of the usage hub is saved up to there.
func (h *deployment) saved(ends []int64) (all bool) {
	h.t.Helper()
	all = true
	err := withHub(h.t.Context(), h.at, "usage", func(hub *eventhub.Hub) error {
		properties, err := hub.Properties(h.t.Context())
		for p := 0; p < len(ends) && err == nil; p++ {
			var c engine.Checkpoint
			c, err = h.db.Ledger().Checkpoint(h.t.Context(), properties.Log(strconv.Itoa(p)))
			all = all && c.Next >= ends[p]
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// stored are the incidents in the database, as replay would print them.
func (h *deployment) stored() string {
	h.t.Helper()
	all, err := h.db.Ledger().Incidents(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return jsonl(h.t, all)
}

func jsonl(t testing.TB, all []*incident.Incident) string {
	t.Helper()
	var b bytes.Buffer
	if err := printIncidents(&b, "jsonl", all); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// fromHub is what a replay of the usage hub finds.
func (h *deployment) fromHub() string {
	h.t.Helper()
	return keywarden(h.t, "replay", "--from-hub", "--format", "jsonl", "--eventhub", h.at, "--usage-hub", "usage")
}

// check compares what is stored with what replays find, once all is settled:
// byte for byte with that of the usage hub and, where the records came by one
// partition, with that of the file; else the loud incidents with those of the
// file. Of health it demands that no gap is named.
func (h *deployment) check() {
	h.t.Helper()
	h.settle()
	got := h.stored()
	if d := differences(h.fromHub(), got); d != "" {
		h.fatalf("the incidents differ from those of replay --from-hub (-want +got):\n%s", d)
	}
	h.compareFile(got)
	if c := h.coverage(h.read); len(c.Gaps) > 0 {
		h.t.Errorf("health names the gaps %+v, and there is none", c.Gaps)
	}
}

func (h *deployment) compareFile(got string) {
	h.t.Helper()
	if h.o.sources == 1 {
		if d := differences(h.o.load.replayed, got); d != "" {
			h.fatalf("the incidents differ from those of replay FILE (-want +got):\n%s", d)
		}
		return
	}
	if d := gocmp.Diff(loud(h.t, h.o.load.replayed), loud(h.t, got)); d != "" {
		h.fatalf("the principals and episodes of medium severity and above differ from those of replay FILE (-want +got):\n%s", d)
	}
}

// differences are those between the incidents of two prints, one a line.
func differences(want, got string) string {
	return gocmp.Diff(strings.SplitAfter(want, "\n"), strings.SplitAfter(got, "\n"))
}

// loud are the episodes of medium severity and above: whose and from which day.
func loud(t testing.TB, lines string) (all []string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var i incident.Incident
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}
		if i.Severity >= detectors.Medium {
			all = append(all, fmt.Sprintf("%s %s on %s, %s", i.Principal.Kind, i.Principal.ID, i.Principal.Resource, i.FirstSeen.UTC().Format(time.DateOnly)))
		}
	}
	slices.Sort(all)
	return all
}

// coverage is what the tests read of /api/coverage.
type coverage struct {
	Status  string
	Reasons []struct{ Reason, Function, Hub, Partition, Text string }
	Gaps    []struct {
		Function, Hub, Partition string
		From, To                 int64
	}
	Functions []struct {
		Function, Partition string
		Sequence            int64
		Total               struct{ Events, Records, Calls int64 }
	}
}

// coverage gets it by ask, or by read, which starts no process.
func (h *deployment) coverage(get func(path string) []byte) (c coverage) {
	h.t.Helper()
	if err := json.Unmarshal(get("/api/coverage"), &c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

// read asks an API of this process for what must be there.
func (h *deployment) read(path string) []byte {
	h.t.Helper()
	s := &service{platform: platform{Store: h.store, DiagnosticsHub: "diagnostics", UsageHub: "usage"}, log: slog.New(slog.DiscardHandler)}
	api, err := s.api(h.t.Context(), func(*http.Request) (access.Analyst, error) {
		return access.Analyst{ID: "reader", Roles: []string{access.Reader}}, nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, httptest.NewRequestWithContext(h.t.Context(), http.MethodGet, path, nil))
	if err := s.end(h.t.Context()); err != nil || answer.Code != http.StatusOK {
		h.t.Fatalf("GET %s: %d %s (%v)", path, answer.Code, answer.Body, err)
	}
	return answer.Body.Bytes()
}

// ask asks the API for what must be there, as the host serves it.
func (h *deployment) ask(path string) []byte {
	h.t.Helper()
	if !h.http {
		if _, err := h.Add(functionshost.HTTPGroup, ""); err != nil {
			h.t.Fatal(err)
		}
		h.http = true
	}
	var body []byte
	h.until("GET "+path+" is answered", func() (answered bool) { // the front's patience is over soon on its clock
		answer, err := http.Get("http://" + h.Addr() + path)
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		body, err = io.ReadAll(answer.Body)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	return body
}

// batches are sizes of batches by seed: each up to most, as they come.
func batches(seed uint64, most map[string]int) func(function, partition string) int {
	var mu sync.Mutex
	drawn := map[string]*rand.Rand{}
	return func(function, partition string) int {
		mu.Lock()
		defer mu.Unlock()
		key := function + partition
		if drawn[key] == nil {
			f := fnv.New64a()
			_, _ = f.Write([]byte(key)) // never fails
			drawn[key] = rand.New(rand.NewPCG(seed, f.Sum64()))
		}
		return 1 + drawn[key].IntN(max(1, most[function]))
	}
}

// some are batches of middling size.
func some(seed uint64) func(function, partition string) int {
	return batches(seed, map[string]int{"diagnostics": 80, "usage": 6})
}
