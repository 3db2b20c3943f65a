package engine_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// beat is a record of an account that is called every ten minutes, by three
// identities in turn.
type beat struct {
	at   detectors.Time
	line []byte
}

// steady are an account's records at all hours of the given days.
func steady(account string, first, until float64) (beats []beat) {
	start := noon + detectors.Time(first*float64(detectors.Day))
	for t := start; t < noon+detectors.Time(until*float64(detectors.Day)); t += 10 * detectors.Minute {
		f := azurelog.Fragment{
			Category: azurelog.RequestResponse, Logged: t, Resource: "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/" + account,
			ObjectID: fmt.Sprintf("00000000-0000-0000-0000-00000000000%d", t/(10*detectors.Minute)%3),
			Address:  netip.MustParseAddr("203.0.113.9"), Bits: 24,
			Call: detectors.Call{Time: t, DurationMs: 100, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat, Model: "gpt-4o",
				Deployment: "d", RequestBytes: 100, ResponseBytes: 100},
		}
		binary.BigEndian.PutUint64(f.Correlation[:], uint64(t))
		copy(f.Correlation[8:], account)
		line, err := azurelog.Append(nil, &f, azurelog.Style{})
		if err != nil {
			panic(err)
		}
		beats = append(beats, beat{t, append(line, '\n')})
	}
	return beats
}

// merged is a log of several accounts in the order of time.
func merged(all ...[]beat) []beat {
	log := slices.Concat(all...)
	slices.SortStableFunc(log, func(a, b beat) int { return int(a.at - b.at) })
	return log
}

func file(log []beat) []byte {
	var b bytes.Buffer
	for i := range log {
		b.Write(log[i].line)
	}
	return b.Bytes()
}

func TestReplay_notices_who_falls_silent(t *testing.T) {
	for name, c := range map[string]struct {
		log  []beat
		want []string // the silent accounts
	}{
		"one_of_two":                {merged(steady("a", 0, 9), steady("b", 0, 11)), []string{"a"}},
		"and_comes_back":            {merged(steady("a", 0, 9), steady("a", 10.5, 11), steady("b", 0, 11)), []string{"a"}},
		"the_whole_log_pauses":      {merged(steady("a", 0, 9), steady("a", 12, 13), steady("b", 0, 9), steady("b", 12, 13)), nil},
		"an_hour_apart_from_others": {merged(steady("a", 0, 9), steady("b", 0, 9.1)), nil},
		"known_for_a_few_days":      {merged(steady("a", 0, 5), steady("b", 0, 11)), nil},
		"quiet_for_some_hours":      {merged(steady("a", 0, 9), steady("a", 9.2, 10), steady("b", 0, 10)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := replay(t, config(t), groups([][]byte{file(c.log)}))
			var silent []string
			for line := range strings.Lines(got) {
				if _, after, is := strings.Cut(line, `"id":"/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/`); is && strings.Contains(line, `"detector":"silence"`) {
					silent = append(silent, after[:strings.Index(after, `"`)])
				}
			}
			if d := cmp.Diff(c.want, silent); d != "" {
				t.Errorf("silent accounts (-want +got):\n%s\n%s", d, got)
			}
		})
	}
}

// done is a record of what somebody does to an account's diagnostic settings, so many days after the first.
func done(account string, day float64, operation string) []beat {
	at := noon + detectors.Time(day*float64(detectors.Day))
	f := azurelog.Fragment{
		Category: azurelog.Administrative, Logged: at, Resource: "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/" + account,
		Address: netip.MustParseAddr("203.0.113.9"), Bits: 32,
	}
	f.Call.DurationMs, f.Call.RequestBytes, f.Call.ResponseBytes = -1, -1, -1
	f.Act = &detectors.Act{Time: at, Operation: "microsoft.insights/diagnosticsettings/" + operation, Succeeded: true,
		Target: f.Resource + "/providers/microsoft.insights/diagnosticsettings/to-siem", Actor: detectors.Actor{ObjectID: "00000000-0000-0000-0000-000000000009"}}
	line, err := azurelog.Append(nil, &f, azurelog.Style{})
	if err != nil {
		panic(err)
	}
	return []beat{{at, append(line, '\n')}}
}

// lonely are accounts of which one falls silent, one leaves for a while, one
// goes on; of one the logging is cut, and of another it is replaced.
func lonely() []beat {
	return merged(steady("a", 0, 8.4), steady("b", 0, 9.7), steady("c", 0, 7.7), steady("c", 9.3, 9.7),
		steady("d", 0, 8.2), done("d", 8.201, "delete"), steady("e", 0, 9.7), done("e", 8.201, "delete"), done("e", 8.203, "write"))
}

func TestReplay_notices_silence_however_it_is_run(t *testing.T) {
	log := lonely()
	want, _ := replay(t, config(t), groups([][]byte{file(log)}))
	if n := strings.Count(want, `"detector":"silence"`); n != 2 {
		t.Fatalf("%d accounts are silent, want 2", n)
	}
	if n := strings.Count(want, "was not written again"); n != 1 {
		t.Fatalf("the logging of %d accounts stays cut, want 1\n%s", n, want)
	}
	for name, change := range map[string]func(*engine.Config){
		"many_workers":  func(c *engine.Config) { c.Workers = 3 },
		"little_memory": func(c *engine.Config) { c.Memory, c.CommitEvery = 1, 101 },
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			change(&c)
			got, _ := replay(t, c, groups([][]byte{file(log)}))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("incidents differ (-want +got):\n%s", d)
			}
		})
	}
	t.Run("file_by_file", func(t *testing.T) {
		c := config(t)
		got := ""
		for part := range slices.Chunk(log, len(log)/7) {
			got, _ = replay(t, c, groups([][]byte{file(part)}))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("incidents differ (-want +got):\n%s", d)
		}
	})
}

func TestPartition_notices_silence_as_a_replay_does(t *testing.T) {
	log := lonely()
	want, _ := replay(t, config(t), groups([][]byte{file(log)}))
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			hub := newUsageHub(1 + 3*int(seed))
			listened(t, hub, log)
			folded, _ := fold(t, hub)
			if d := cmp.Diff(want, linesOf(t, folded)); d != "" {
				t.Errorf("the fold's incidents differ from the replay's (-want +got):\n%s", d)
			}
			c := config(t)
			if seed == 1 {
				c.Memory = 1
			}
			got := engine.NewInMemory()
			if owners(t, r, hub, c, got) == 0 {
				t.Error("never killed")
			}
			if d := cmp.Diff(want, linesOf(t, got)); d != "" {
				t.Errorf("the incidents differ from the replay's (-want +got):\n%s", d)
			}
		})
	}
}

func TestPartition_does_not_take_an_outage_for_silence(t *testing.T) {
	hub := newUsageHub(1)
	listened(t, hub, merged(steady("a", 0, 9), steady("b", 0, 9)))
	for hour := range detectors.Time(3 * 24) {
		hub.tick(noon+9*detectors.Day+hour*detectors.Hour, noon+9*detectors.Day)
	}
	ledger, _ := fold(t, hub)
	if got := linesOf(t, ledger); strings.Contains(got, "silence") {
		t.Errorf("an outage of the delivery accuses:\n%s", got)
	}
}

// listened sends a log through a router, and after each event a tick that says
// how far the log has come.
func listened(t testing.TB, hub *usageHub, log []beat) {
	t.Helper()
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: len(hub.logs)})
	if err != nil {
		t.Fatal(err)
	}
	sequence := int64(0)
	for part := range slices.Chunk(log, 4) {
		arrived := part[len(part)-1].at + detectors.Minute
		var lines [][]byte
		for i := range part {
			lines = append(lines, part[i].line)
		}
		event := engine.HubEvent{Sequence: sequence, Enqueued: arrived, Body: azurelog.AppendEnvelope(nil, lines...)}
		sequence++
		done, err := router.Take(t.Context(), usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, []engine.HubEvent{event})
		if err != nil {
			t.Fatal(err)
		}
		hub.tick(arrived+detectors.Minute, done.Logged)
	}
}

// tick tells all partitions the time.
func (h *usageHub) tick(now, heard detectors.Time) {
	for p := range h.logs {
		h.logs[p] = append(h.logs[p], engine.LogEvent{Sequence: int64(len(h.logs[p])), Body: usagelog.AppendTick(nil, now, heard)})
	}
}
