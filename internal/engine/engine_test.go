package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/simulate"
)

// config is the product's, with a store in memory.
func config(t testing.TB) engine.Config {
	t.Helper()
	tables, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return engine.Config{Detectors: all.Detectors(), Locate: tables.Locate, Prices: incident.ListPrices(), Store: engine.NewMemory()}
}

var campaigns = []simulate.Campaign{
	{Kind: "storm", Strength: simulate.Slow, Day: 2},
	{Kind: "resale", Strength: simulate.Slow, Day: 2},
	{Kind: "enumeration", Day: 2},
	{Kind: "spray", Day: 3},
	{Kind: "harvest", Day: 3},
	{Kind: "blackout", Strength: simulate.Slow, Day: 3},
}

// town is logs of a few principals under some campaigns, as one record a line,
// cut into files of the given number of records.
func town(t testing.TB, seed uint64, perFile int) (files [][]byte) {
	t.Helper()
	records := 0
	_, err := simulate.Generate(simulate.Options{Seed: seed, Days: 3, Principals: 6, Campaigns: campaigns}, func(d simulate.Delivery) error {
		if records%perFile == 0 {
			files = append(files, nil)
		}
		records++
		last := &files[len(files)-1]
		var err error
		*last, err = azurelog.Append(*last, &d.Fragment, azurelog.Style{})
		*last = append(*last, '\n')
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// groups are files as sources, one a group.
func groups(files [][]byte) [][]engine.Source {
	var all [][]engine.Source
	for i, f := range files {
		all = append(all, []engine.Source{source(fmt.Sprint("file ", i), f)})
	}
	return all
}

func source(name string, content []byte) engine.Source {
	return engine.Source{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// replay judges the groups and returns what was found, as JSON lines, and what was done.
func replay(t testing.TB, c engine.Config, groups [][]engine.Source) (string, engine.Report) {
	t.Helper()
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	report, err := e.Replay(t.Context(), groups)
	if err != nil {
		t.Fatal(err)
	}
	return lines(t, c.Store), report
}

func lines(t testing.TB, store engine.Store) string {
	t.Helper()
	incidents, err := store.Incidents(t.Context())
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

func TestReplay_finds_the_same_however_it_is_run(t *testing.T) {
	files := town(t, 1, 4_000)
	want, report := replay(t, config(t), groups(files))
	if want == "" {
		t.Fatal("no incidents: this test compares nothing")
	}
	for name, change := range map[string]func(*engine.Config){
		"one_worker":    func(c *engine.Config) { c.Workers = 1 },
		"many_workers":  func(c *engine.Config) { c.Workers = 7 },
		"small_commits": func(c *engine.Config) { c.CommitEvery = 997 },
		"little_memory": func(c *engine.Config) { c.Memory, c.CommitEvery = 1, 301 },
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			change(&c)
			got, again := replay(t, c, groups(files))
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("incidents differ (-want +got):\n%s", d)
			}
			if again.Calls != report.Calls || again.Duplicates != report.Duplicates || again.Findings != report.Findings {
				t.Errorf("tally %+v, want %+v", again.Tally, report.Tally)
			}
		})
	}
	t.Run("one_file", func(t *testing.T) {
		got, _ := replay(t, config(t), groups([][]byte{bytes.Join(files, nil)}))
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("incidents differ (-want +got):\n%s", d)
		}
	})
}

// mortal is a store whose process dies at a commit: before it is durable or after.
type mortal struct {
	*engine.Memory
	commits, after int
	durable        bool
}

var errKilled = errors.New("killed")

func (m *mortal) Commit(ctx context.Context, b *engine.Batch) error {
	m.commits++
	if m.commits%m.after != 0 {
		return m.Memory.Commit(ctx, b)
	}
	if m.durable {
		if err := m.Memory.Commit(ctx, b); err != nil {
			return err
		}
	}
	return errKilled
}

func TestReplay_finds_the_same_after_being_killed(t *testing.T) {
	files := town(t, 2, 5_000)
	want, _ := replay(t, config(t), groups(files))
	for seed := range 4 {
		t.Run(fmt.Sprint("seed_", seed), func(t *testing.T) {
			store := &mortal{Memory: engine.NewMemory(), after: 2 + seed, durable: seed%2 == 0}
			c := config(t)
			c.Store, c.CommitEvery = store, 700+100*seed
			e, err := engine.New(c)
			if err != nil {
				t.Fatal(err)
			}
			kills := 0
			for {
				_, err := e.Replay(t.Context(), groups(files))
				if err == nil {
					break
				}
				if !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				if kills++; kills > 1000 {
					t.Fatal("no progress")
				}
			}
			if kills == 0 {
				t.Fatal("never killed")
			}
			if d := cmp.Diff(want, lines(t, store)); d != "" {
				t.Errorf("after %d kills the incidents differ (-want +got):\n%s", kills, d)
			}
		})
	}
}

func TestReplay_adds_nothing_of_a_file_that_it_has_taken_in(t *testing.T) {
	files := town(t, 3, 5_000)
	c := config(t)
	want, whole := replay(t, c, groups(files))
	got, report := replay(t, c, groups(files))
	if got != want || report.Calls != 0 || report.Known != len(files) {
		t.Errorf("the second time: %d calls judged, %d of %d files known, incidents equal: %v", report.Calls, report.Known, len(files), got == want)
	}
	t.Run("twice_in_one_run", func(t *testing.T) {
		got, report := replay(t, config(t), append(groups(files), groups(files)...))
		if got != want || report.Known != len(files) {
			t.Errorf("%d of %d files known, incidents equal: %v", report.Known, len(files), got == want)
		}
	})
	t.Run("grown", func(t *testing.T) {
		grown := slices.Clone(files)
		head, tail := files[0], files[1]
		if len(head) < 1<<20 {
			t.Fatal("the file is too short to keep its identity when it grows")
		}
		c := config(t)
		_, first := replay(t, c, groups([][]byte{head}))
		grown[0] = append(slices.Clone(head), tail...)
		_, second := replay(t, c, groups(append([][]byte{grown[0]}, files[2:]...)))
		if sum := first.Calls + second.Calls; sum != whole.Calls {
			t.Errorf("%d calls of the head and %d after it, want %d in all", first.Calls, second.Calls, whole.Calls)
		}
	})
}

// record is a call of a key, logged at t.
func record(t detectors.Time, correlation byte) []byte {
	f := azurelog.Fragment{
		Category: azurelog.RequestResponse, Logged: t, Resource: "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/a",
		Correlation: azurelog.Correlation{correlation},
		Call: detectors.Call{Time: t, DurationMs: 100, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat, Model: "gpt-4o",
			Deployment: "d", RequestBytes: 100, ResponseBytes: 100},
	}
	b, err := azurelog.Append(nil, &f, azurelog.Style{})
	if err != nil {
		panic(err)
	}
	return append(b, '\n')
}

const noon = 20_700*detectors.Day + 12*detectors.Hour

func TestReplay_of_a_record_far_ahead(t *testing.T) {
	usual := func(n int) (b []byte) {
		for i := range n {
			b = append(b, record(noon+detectors.Time(i)*detectors.Minute, byte(i+1))...)
		}
		return b
	}
	year := 365 * detectors.Day
	for name, c := range map[string]struct {
		log         []byte
		calls, late int64
		poison      int64
	}{
		"alone_among_others":   {slices.Concat(usual(3), record(noon+year, 100), usual(9)[len(usual(3)):]), 9, 0, 1},
		"at_the_end":           {slices.Concat(usual(3), record(noon+year, 100)), 4, 0, 0},
		"after_a_long_silence": {slices.Concat(usual(3), record(noon+year, 100), record(noon+year, 101), record(noon+year+detectors.Minute, 102)), 6, 0, 0},
		"first_of_all":         {slices.Concat(record(noon, 1), record(noon+detectors.Minute, 2)), 2, 0, 0},
		"late":                 {slices.Concat(usual(3), record(noon-2*detectors.Hour, 100)), 4, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, r := replay(t, config(t), [][]engine.Source{{source(name, c.log)}})
			if r.Calls != c.calls || r.Late != c.late || r.Poison != c.poison {
				t.Errorf("%d calls, %d late, %d set aside; want %d, %d, %d", r.Calls, r.Late, r.Poison, c.calls, c.late, c.poison)
			}
		})
	}
}

func TestReplay_merges_a_group_by_time(t *testing.T) {
	files := town(t, 4, 1_000_000)
	want, _ := replay(t, config(t), groups(files))
	records := bytes.SplitAfter(files[0], []byte("\n"))
	// Each record goes to the file of its resource; the files' own orders are those of the whole.
	var apart [3][]byte
	for i, r := range records {
		apart[i%3] = append(apart[i%3], r...)
	}
	var group []engine.Source
	for i, content := range apart {
		group = append(group, source(fmt.Sprint(i), content))
	}
	got, report := replay(t, config(t), [][]engine.Source{group})
	if got == "" || want == "" || report.Calls == 0 {
		t.Fatal("nothing was judged")
	}
	one, _ := replay(t, func() engine.Config { c := config(t); c.Workers = 1; return c }(), [][]engine.Source{group})
	if d := cmp.Diff(one, got); d != "" {
		t.Errorf("merged incidents depend on the workers:\n%s", d)
	}
}

func TestReplay_of_sources_that_fail(t *testing.T) {
	broken := errors.New("the disk is gone")
	good := source("good", record(noon, 1))
	vanished := engine.Source{Name: "vanished", Open: func() (io.ReadCloser, error) { return nil, broken }}
	torn := engine.Source{Name: "torn", ID: "torn", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(record(noon, 2)), iotestErr{broken})), nil
	}}
	_, r := replay(t, config(t), [][]engine.Source{{vanished}, {torn, good}})
	if r.Calls != 2 || len(r.Unreadable) != 2 {
		t.Fatalf("%d calls, errors %v; want 2 calls and 2 errors", r.Calls, r.Unreadable)
	}
	for _, err := range r.Unreadable {
		if !errors.Is(err, broken) {
			t.Errorf("error %v does not say why", err)
		}
	}
}

type iotestErr struct{ error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.error }

func TestReplay_interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := config(t)
	endless := engine.Source{Name: "endless", ID: "endless", Open: func() (io.ReadCloser, error) { return io.NopCloser(&repeat{record: record(noon, 1)}), nil }}
	c.Progress = func(int64) { cancel() }
	e, err := engine.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Replay(ctx, [][]engine.Source{{endless}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// repeat is a record without end.
type repeat struct {
	record, rest []byte
}

func (r *repeat) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		r.rest = r.record
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestNew_refuses_what_is_missing(t *testing.T) {
	for name, remove := range map[string]func(*engine.Config){
		"detectors": func(c *engine.Config) { c.Detectors = nil },
		"locate":    func(c *engine.Config) { c.Locate = nil },
		"prices":    func(c *engine.Config) { c.Prices = nil },
		"store":     func(c *engine.Config) { c.Store = nil },
		"workers":   func(c *engine.Config) { c.Workers = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			remove(&c)
			if _, err := engine.New(c); err == nil {
				t.Error("no error")
			}
		})
	}
}
