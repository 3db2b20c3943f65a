package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
	"github.com/keywarden/keywarden/internal/simulate"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// usageLog is a usage hub that holds a life of six days with a stolen key in it.
type usageLog struct {
	t      *testing.T
	at     string // connection string
	victim detectors.Principal
	truth  simulate.Truth
	p      *eventhub.Publisher
}

// hubPartitions is how many partitions it has.
const hubPartitions = 2

// newUsageLog makes one; head makes commands of the victim that stand before all records.
func newUsageLog(t *testing.T, head func(victim detectors.Principal) []detectors.Command) *usageLog {
	t.Helper()
	server, err := hubemulator.New(hubemulator.Config{Hubs: []broker.Spec{{Name: "usage", Partitions: hubPartitions, ConsumerGroups: []string{"tools"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() }) // clients are gone by then
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // ends with the server
	key := hubemulator.Key{Name: hubemulator.RootKeyName, Value: hubemulator.RootKeyValue}
	l := &usageLog{t: t, at: hubemulator.DevelopmentConnectionString(listener.Addr().String(), key, "")}

	options := simulate.Options{Seed: 5, Principals: 10, Days: 6, Campaigns: []simulate.Campaign{{Kind: "storm", Day: 5}}}
	var deliveries []simulate.Delivery
	if l.truth, err = simulate.Generate(options, func(d simulate.Delivery) error {
		deliveries = append(deliveries, d)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	l.victim = l.truth.Campaigns[0].Principals[0]
	n, err := eventhub.Connect(eventhub.Config{Namespace: l.at})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(t.Context()) })
	hub, err := n.Hub("usage")
	if err != nil {
		t.Fatal(err)
	}
	if l.p, err = hub.Publisher(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range head(l.victim) {
		l.say(&c)
	}
	l.publish(deliveries)
	return l
}

// say publishes a command, a verdict to the partition that has its resource.
func (l *usageLog) say(c *detectors.Command) {
	l.t.Helper()
	message, err := usagelog.AppendCommand(nil, c)
	switch {
	case err != nil:
	case c.Verdict != nil:
		err = l.p.Publish(l.t.Context(), usagelog.Partition(c.Verdict.Principal.Resource, hubPartitions), message)
	default:
		err = l.p.Broadcast(l.t.Context(), message)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// publish sends deliveries as the router does: what arrives within ten minutes is one message of a partition.
func (l *usageLog) publish(deliveries []simulate.Delivery) {
	l.t.Helper()
	const together = 10 * detectors.Minute
	var writers [hubPartitions]usagelog.Writer
	flush := func() {
		for i := range writers {
			if writers[i].Entries() == 0 {
				continue
			}
			if err := l.p.Publish(l.t.Context(), i, writers[i].Bytes()); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	began := detectors.Time(0)
	for n := range deliveries {
		d := &deliveries[n]
		if d.At >= began+together {
			flush()
			began = d.At
			for i := range writers {
				writers[i].Reset(usagelog.Source{Hub: "ns/diagnostics/0", Partition: "0"}, d.At)
			}
		}
		writers[usagelog.Partition(d.Fragment.Resource, hubPartitions)].Add(int64(n), &d.Fragment)
	}
	flush()
}

// run runs the program on the hub and returns what it prints.
func (l *usageLog) run(args ...string) string {
	l.t.Helper()
	var out, diagnostics bytes.Buffer
	args = append(args, "--from-hub", "--eventhub", l.at, "--usage-hub", "usage", "--format", "jsonl")
	if code := run(l.t.Context(), args, strings.NewReader(""), &out, &diagnostics); code != 0 {
		l.t.Fatalf("keywarden %s: exit code %d\n%s", args[0], code, &diagnostics)
	}
	return out.String()
}

// change is what the tests read of a line.
type change struct {
	Change        string
	TruePositive  bool
	Before, After *struct {
		ID        string
		Principal detectors.Principal
		FirstSeen detectors.Time
	}
}

func readChanges(t *testing.T, lines string) (all []change) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var c change
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all = append(all, c)
	}
	return all
}

// at is a day of the log.
func at(day int) detectors.Time {
	return detectors.TimeOf(time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)) + detectors.Time(day)*detectors.Day
}

// TestBacktest_of_a_hub: an exception that hides what an analyst has found to be a true positive says so first.
func TestBacktest_of_a_hub(t *testing.T) {
	l := newUsageLog(t, func(detectors.Principal) []detectors.Command { return nil })
	hide := "resource=" + l.victim.Resource
	before := readChanges(t, l.run("backtest", "--except", hide))
	if len(before) == 0 || before[0].Change != "vanishes" || before[0].TruePositive || before[0].Before.Principal != l.victim {
		t.Fatalf("without a verdict: %+v", before)
	}
	stolen := before[0].Before
	l.say(&detectors.Command{Time: at(6), By: "ann", Verdict: &detectors.Verdict{Incident: stolen.ID, Principal: stolen.Principal, Value: detectors.VerdictTruePositive, Since: stolen.FirstSeen}})
	after := readChanges(t, l.run("backtest", "--except", hide))
	if len(after) != len(before) || !after[0].TruePositive || after[0].Before.ID != stolen.ID {
		t.Errorf("with a verdict of true positive: %+v", after)
	}
	if n := len(readChanges(t, l.run("backtest", "--except", hide, "--until", at(3).String()))); n != 0 {
		t.Errorf("%d changes before the campaign", n)
	}
	if n := len(readChanges(t, l.run("backtest", "--except", "resource=/subscriptions/nobody"))); n != 0 {
		t.Errorf("%d changes by an exception of nobody's", n)
	}
}

// TestBacktest_of_a_span: what was commanded before the span is in force in it, though it has expired by today.
func TestBacktest_of_a_span(t *testing.T) {
	l := newUsageLog(t, func(victim detectors.Principal) []detectors.Command {
		return []detectors.Command{{Time: at(0), By: "ann", Exception: &detectors.Exception{ID: "x1", Resource: victim.Resource, Owner: "ann", Reason: "a test", Expires: at(10)}}}
	})
	file := filepath.Join(t.TempDir(), "revoke.json")
	if err := os.WriteFile(file, []byte(`[{"revoke":"x1"}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	got := readChanges(t, l.run("backtest", "--change", file, "--since", at(1).String()))
	if len(got) != 1 || got[0].Change != "appears" || got[0].After.Principal != l.victim {
		t.Errorf("without the exception: %+v", got)
	}
}
