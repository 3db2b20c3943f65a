//go:build linux

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// until waits for what happens in other processes.
func (h *deployment) until(what string, holds func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(2 * standstill); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.fatalf("not yet: %s", what)
		}
	}
}

// takenIn reports whether a function has done all that its hub holds.
func (h *deployment) takenIn(function string) bool {
	hub, err := h.hubs.Broker().Hub(function)
	if err != nil {
		h.t.Fatal(err)
	}
	leases := h.Leases(function)
	return !slices.ContainsFunc(hub.PartitionIDs(), func(id string) bool {
		next := h.bounds(function, id).Next
		return next > 0 && leases[id].Done != strconv.FormatInt(next-1, 10)
	})
}

// bounds are which events a partition holds.
func (h *deployment) bounds(hub, partition string) eventhub.Bounds {
	h.t.Helper()
	b, err := h.hubs.Broker().Hub(hub)
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := b.Partition(partition)
	if err != nil {
		h.t.Fatal(err)
	}
	properties := p.Properties()
	return eventhub.Bounds{Begin: properties.Begin, Next: properties.Last + 1}
}

// stop ends all instances of a function.
func (h *deployment) stop(function string) {
	h.t.Helper()
	for _, n := range h.Instances(function) {
		if err := h.Remove(function, n); err != nil {
			h.t.Fatal(err)
		}
	}
}

// begin starts one instance of a function.
func (h *deployment) begin(function string) {
	h.t.Helper()
	if _, err := h.Add(function, ""); err != nil {
		h.t.Fatal(err)
	}
}

// pass lets time pass for the hubs.
func (h *deployment) pass(d time.Duration) { h.now.Add(d.Milliseconds()) }

// keptLog is the log of a partition of the usage hub, as far as it is kept.
type keptLog struct {
	log    engine.LogID
	began  int64
	events []engine.LogEvent
}

// Read implements engine.LogReader.
func (s keptLog) Read(_ context.Context, _ engine.LogID, from, to int64, do func(engine.LogEvent) error) (int64, error) {
	from = min(max(from, s.began), to)
	for _, e := range s.events {
		if e.Sequence >= from && e.Sequence < to {
			if err := do(e); err != nil {
				return from, err
			}
		}
	}
	return from, nil
}

// usageLog is what the usage hub holds now, by partition.
func (h *deployment) usageLog() (all []keptLog) {
	h.t.Helper()
	err := withHub(h.t.Context(), h.at, "usage", func(hub *eventhub.Hub) error {
		for p := range h.o.usage {
			properties, bounds, err := hub.Bounds(h.t.Context(), strconv.Itoa(p))
			if err != nil {
				return err
			}
			s := keptLog{log: properties.Log(strconv.Itoa(p)), began: bounds.Begin}
			_, err = hub.Reader("tools").Read(h.t.Context(), s.log, bounds.Begin, bounds.Next, func(e engine.LogEvent) error {
				s.events = append(s.events, engine.LogEvent{Sequence: e.Sequence, Body: slices.Clone(e.Body)})
				return nil
			})
			if err != nil {
				return err
			}
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// fold is what owners find who judge logs one after the other, each
// with nothing in memory, in one ledger.
func (h *deployment) fold(logs ...keptLog) string {
	h.t.Helper()
	options := engineOptions{Workers: 1}
	e, err := options.engine(engine.Config{Store: engine.NewMemory()})
	if err != nil {
		h.t.Fatal(err)
	}
	ledger := engine.NewInMemory()
	for _, s := range logs {
		p, err := e.Partition(engine.PartitionConfig{Log: s.log, Ledger: ledger, Reader: s})
		if err == nil {
			err = p.Take(h.t.Context(), time.Time{}, s.events)
		}
		if err == nil {
			err = p.Save(h.t.Context(), time.Time{})
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	all, err := ledger.Incidents(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return jsonl(h.t, all)
}

func (h *deployment) expect(want string) {
	h.t.Helper()
	if d := differences(want, h.stored()); d != "" {
		h.fatalf("the incidents differ (-want +got):\n%s", d)
	}
}

// gaps are those that health names, as text.
func (h *deployment) gaps() (all []string) {
	h.t.Helper()
	c := h.coverage(h.ask)
	for _, g := range c.Gaps {
		all = append(all, fmt.Sprintf("%s %s: %d to %d", g.Function, g.Partition, g.From, g.To-1))
	}
	slices.Sort(all)
	named := slices.ContainsFunc(c.Reasons, func(r struct{ Reason, Function, Hub, Partition, Text string }) bool {
		return r.Reason == engine.ReasonGap
	})
	if named != (len(all) > 0) || named && c.Status != "degraded" {
		h.t.Errorf("there are the gaps %q, and health says %s, for the reasons %+v", all, c.Status, c.Reasons)
	}
	return all
}

func TestHosted_retention_shorter_than_the_outage(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		third := len(l.events) / 3
		for _, living := range []bool{false, true} {
			t.Run(fmt.Sprintf("of_diagnostics_living_%v_seed_%d", living, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, limit: some(seed), retention: 24 * time.Hour, retentionOfUsage: 1000 * time.Hour, waiting: true})
				h.send(l.events[:third])
				h.settle()
				lost := third
				if living {
					lost++ // one is on its way meanwhile
					h.outageOfDeliveries(l.events[third : 2*third])
				} else {
					h.outage("diagnostics", func() { h.send(l.events[third : 2*third]) })
				}
				h.send(l.events[2*third:])
				h.settle()
				h.expect(h.fromHub())
				h.expect(replayOf(t, append(slices.Clone(l.events[:lost]), l.events[2*third:]...)))
				from, to := h.gapOfDiagnostics()
				if to != int64(2*third-1) || from > int64(lost) || living && from != int64(lost) {
					t.Errorf("a gap from %d to %d is named: want one from %d, or some before it, to %d", from, to, lost, 2*third-1)
				}
			})
		}
		t.Run(fmt.Sprintf("of_usage_seed_%d", seed), func(t *testing.T) {
			t.Parallel()
			h := deploy(t, hostedOptions{load: l, limit: some(seed), retention: 24 * time.Hour, waiting: true})
			h.send(l.events[:third])
			h.settle()
			before := h.usageLog()
			h.outage("usage", func() {
				h.send(l.events[third : 2*third])
				h.until("all is routed", func() bool { return h.takenIn("diagnostics") })
			})
			h.send(l.events[2*third:])
			h.settle()
			after := h.usageLog()
			h.expect(h.fold(append(before, after...)...))
			var want []string
			for p := range after {
				if end := before[p].began + int64(len(before[p].events)); after[p].began > end {
					want = append(want, fmt.Sprintf("usage %d: %d to %d", p, end, after[p].began-1))
				}
			}
			if len(want) == 0 {
				t.Fatal("nothing was lost: the test compares nothing")
			}
			if d := gocmp.Diff(want, h.gaps()); d != "" {
				t.Errorf("gaps (-want +got):\n%s", d)
			}
		})
	}
}

// outage is a day and more without a function, in which something happens and is lost.
func (h *deployment) outage(function string, happens func()) {
	h.t.Helper()
	h.stop(function)
	happens()
	h.pass(25 * time.Hour)
	h.begin(function)
}

// outageOfDeliveries is a day and more in which the host gets nothing of the
// diagnostics hub, while the handler lives. The first of the events gets through.
func (h *deployment) outageOfDeliveries(events []logEvent) {
	h.t.Helper()
	held, over := make(chan struct{}), make(chan struct{})
	var once sync.Once
	set(h, &h.hubFault, func(op hubemulator.Operation) hubemulator.Fault {
		if op.Kind == hubemulator.OpDeliver && op.Hub == "diagnostics" {
			once.Do(func() { close(held) })
			<-over
		}
		return hubemulator.Fault{}
	})
	defer close(over)
	h.send(events[:1])
	<-held
	h.send(events[1:])
	h.pass(25 * time.Hour)
}

// gapOfDiagnostics is the one gap that is named.
func (h *deployment) gapOfDiagnostics() (from, to int64) {
	h.t.Helper()
	all := h.gaps()
	if len(all) != 1 {
		h.t.Fatalf("gaps %q, want one", all)
	}
	if _, err := fmt.Sscanf(all[0], "diagnostics 0: %d to %d", &from, &to); err != nil {
		h.t.Fatalf("gap %q: %v", all[0], err)
	}
	return from, to
}

// replayOf is what a replay of events finds.
func replayOf(t *testing.T, events []logEvent) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "logs.ndjson")
	var lines []byte
	for _, e := range events {
		lines = append(append(lines, e.body...), '\n')
	}
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		t.Fatal(err)
	}
	return keywarden(t, "replay", "--format", "jsonl", path)
}

// again deletes a hub and makes it again, an hour later, and has the host
// forget its checkpoints, as one has to.
func (h *deployment) again(name string, partitions int) {
	h.t.Helper()
	h.pass(time.Hour)
	if err := h.hubs.DeleteHub(name); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.hubs.Broker().Create(broker.Spec{Name: name, Partitions: partitions, ConsumerGroups: groups}); err != nil {
		h.t.Fatal(err)
	}
	delete(h.to, name)
	for p := range partitions {
		if err := h.Rewind(name, strconv.Itoa(p), ""); err != nil {
			h.t.Fatal(err)
		}
	}
}

func TestHosted_hub_made_again(t *testing.T) {
	for _, seed := range seeds(t) {
		l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
		half := len(l.events) / 2
		t.Run(fmt.Sprintf("diagnostics_seed_%d", seed), func(t *testing.T) {
			t.Parallel()
			h := deploy(t, hostedOptions{load: l, limit: some(seed), waiting: true})
			h.send(l.events[:half])
			h.quiet()
			h.again("diagnostics", 1)
			h.send(l.events[half:])
			h.quiet()
			h.check()
		})
		for _, moved := range []bool{false, true} {
			t.Run(fmt.Sprintf("usage_moved_%v_seed_%d", moved, seed), func(t *testing.T) {
				t.Parallel()
				h := deploy(t, hostedOptions{load: l, waiting: true, instances: map[string]int{"usage": 2}})
				h.send(l.events[:half])
				h.settle()
				before := h.usageLog()
				if moved { // to processes that have had only the other partition of the old hub
					for p := range 2 {
						owner := h.Leases("usage")[strconv.Itoa(p)].Owner
						if err := h.Move("usage", strconv.Itoa(p), 1-int(owner[len(owner)-1]-'0')); err != nil {
							t.Fatal(err)
						}
					}
				}
				h.again("usage", 2)
				h.send(l.events[half:])
				h.settle()
				h.expect(h.fold(append(before, h.usageLog()...)...))
				if gaps := h.gaps(); len(gaps) > 0 {
					t.Errorf("gaps %q, and all that was lost had been judged", gaps)
				}
			})
		}
	}
}

// The last thing that is heard is calls without identity: they are judged when
// enough time has passed, and all is saved, though no record comes any more.
func TestHosted_partition_falls_quiet(t *testing.T) {
	for _, seed := range seeds(t) {
		t.Run(fmt.Sprintf("seed_%d", seed), func(t *testing.T) {
			l := newLoad(t, loadOptions{seed: seed, partitions: 1, crowd: 60})
			last := twins(t, detectors.TimeOf(l.end))
			h := deploy(t, hostedOptions{load: l, limit: some(seed), flush: 10 * time.Millisecond})
			h.publish("diagnostics", 0, last)
			h.settle()
			before := h.stored()
			if d := differences(l.replayed, before); d != "" {
				h.fatalf("rows without identity were judged before their time (-want +got):\n%s", d)
			}
			for range 4 {
				h.pass(6 * time.Minute)
				h.settle()
			}
			if !strings.Contains(strings.TrimPrefix(h.stored(), before), quietAccount) {
				h.fatalf("rows without identity were never judged:\n%s", h.stored())
			}
			h.expect(h.fromHub())
			for p, s := range h.usageLog() {
				c, err := h.db.Ledger().Checkpoint(t.Context(), s.log)
				if end := s.began + int64(len(s.events)); err != nil || c.Next < end-1 {
					t.Errorf("partition %d is saved up to %d, of %d (%v)", p, c.Next, end, err)
				}
			}
		})
	}
}

// twins is an event of images in bulk on an account, of which no row says who asked for them.
func twins(t *testing.T, at detectors.Time) []byte {
	t.Helper()
	var records [][]byte
	for i := range 200 {
		f := azurelog.Fragment{Category: azurelog.RequestResponse, Resource: quietAccount, NearEmpty: true, Logged: at - detectors.Time(200-i)*detectors.Second,
			Address: netip.AddrFrom4([4]byte{byte(40 + i%3*30), 90, 64, 0}), Bits: 24}
		f.Correlation[0], f.Correlation[1] = 0xaa, byte(i)
		f.Call = detectors.Call{Time: f.Logged - detectors.Second, DurationMs: 1000, Status: 200, Operation: "ImageGenerations_Create", Class: detectors.ClassImage,
			RequestBytes: -1, ResponseBytes: -1}
		record, err := azurelog.Append(nil, &f, azurelog.Style{})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return azurelog.AppendEnvelope(nil, records...)
}
