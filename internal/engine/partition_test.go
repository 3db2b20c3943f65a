package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/ledgertest"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// usageHub is a usage hub in memory: what is accepted stays, in order.
type usageHub struct {
	mu     sync.Mutex
	logs   [][]engine.LogEvent
	began  int64       // events before it are no longer kept
	lose   func() bool // whether the answer of an accepted message is lost
	refuse func() bool // whether a message is refused
}

var (
	errLost = errors.New("the answer was lost")
	errBusy = errors.New("the hub is busy")
)

func newUsageHub(partitions int) *usageHub {
	no := func() bool { return false }
	return &usageHub{logs: make([][]engine.LogEvent, partitions), lose: no, refuse: no}
}

func (h *usageHub) Publish(_ context.Context, partition int, message []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse() {
		return errBusy
	}
	log := &h.logs[partition]
	*log = append(*log, engine.LogEvent{Sequence: int64(len(*log)), Body: slices.Clone(message)})
	if h.lose() {
		return errLost
	}
	return nil
}

func (h *usageHub) Read(_ context.Context, log engine.LogID, from, to int64, do func(engine.LogEvent) error) (int64, error) {
	var partition int
	if _, err := fmt.Sscan(log.Partition, &partition); err != nil {
		return 0, err
	}
	from = max(from, h.began)
	for _, e := range h.logs[partition][min(from, to):to] {
		if err := do(e); err != nil {
			return from, err
		}
	}
	return min(from, to), nil
}

func logID(partition int) engine.LogID {
	return engine.LogID{Hub: "ns.servicebus.windows.net/usage", Created: noon, Partition: fmt.Sprint(partition)}
}

// frail is a ledger whose owner is killed at some of its writes: before they are
// durable, or after.
type frail struct {
	ledgertest.Ledger
	die func() (before, after bool)
}

func (l frail) write(do func() error) error {
	before, after := l.die()
	if before {
		return errKilled
	}
	if err := do(); err != nil {
		return err
	}
	if after {
		return errKilled
	}
	return nil
}

func (l frail) SaveCheckpoint(ctx context.Context, c *engine.Checkpoint) error {
	return l.write(func() error { return l.Ledger.SaveCheckpoint(ctx, c) })
}

func (l frail) SaveHead(ctx context.Context, h *engine.Head) error {
	return l.write(func() error { return l.Ledger.SaveHead(ctx, h) })
}

func (l frail) SaveChunk(ctx context.Context, key engine.ChunkKey, data []byte) error {
	return l.write(func() error { return l.Ledger.SaveChunk(ctx, key, data) })
}

func (l frail) DropChunks(ctx context.Context, keys []engine.ChunkKey) error {
	return l.write(func() error { return l.Ledger.DropChunks(ctx, keys) })
}

func (l frail) SaveIncident(ctx context.Context, i *incident.Incident, r engine.Revision) error {
	return l.write(func() error { return l.Ledger.SaveIncident(ctx, i, r) })
}

func partition(t testing.TB, c engine.Config, p engine.PartitionConfig) *engine.Partition {
	t.Helper()
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	judge, err := e.Partition(p)
	if err != nil {
		t.Fatal(err)
	}
	return judge
}

// fold judges the hub's logs from their begin to their end, in one go.
func fold(t testing.TB, hub *usageHub) (*engine.InMemory, engine.Tally) {
	t.Helper()
	ledger := engine.NewInMemory()
	var tally engine.Tally
	for i, log := range hub.logs {
		judge := partition(t, config(t), engine.PartitionConfig{Log: logID(i), Ledger: ledger, Reader: hub})
		if err := judge.Take(t.Context(), time.Time{}, log); err != nil {
			t.Fatal(err)
		}
		if err := judge.Save(t.Context(), time.Time{}); err != nil {
			t.Fatal(err)
		}
		tally.Calls += judge.Status().Calls
		tally.Findings += judge.Status().Findings
	}
	return ledger, tally
}

// sighting has the hub's logs judged whenever it is called, whatever becomes of it, until no
// sightings are added to them.
func sighting(t testing.TB, hub *usageHub) func() {
	t.Helper()
	ledger := engine.NewInMemory()
	judges := make([]*engine.Partition, len(hub.logs))
	for i := range judges {
		judges[i] = partition(t, config(t), engine.PartitionConfig{Log: logID(i), Ledger: ledger, Reader: hub, Publisher: hub, Partitions: len(hub.logs)})
	}
	taken := make([]int, len(hub.logs))
	return func() {
		t.Helper()
		for before := -1; before != hub.events(); {
			before = hub.events()
			for i, log := range hub.logs {
				if err := judges[i].Take(t.Context(), time.Time{}, log[taken[i]:]); err != nil {
					t.Fatal(err)
				}
				taken[i] = len(log)
			}
		}
	}
}

// events is how many there are.
func (h *usageHub) events() (n int) {
	for _, log := range h.logs {
		n += len(log)
	}
	return n
}

func linesOf(t testing.TB, l ledgertest.Ledger) string {
	t.Helper()
	incidents, err := l.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, i := range incidents {
		if err := json.NewEncoder(&b).Encode(i); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// say has every partition of the hub told a command.
func (h *usageHub) say(t testing.TB, c *detectors.Command) {
	t.Helper()
	c.Time, c.By = noon, "analyst@example.com"
	b, err := usagelog.AppendCommand(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	for p := range h.logs {
		h.logs[p] = append(h.logs[p], engine.LogEvent{Sequence: int64(len(h.logs[p])), Body: b})
	}
}

// drawCommand is an exception for one of the networks of an account, or its end, or a watch.
func drawCommand(r *rand.Rand) *detectors.Command {
	id := fmt.Sprint("x", r.IntN(5))
	networks := []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(r.IntN(224)), 0, 0, 0}), 4)}
	switch r.IntN(4) {
	case 0:
		return &detectors.Command{Revoke: id}
	case 1:
		return &detectors.Command{Watch: &detectors.Watch{ID: id, Networks: networks, Reason: "seen elsewhere", Expires: noon + 30*detectors.Day}}
	}
	x := &detectors.Exception{ID: id, Networks: networks, Owner: "owner", Reason: "a test", Expires: noon + 30*detectors.Day}
	if r.IntN(2) == 0 {
		x.Detectors = []string{"new-network", "volume-surge"}
	}
	return &detectors.Command{Exception: x}
}

// routed sends files through a router as the events of so many source
// partitions, whose batches come again now and then, and ends with ticks. With
// several sources analysts speak in between.
func routed(t testing.TB, r *rand.Rand, hub *usageHub, file []byte, sources int) {
	t.Helper()
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: len(hub.logs), MessageBytes: 3_000})
	if err != nil {
		t.Fatal(err)
	}
	events := delivered(r, file, 40)
	of := make([][]engine.HubEvent, sources)
	for _, e := range events {
		i := r.IntN(sources)
		e.Sequence = int64(len(of[i]))
		of[i] = append(of[i], e)
	}
	next := make([]int, sources)
	for {
		open := []int{}
		for i := range of {
			if next[i] < len(of[i]) {
				open = append(open, i)
			}
		}
		if len(open) == 0 {
			break
		}
		i := open[r.IntN(len(open))]
		from := max(0, next[i]-r.IntN(3)*r.IntN(20))
		to := min(len(of[i]), next[i]+1+r.IntN(60))
		_, err := router.Take(t.Context(), usagelog.Source{Hub: "ns/diagnostics/1", Partition: fmt.Sprint(i)}, of[i][from:to])
		if err == nil {
			next[i] = to
		}
		if sources > 1 && r.IntN(20) == 0 {
			hub.say(t, drawCommand(r))
		}
	}
	for p := range hub.logs {
		for _, now := range []detectors.Time{noon, noon + detectors.Hour} {
			hub.logs[p] = append(hub.logs[p], engine.LogEvent{Sequence: int64(len(hub.logs[p])), Body: usagelog.AppendTick(nil, now, 0)})
		}
	}
}

// owners judges the logs as a host would have it done: by owners that are
// killed, that overlap, that come back, that get events again.
func owners(t testing.TB, r *rand.Rand, hub *usageHub, c engine.Config, kept ledgertest.Ledger) (kills int) {
	t.Helper()
	var mu sync.Mutex // several documents are written at once
	left := 1 + r.IntN(20)
	die := func() (bool, bool) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left > 0 {
			return false, false
		}
		left = 1 + r.IntN(20)
		after := left%2 == 0
		return !after, after
	}
	start := time.Unix(1_800_000_000, 0)
	fresh := func(p int) *engine.Partition {
		return partition(t, c, engine.PartitionConfig{Log: logID(p), Ledger: frail{kept, die}, Reader: hub, Publisher: hub, Partitions: len(hub.logs)})
	}
	instances := make([][3]*engine.Partition, len(hub.logs))
	next := make([]int, len(hub.logs))
	for p := range hub.logs {
		instances[p] = [3]*engine.Partition{fresh(p), fresh(p), fresh(p)}
	}
	// What one partition judges may add to the log of another.
	behind := func(p int) bool { return next[p] < len(hub.logs[p]) }
	for p, steps := 0, 0; ; steps++ {
		if steps > 100_000 {
			t.Fatal("no progress")
		}
		for i := 0; i < len(hub.logs) && !behind(p); i++ {
			p = (p + 1) % len(hub.logs)
		}
		if !behind(p) {
			break
		}
		log := hub.logs[p]
		owner := r.IntN(20) % len(instances[p]) // the first one mostly
		from := max(0, next[p]-r.IntN(2)*r.IntN(30))
		to := min(len(log), next[p]+1+r.IntN(40))
		now := start.Add(time.Duration(steps) * 45 * time.Second)
		err := instances[p][owner].Take(t.Context(), now, log[from:to])
		switch {
		case errors.Is(err, errKilled):
			kills++
			if r.IntN(2) == 0 {
				instances[p][owner] = fresh(p)
			}
		case errors.Is(err, engine.ErrStale), errors.Is(err, errLost), errors.Is(err, errBusy):
		case err != nil:
			t.Fatal(err)
		default:
			next[p] = to
		}
		if r.IntN(5) == 0 {
			p = r.IntN(len(hub.logs))
		}
	}
	for p, log := range hub.logs {
		for {
			err := instances[p][0].Take(t.Context(), start, log[len(log)-1:])
			if err == nil {
				err = instances[p][0].Save(t.Context(), start)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, errKilled) && !errors.Is(err, engine.ErrStale) && !errors.Is(err, errLost) && !errors.Is(err, errBusy) {
				t.Fatal(err)
			}
		}
	}
	return kills
}

func TestPartition_finds_what_a_fold_of_the_log_finds(t *testing.T) {
	var operators atomic.Int64 // seeds with an incident of one
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				if strings.Contains(foldedAndPartitioned(t, seed), `"principal":{"kind":"operator"`) {
					operators.Add(1)
				}
			})
		}
	})
	if operators.Load() == 0 && !t.Failed() {
		t.Error("no incident of an operator: this test compares too little")
	}
}

// foldedAndPartitioned holds owners who are killed to the fold of their hub's log, and returns its incidents.
func foldedAndPartitioned(t *testing.T, seed uint64) string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	hub := newUsageHub(1 + int(seed%3))
	hub.lose = func() bool { return r.IntN(50) == 0 }
	hub.refuse = func() bool { return r.IntN(50) == 0 }
	file := bytes.Join(town(t, 8+seed%2, 1_000_000), nil)
	routed(t, r, hub, file, 1+int(seed%4))
	c := config(t)
	if seed%2 == 1 {
		c.Memory = 1 // everything is saved and dropped after each batch
	}
	got := engine.NewInMemory()
	kills := owners(t, r, hub, c, got)
	if kills == 0 {
		t.Error("never killed")
	}
	folded, _ := fold(t, hub)
	want := linesOf(t, folded)
	if want == "" {
		t.Fatal("no incidents: this test compares too little")
	}
	if d := cmp.Diff(want, linesOf(t, got)); d != "" {
		t.Errorf("after %d kills the incidents differ from the fold's (-want +got):\n%s", kills, d)
	}
	if seed%4 == 0 { // one source partition: the order is that of the file
		replayed, _ := replay(t, config(t), groups([][]byte{file}))
		owned := linesOf(t, got)
		if len(hub.logs) > 1 { // each has a clock of its own: a row that waits may be judged some records later
			replayed, owned = called(t, replayed), called(t, owned)
		}
		if d := cmp.Diff(replayed, owned); d != "" {
			t.Errorf("the incidents differ from a replay's of the file (-want +got):\n%s", d)
		}
	}
	return want
}

// called is whom the incidents of medium severity and above among lines are about, and their episodes.
func called(t testing.TB, lines string) string {
	t.Helper()
	var all strings.Builder
	for line := range strings.Lines(lines) {
		var i incident.Incident
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}
		if i.Severity >= detectors.Medium {
			fmt.Fprintln(&all, i.ID, i.Principal)
		}
	}
	if all.Len() == 0 {
		t.Error("no incident of medium severity: this test compares too little")
	}
	return all.String()
}

// The time of the machine says when to save, and not what there is to save.
func TestPartition_saves_at_any_time(t *testing.T) {
	hub := newUsageHub(1)
	routed(t, rand.New(rand.NewPCG(3, 2)), hub, bytes.Join(town(t, 3, 1_000_000), nil), 1)
	replayed := func(now time.Time) string {
		ledger := engine.NewInMemory()
		p := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: ledger, Reader: hub})
		for batch := range slices.Chunk(hub.logs[0], 5) {
			if err := p.Take(t.Context(), now, batch); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Save(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if s := p.Status(); s.Unsaved > 0 {
			t.Errorf("at %v %d of %d resources are not saved", now, s.Unsaved, s.Resources)
		}
		return linesOf(t, ledger)
	}
	want, _ := fold(t, hub)
	for _, now := range []time.Time{{}, time.Unix(1_800_000_000, 0)} {
		if d := cmp.Diff(linesOf(t, want), replayed(now)); d != "" {
			t.Errorf("judged and saved at %v the incidents differ (-want +got):\n%s", now, d)
		}
	}
}

// A verdict on what this partition has never met, another partition's say, makes no state of it that could be saved over the other's.
func TestPartition_learns_nothing_of_whom_it_never_met(t *testing.T) {
	hub := newUsageHub(1)
	for _, kind := range []detectors.PrincipalKind{detectors.AccountKey, detectors.ResourcePrincipal} {
		hub.say(t, &detectors.Command{Verdict: &detectors.Verdict{Incident: "2026-abc", Value: detectors.VerdictTruePositive,
			Principal: detectors.Principal{Kind: kind, ID: "/elsewhere", Resource: "/elsewhere"}}})
	}
	p := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: engine.NewInMemory(), Reader: hub})
	if err := p.Take(t.Context(), time.Time{}, hub.logs[0]); err != nil {
		t.Fatal(err)
	}
	if n := p.Status().Unsaved; n != 0 {
		t.Errorf("%d resources are to be saved", n)
	}
}

func TestPartition_names_a_gap_and_goes_on(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	hub := newUsageHub(1)
	routed(t, r, hub, bytes.Join(town(t, 1, 1_000_000), nil), 1)
	ledger := engine.NewInMemory()
	log := hub.logs[0]
	start := time.Unix(1_800_000_000, 0)
	take := func(p *engine.Partition, from, to int) {
		t.Helper()
		for at := from; at < to; at += 50 {
			if err := p.Take(t.Context(), start.Add(time.Duration(at)*time.Second), log[at:min(at+50, to)]); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh := func() *engine.Partition {
		return partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: ledger, Reader: hub})
	}
	third := len(log) / 3
	first := fresh()
	take(first, 0, third)
	if err := first.Save(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	hub.began = int64(2 * third)
	second := fresh()
	take(second, 2*third+10, len(log))
	want := []engine.Gap{{Log: logID(0), From: int64(third), To: hub.began}}
	if d := cmp.Diff(want, second.Status().Gaps); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
	if s := second.Status(); s.Next != int64(len(log)) || s.Reread != 10 {
		t.Errorf("%d events read again and %d in all, want 10 and %d", s.Reread, s.Next, len(log))
	}
}

// Retention takes what a reader has not fetched yet: then a batch has a hole.
func TestPartition_names_a_gap_inside_a_batch(t *testing.T) {
	hub := newUsageHub(1)
	routed(t, rand.New(rand.NewPCG(1, 2)), hub, bytes.Join(town(t, 1, 1_000_000), nil), 1)
	log := hub.logs[0]
	third := len(log) / 3
	ledger := engine.NewInMemory()
	judge := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: ledger, Reader: hub, Flush: time.Hour})
	start := time.Unix(1_800_000_000, 0)
	if err := judge.Take(t.Context(), start, log[:third-5]); err != nil {
		t.Fatal(err)
	}
	hub.began = int64(2 * third)
	if err := judge.Take(t.Context(), start, append(slices.Clone(log[third-5:third]), log[2*third:]...)); err != nil {
		t.Fatal(err)
	}
	want := []engine.Gap{{Log: logID(0), From: int64(third), To: hub.began}}
	if d := cmp.Diff(want, judge.Status().Gaps); d != "" {
		t.Errorf("gaps (-want +got):\n%s", d)
	}
	if err := judge.Save(t.Context(), start); err != nil {
		t.Fatal(err)
	}
	other := engine.NewInMemory()
	for _, part := range [][]engine.LogEvent{log[:third], log[2*third:]} {
		p := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: other, Reader: hub})
		if err := errors.Join(p.Take(t.Context(), start, part), p.Save(t.Context(), start)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(linesOf(t, other), linesOf(t, ledger)); d != "" {
		t.Errorf("the incidents differ from those of owners who were there before the gap and after (-want +got):\n%s", d)
	}
}

func TestPartition_of_a_hub_that_was_made_again(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	file := bytes.Join(town(t, 1, 1_000_000), nil)
	lines := bytes.SplitAfter(bytes.TrimSpace(file), []byte("\n"))
	whole, first, second := newUsageHub(1), newUsageHub(1), newUsageHub(1)
	router := func(hub *usageHub, hubs ...*usageHub) *engine.Router {
		router, err := engine.NewRouter(engine.RouterConfig{Publisher: both(append(hubs, hub)), Partitions: 1})
		if err != nil {
			t.Fatal(err)
		}
		return router
	}
	before, after := router(first, whole), router(second, whole)
	for i, event := range delivered(r, bytes.Join(lines, nil), 30) {
		to := before
		if i >= 200 {
			to = after
		}
		if _, err := to.Take(t.Context(), usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, []engine.HubEvent{event}); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := fold(t, whole)
	ledger := engine.NewInMemory()
	judge := func(created detectors.Time, hub *usageHub) {
		id := logID(0)
		id.Created = created
		p := partition(t, config(t), engine.PartitionConfig{Log: id, Ledger: ledger, Reader: hub})
		if err := p.Take(t.Context(), time.Unix(0, 0), hub.logs[0]); err != nil {
			t.Fatal(err)
		}
		if err := p.Save(t.Context(), time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	judge(noon, first)
	judge(noon+detectors.Day, second)
	// Joins across the two hubs are lost, profiles and episodes are not.
	if d := cmp.Diff(slices.Sorted(maps.Keys(titles(t, want))), slices.Sorted(maps.Keys(titles(t, ledger)))); d != "" {
		t.Errorf("incidents (-want +got):\n%s", d)
	}
}

// both publishes to several hubs.
type both []*usageHub

func (b both) Publish(ctx context.Context, partition int, message []byte) error {
	for _, h := range b {
		if err := h.Publish(ctx, partition, message); err != nil {
			return err
		}
	}
	return nil
}

// titles are the incidents by principal and title.
func titles(t testing.TB, l *engine.InMemory) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for line := range strings.Lines(linesOf(t, l)) {
		var i incident.Incident
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}
		if i.Severity >= detectors.Medium {
			all[fmt.Sprint(i.Principal, i.OpenedAt)] = true
		}
	}
	return all
}

func TestRouter_sets_aside_what_cannot_be_sent(t *testing.T) {
	hub := newUsageHub(2)
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: 2, MessageBytes: 1_500})
	if err != nil {
		t.Fatal(err)
	}
	arrived := noon + 3*detectors.Minute
	long := record(noon, 9)
	long = bytes.Replace(long, []byte("ChatCompletions_Create"), bytes.Repeat([]byte("x"), 2_000), 1)
	done, err := router.Take(t.Context(), usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, []engine.HubEvent{
		{Sequence: 4, Enqueued: arrived, Body: azurelog.AppendEnvelope(nil, record(noon, 1), []byte(`{"time":`))},
		{Sequence: 5, Enqueued: arrived, Body: record(noon+20*detectors.Day, 2)},
		{Sequence: 6, Enqueued: arrived, Body: long},
		{Sequence: 7, Enqueued: arrived, Body: azurelog.AppendEnvelope(nil, record(noon, 3), record(noon, 4), record(noon, 5), record(noon, 6), record(noon, 7))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if done.Records != 6 || len(done.Poison) != 3 {
		t.Errorf("%d records sent and %d set aside, want 6 and 3: %+v", done.Records, len(done.Poison), done.Poison)
	}
	sent := len(hub.logs[0]) + len(hub.logs[1])
	if sent != 2 {
		t.Errorf("%d messages, want 2 of at most 1,500 bytes", sent)
	}
	if done.Counts.Records[azurelog.RequestResponse] == 0 {
		t.Error("nothing was counted")
	}
}

// narrow is a hub that takes small messages only.
type narrow struct {
	*usageHub
	most    int
	refused int
}

func (n *narrow) Publish(ctx context.Context, partition int, message []byte) error {
	if len(message) > n.most {
		n.refused++
		return fmt.Errorf("%d bytes: %w", len(message), engine.ErrTooLarge)
	}
	return n.usageHub.Publish(ctx, partition, message)
}

func TestRouter_sends_what_the_hub_takes(t *testing.T) {
	file := bytes.Join(town(t, 1, 1_000_000), nil)
	events := delivered(rand.New(rand.NewPCG(1, 4)), file, 40)
	source := usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}
	hub := &narrow{usageHub: newUsageHub(1), most: 20_000}
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	sight := sighting(t, hub.usageHub)
	for len(events) > 0 {
		n := min(20, len(events))
		done, err := router.Take(t.Context(), source, events[:n])
		if err != nil || len(done.Poison) > 0 {
			t.Fatalf("%d records set aside, %v", len(done.Poison), err)
		}
		events = events[n:]
		sight() // in time: where somebody is at home is to be known within the hour
	}
	if hub.refused == 0 || hub.refused > 6 {
		t.Errorf("%d messages were too large: want a few, until the router knows", hub.refused)
	}
	got, _ := fold(t, hub.usageHub)
	want, _ := replay(t, config(t), groups([][]byte{file}))
	if d := cmp.Diff(want, linesOf(t, got)); d != "" {
		t.Errorf("the incidents differ from a replay's of the file (-want +got):\n%s", d)
	}
	hub.most = 100
	if _, err := router.Take(t.Context(), source, delivered(rand.New(rand.NewPCG(1, 4)), file, 40)[:300]); !errors.Is(err, engine.ErrTooLarge) {
		t.Errorf("a hub that takes next to nothing: %v", err)
	}
}
