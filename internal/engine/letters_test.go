package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// counting counts the writes to dead letters. It fails where it is told to.
type counting struct {
	*engine.Memory
	writes int
	err    error
}

func (c *counting) SaveDeadLetters(ctx context.Context, all []engine.DeadLetter) error {
	if c.err != nil {
		return c.err
	}
	c.writes += len(all)
	return c.Memory.SaveDeadLetters(ctx, all)
}

// A sender that is broken does not cost a write for every record, and what is
// not kept is counted.
func TestIntake_keeps_some_letters_of_a_storm(t *testing.T) {
	const events, records = 100, 1000
	body := azurelog.AppendEnvelope(nil, slices.Repeat([][]byte{[]byte(`{"time":"x" x}`)}, records)...)
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: newUsageHub(1), Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	memory := engine.NewMemory()
	letters := &counting{Memory: memory}
	recorder, err := engine.NewRecorder(memory)
	if err != nil {
		t.Fatal(err)
	}
	intake, err := engine.NewIntake(engine.IntakeConfig{Taker: router, Letters: letters, Recorder: recorder, Log: slog.New(slog.DiscardHandler),
		Begin: func(context.Context, string, string) (int64, error) { return 0, nil }})
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(int64(noon))
	take := func(sequence int64) {
		t.Helper()
		event := engine.HubEvent{Sequence: sequence, Enqueued: noon, Body: body}
		if err := intake.Take(t.Context(), now, "ns/diagnostics", usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, []engine.HubEvent{event}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(events) {
		now = now.Add(time.Second)
		take(i)
	}
	if letters.writes == 0 || letters.writes > 1000 {
		t.Errorf("%d writes for %d records of one hour", letters.writes, events*records)
	}
	if err := recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := memory.Progress(t.Context(), engine.ProgressKey{Function: engine.DiagnosticsFunction, Hub: "ns/diagnostics", Partition: "0"})
	if err != nil {
		t.Fatal(err)
	}
	if p.Poison.Count != events*records || p.Unkept.Count != p.Poison.Count-int64(letters.writes) {
		t.Errorf("%d records set aside and %d not kept, with %d writes for %d records", p.Poison.Count, p.Unkept.Count, letters.writes, events*records)
	}
	told := false
	for _, reason := range engine.HealthOf(detectors.TimeOf(now), []engine.Progress{p}).Reasons {
		told = told || reason.Reason == engine.ReasonPoison && strings.Contains(reason.Text, "only counted")
	}
	if !told {
		t.Error("health does not say that some are only counted")
	}
	before := letters.writes
	now = now.Add(time.Hour)
	take(events)
	if letters.writes == before {
		t.Error("an hour later no letter is kept")
	}
}

// A message of the usage hub that cannot be read is a dead letter when Take
// returns, however often it is read again.
func TestJudges_set_messages_aside(t *testing.T) {
	garbage := []byte("secret garbage")
	hub := newUsageHub(1)
	hub.logs[0] = []engine.LogEvent{crowd(0, 1, 1), {Sequence: 1, Body: garbage}, crowd(2, 1, 1)}
	e, err := engine.New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	memory, ledger := engine.NewMemory(), engine.NewInMemory()
	letters := &counting{Memory: memory, err: errors.New("the store is down")}
	recorder, err := engine.NewRecorder(memory)
	if err != nil {
		t.Fatal(err)
	}
	judges := func() *engine.Judges {
		j, err := e.Judges(engine.JudgesConfig{Ledger: ledger, Reader: hub, Partitions: 1, Letters: letters, Recorder: recorder, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	now := time.UnixMilli(int64(noon))
	first := judges()
	if err := first.Take(t.Context(), now, logID(0), 0, hub.logs[0]); !errors.Is(err, letters.err) {
		t.Errorf("error %v, want that the letter is not kept", err)
	}
	letters.err = nil
	if err := first.Take(t.Context(), now, logID(0), 0, hub.logs[0]); err != nil {
		t.Fatal(err)
	}
	if s, _ := first.Status(logID(0)); s.Poison != 1 || s.Unkept != 0 || s.Next != 3 {
		t.Errorf("%+v, want one message set aside and the others judged", s)
	}
	if err := first.Save(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	hub.logs[0] = append(hub.logs[0], crowd(3, 1, 1))
	if err := judges().Take(t.Context(), now, logID(0), 0, hub.logs[0][3:]); err != nil { // reads the others again
		t.Fatal(err)
	}
	all, err := memory.DeadLetters(t.Context())
	if err != nil || len(all) != 1 || letters.writes != 1 {
		t.Fatalf("letters %+v after %d writes, error %v", all, letters.writes, err)
	}
	if d := all[0]; d.Sequence != 1 || d.Partition != "0" || d.Hub != logID(0).Hub+"/"+noon.String() || d.Error == "" || d.Length != int64(len(garbage)) ||
		d.SHA256 == "" || strings.Contains(d.Error+d.Around, "secret") {
		t.Errorf("%+v", d)
	}
	if err := recorder.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := memory.Progress(t.Context(), engine.ProgressKey{Function: engine.UsageFunction, Hub: logID(0).Hub, Partition: "0"})
	if err != nil || p.Poison.Count != 1 {
		t.Errorf("progress counts %d, error %v", p.Poison.Count, err)
	}
}

func TestRouter_AgainMessage(t *testing.T) {
	hub := newUsageHub(2)
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	source := usagelog.Source{Hub: "deadletters", Partition: "0"}
	if _, err := router.AgainMessage(t.Context(), source, 7, []byte("garbage")); err == nil || !strings.Contains(err.Error(), "still cannot be read") {
		t.Errorf("error %v of garbage", err)
	}
	if _, err := router.AgainMessage(t.Context(), source, 7, usagelog.AppendTick(nil, noon, 0)); err == nil {
		t.Error("a tick is sent again")
	}
	done, err := router.AgainMessage(t.Context(), source, 7, crowd(1, 20, 3).Body)
	if err != nil || done.Records != 60 {
		t.Fatalf("%+v, %v", done, err)
	}
	found := map[azurelog.Correlation]bool{}
	for _, log := range hub.logs {
		var m usagelog.Message
		for _, e := range log {
			if err := new(usagelog.Reader).Read(e.Body, &m); err != nil || m.Source != source {
				t.Errorf("%+v, %v", m.Source, err)
			}
			for _, entry := range m.Entries {
				found[entry.Fragment.Correlation] = entry.Sequence == 7
			}
		}
	}
	if len(found) != 60 || len(hub.logs[0]) != 1 || len(hub.logs[1]) != 1 {
		t.Errorf("%d records in %d and %d messages", len(found), len(hub.logs[0]), len(hub.logs[1]))
	}
}
