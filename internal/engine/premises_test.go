package engine_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// midnight begins the days of these logs, and a week of sightings.
const midnight = 20_700 * detectors.Day / (7 * detectors.Day) * (7 * detectors.Day)

// at is a time of the given day.
func at(day, hour, minute detectors.Time) detectors.Time {
	return midnight + day*detectors.Day + hour*detectors.Hour + minute*detectors.Minute
}

// visit is a call of an account's key from the n-th network.
func visit(t detectors.Time, account string, n int) azurelog.Fragment {
	f := azurelog.Fragment{
		Category: azurelog.RequestResponse, Logged: t, Resource: "/subscriptions/s/resourcegroups/g/providers/microsoft.cognitiveservices/accounts/" + account,
		Address: netip.AddrFrom4([4]byte{198, 18, byte(n), 0}), Bits: 24,
		Call: detectors.Call{Time: t, DurationMs: 100, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat, Model: "gpt-4o",
			Deployment: "d", RequestBytes: 100, ResponseBytes: 100},
	}
	binary.BigEndian.PutUint64(f.Correlation[:], uint64(t))
	copy(f.Correlation[8:], account)
	return f
}

// networkOf is the n-th network.
func networkOf(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(n), 0}), 24)
}

// daily are hourly calls of an account from a network, from midnight of the first day on.
func daily(account string, n, days int, minute detectors.Time) []azurelog.Fragment {
	return dailyFrom(0, account, n, days, minute)
}

// dailyFrom is daily from midnight of a later day on.
func dailyFrom(day detectors.Time, account string, n, days int, minute detectors.Time) (all []azurelog.Fragment) {
	for hour := range detectors.Time(days) * 24 {
		all = append(all, visit(at(day, hour, minute), account, n))
	}
	return all
}

// probe is a detector that finds nothing and notes how near the caller's network was to each principal.
type probe struct {
	mu   sync.Mutex
	near map[string]detectors.Standing // by account and time
}

func (p *probe) detector() *detectors.Detector {
	p.near = map[string]detectors.Standing{}
	return detectors.New(detectors.Description{ID: "probe", Severity: detectors.High}, func(before *detectors.Profile, e detectors.Event, _ *struct{}) (detectors.Finding, bool) {
		if c, ok := e.(*detectors.Call); ok {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.near[key(before.Principal.Resource, c.Time)] = before.Standing(&c.From, c.Time)
		}
		return detectors.Finding{}, false
	})
}

func key(resource string, t detectors.Time) string {
	return fmt.Sprint(resource[strings.LastIndexByte(resource, '/')+1:], " ", t)
}

// blind is the product's config, where nothing is known of networks but which
// they are, and a probe among the detectors.
func blind(t testing.TB) (engine.Config, *probe) {
	c, p := config(t), new(probe)
	c.Detectors = append(slices.Clone(c.Detectors), p.detector())
	c.Locate = func(addr netip.Addr, bits int) detectors.Network {
		prefix, err := addr.Prefix(min(bits, 24))
		if err != nil {
			return detectors.Network{}
		}
		return detectors.Network{Prefix: prefix}
	}
	return c, p
}

// fileOf is fragments as a file, in their order.
func fileOf(t testing.TB, all []azurelog.Fragment) (file []byte) {
	t.Helper()
	for i := range all {
		var err error
		if file, err = azurelog.Append(file, &all[i], azurelog.Style{}); err != nil {
			t.Fatal(err)
		}
		file = append(file, '\n')
	}
	return file
}

func byTime(all ...[]azurelog.Fragment) []azurelog.Fragment {
	log := slices.Concat(all...)
	slices.SortStableFunc(log, func(a, b azurelog.Fragment) int { return int(a.Logged - b.Logged) })
	return log
}

func TestReplay_knows_an_office_from_the_third_hour_on(t *testing.T) {
	guest := func(times ...detectors.Time) (all []azurelog.Fragment) {
		for _, at := range times {
			all = append(all, visit(at, "guest", 1))
		}
		return all
	}
	home := daily("guest", 9, 40, 30)
	refused := func(all []azurelog.Fragment) []azurelog.Fragment {
		for i := range all {
			all[i].Call.Status = 401
		}
		return all
	}
	page := func(account string, minute detectors.Time) (all []azurelog.Fragment) {
		for i := range 30 * 24 {
			all = append(all, visit(at(0, detectors.Time(i), minute), account, 1+i*7%30))
		}
		return all
	}
	for name, c := range map[string]struct {
		log  [][]azurelog.Fragment
		want map[detectors.Time]detectors.Standing // of the guest's calls from there
		mark bool                                  // the network is on the watchlist of a detector that finds much
	}{
		"two": {
			log:  [][]azurelog.Fragment{dailyFrom(2, "a", 1, 3, 10), dailyFrom(2, "b", 1, 3, 20)},
			want: map[detectors.Time]detectors.Standing{at(4, 1, 59): detectors.Foreign, at(4, 2, 0): detectors.Near, at(5, 2, 1): detectors.Usual},
		},
		"two_and_weeks_later": {
			log:  [][]azurelog.Fragment{dailyFrom(2, "a", 1, 3, 10), dailyFrom(2, "b", 1, 3, 20)},
			want: map[detectors.Time]detectors.Standing{at(27, 23, 59): detectors.Near, at(28, 0, 1): detectors.Foreign},
		},
		"a_call_that_says_it_is_later": {
			log:  [][]azurelog.Fragment{dailyFrom(2, "a", 1, 3, 10), dailyFrom(2, "b", 1, 3, 20), {func() azurelog.Fragment { f := visit(at(4, 1, 40), "guest", 1); f.Call.Time = at(4, 2, 10); return f }()}},
			want: map[detectors.Time]detectors.Standing{at(4, 2, 10): detectors.Foreign},
		},
		"a_resident": {
			log:  [][]azurelog.Fragment{daily("a", 1, 3, 10)},
			want: map[detectors.Time]detectors.Standing{at(1, 1, 59): detectors.Foreign, at(1, 2, 0): detectors.Near, at(2, 2, 1): detectors.Usual},
		},
		"one":     {log: [][]azurelog.Fragment{dailyFrom(2, "a", 1, 7, 10)}, want: map[detectors.Time]detectors.Standing{at(8, 12, 1): detectors.Foreign}},
		"refused": {log: [][]azurelog.Fragment{refused(daily("a", 1, 9, 10)), refused(daily("b", 1, 9, 20))}, want: map[detectors.Time]detectors.Standing{at(8, 12, 1): detectors.Foreign}},
		"a_page's_users": {
			log:  [][]azurelog.Fragment{page("a", 10), page("b", 20)},
			want: map[detectors.Time]detectors.Standing{at(20, 12, 1): detectors.Foreign},
		},
		"a_thief's": {
			log:  [][]azurelog.Fragment{daily("a", 1, 9, 10), daily("b", 1, 9, 20)},
			want: map[detectors.Time]detectors.Standing{at(8, 12, 1): detectors.Foreign},
			mark: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			config, p := blind(t)
			config.Detectors = config.Detectors[len(config.Detectors)-1:]
			if c.mark {
				config.Detectors = append(config.Detectors, alarm())
			}
			log := byTime(append(c.log, home, guest(slices.Collect(maps.Keys(c.want))...))...)
			if name == "a_call_that_says_it_is_later" {
				log = byTime(append(c.log, home)...)
			}
			found, _ := replay(t, config, groups([][]byte{fileOf(t, log)}))
			if c.mark && !strings.Contains(found, `"severity":"medium"`) {
				t.Errorf("no incident accuses the network:\n%s", found)
			}
			for at, want := range c.want {
				if got := p.near[key("guest", at)]; got != want {
					t.Errorf("at %v the guest's network is %d, want %d", at, got, want)
				}
			}
		})
	}
}

// alarm is a detector that finds much in every call of two accounts from the first network, from noon on.
func alarm() *detectors.Detector {
	return detectors.New(detectors.Description{ID: "alarm", Title: "Alarm", Severity: detectors.High, Family: detectors.Errors},
		func(before *detectors.Profile, e detectors.Event, _ *struct{}) (detectors.Finding, bool) {
			c, ok := e.(*detectors.Call)
			if !ok || c.From.Prefix != networkOf(1) || c.Time < at(0, 12, 0) || strings.HasSuffix(before.Principal.Resource, "/guest") {
				return detectors.Finding{}, false
			}
			return detectors.Finding{Time: c.Time, Bits: 40, Summary: "alarm", Networks: []detectors.Network{c.From}}, true
		})
}

// offices are ten days of eight accounts, two or three at home in each of four
// networks, whose people call other accounts now and then, in a hurry. A clock
// goes wrong now and then, and records overtake one another.
func offices(r *rand.Rand) (log []azurelog.Fragment) {
	const days = 10
	taken := map[detectors.Time]bool{}
	script := detectors.Client{APIVersion: "2023-03-15-preview"}
	add := func(t detectors.Time, account string, n int, client detectors.Client) {
		for taken[t] {
			t++
		}
		taken[t] = true
		f := visit(t, account, n)
		f.Call.Client = client
		f.Logged += detectors.Time(r.IntN(20)) * detectors.Second
		if r.IntN(400) == 0 {
			f.Logged += detectors.Time(2+r.IntN(5)) * detectors.Hour
			f.Call.Time = f.Logged
		}
		log = append(log, f)
	}
	for a := range 8 {
		account := fmt.Sprint("account", a)
		for hour := range detectors.Time(days * 24) {
			for range 1 + r.IntN(3) {
				add(at(0, hour, detectors.Time(r.IntN(60))), account, a%4, detectors.Client{APIVersion: "2024-10-21"})
			}
			if r.IntN(30) > 0 {
				continue
			}
			n, t := r.IntN(6), at(0, hour, detectors.Time(r.IntN(60)))
			for i := range 20 + r.IntN(60) {
				add(t+detectors.Time(i)*detectors.Second, account, n, script)
			}
		}
	}
	slices.SortStableFunc(log, func(a, b azurelog.Fragment) int { return int(a.Call.Time - b.Call.Time) })
	return log
}

// judgement is what was found, and how near each network was.
type judgement struct {
	Incidents string
	Near      map[string]detectors.Standing
}

func (j *judgement) check(t *testing.T) {
	t.Helper()
	n := map[detectors.Standing]int{}
	for _, s := range j.Near {
		n[s]++
	}
	if n[detectors.Near] < 100 || n[detectors.Foreign] < 100 || j.Incidents == "" {
		t.Fatalf("calls by standing %v and %d bytes of incidents: this test compares too little", n, len(j.Incidents))
	}
}

func TestReplay_knows_premises_however_it_is_run(t *testing.T) {
	log := offices(rand.New(rand.NewPCG(11, 1)))
	files := [][]byte{fileOf(t, log[:len(log)/3]), fileOf(t, log[len(log)/3:])}
	judge := func(t *testing.T, change func(*engine.Config)) judgement {
		c, p := blind(t)
		c.Workers = 1
		change(&c)
		found, _ := replay(t, c, groups(files))
		return judgement{found, p.near}
	}
	want := judge(t, func(*engine.Config) {})
	want.check(t)
	for name, change := range map[string]func(*engine.Config){
		"eight_workers":      func(c *engine.Config) { c.Workers = 8 },
		"odd_commits":        func(c *engine.Config) { c.Workers, c.CommitEvery = 3, 997 },
		"very_small_commits": func(c *engine.Config) { c.CommitEvery = 1 },
		"much_out_of_memory": func(c *engine.Config) { c.Memory, c.CommitEvery, c.Workers = 1, 301, 8 },
		"two_workers":        func(c *engine.Config) { c.Workers = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(t, change)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%.3000s", d)
			}
		})
	}
	t.Run("killed_and_resumed", func(t *testing.T) {
		c, p := blind(t)
		store := &mortal{Memory: engine.NewMemory(), after: 3, durable: true}
		c.Store, c.CommitEvery = store, 1_500
		e, err := engine.New(c)
		if err != nil {
			t.Fatal(err)
		}
		kills := 0
		for err = errKilled; errors.Is(err, errKilled) && kills < 1000; kills++ {
			_, err = e.Replay(t.Context(), groups(files))
		}
		if err != nil || kills < 2 {
			t.Fatalf("after %d kills: %v", kills, err)
		}
		if d := cmp.Diff(want, judgement{lines(t, store), p.near}); d != "" {
			t.Errorf("(-want +got):\n%.3000s", d)
		}
	})
	t.Run("seeded_quietly", func(t *testing.T) {
		near := func(quiet bool) map[string]detectors.Standing {
			c, p := blind(t)
			c.Detectors, c.Quiet = c.Detectors[len(c.Detectors)-1:], quiet
			replay(t, c, groups(files))
			return p.near
		}
		if d := cmp.Diff(near(false), near(true)); d != "" {
			t.Errorf("(-loud +quiet):\n%.3000s", d)
		}
	})
	t.Run("fold", func(t *testing.T) {
		c, p := blind(t)
		e, err := engine.New(c)
		if err != nil {
			t.Fatal(err)
		}
		fold, clock := e.NewFold(), detectors.Time(0)
		for _, f := range onTime(log) {
			clock = max(clock, f.Logged)
			fold.Take(&f, clock)
		}
		replayed, q := blind(t)
		replay(t, replayed, groups([][]byte{fileOf(t, onTime(log))}))
		if d := cmp.Diff(q.near, p.near); d != "" {
			t.Errorf("(-replay +fold):\n%.3000s", d)
		}
	})
}

// onTime is a log without the records of clocks that are wrong, which a Fold has nobody to judge.
func onTime(log []azurelog.Fragment) (all []azurelog.Fragment) {
	clock := detectors.Time(0)
	for _, f := range log {
		if clock == 0 || f.Logged <= clock+detectors.Hour {
			all, clock = append(all, f), max(clock, f.Logged)
		}
	}
	return all
}

// The owners of partitions that are killed know, at their end, what one owner knows.
func TestPartition_knows_premises(t *testing.T) {
	log := offices(rand.New(rand.NewPCG(11, 2)))
	for _, partitions := range []int{1, 3} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(partitions), 3))
			hub, ledger := newUsageHub(partitions), engine.NewInMemory()
			c, p := blind(t)
			c.Memory = 1 << 20
			kills := inSlices(t, r, hub, c, ledger, log)
			if kills < 5 {
				t.Errorf("%d kills: this test compares too little", kills)
			}
			got := judgement{linesOf(t, ledger), p.near}
			got.check(t)

			alone, q := blind(t)
			replayed, _ := replay(t, alone, groups([][]byte{fileOf(t, log)}))
			want := judgement{replayed, q.near}
			if partitions > 1 { // each has a clock of its own
				want.Incidents, got.Incidents = called(t, want.Incidents), called(t, got.Incidents)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("the judgement differs from a replay's of the file (-want +got):\n%.3000s", d)
			}

			other := engine.NewInMemory()
			again, _ := blind(t)
			for i := range hub.logs {
				judge := partition(t, again, engine.PartitionConfig{Log: logID(i), Ledger: other, Reader: hub})
				if err := errors.Join(judge.Take(t.Context(), time.Time{}, hub.logs[i]), judge.Save(t.Context(), time.Time{})); err != nil {
					t.Fatal(err)
				}
				id := logID(i)
				rules, err := engine.RulesOf(t.Context(), ledger, hub, id, int64(len(hub.logs[i])))
				if err != nil {
					t.Fatal(err)
				}
				whole, err := engine.RulesOf(t.Context(), engine.NewInMemory(), hub, id, int64(len(hub.logs[i])))
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(whole.Premises.Stays(), rules.Premises.Stays(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" || len(rules.Premises.Stays()) == 0 {
					t.Errorf("partition %d: %d stays; the log's and the owner's premises differ (-log +owner):\n%s", i, len(rules.Premises.Stays()), d)
				}
			}
			if d := cmp.Diff(linesOf(t, other), linesOf(t, ledger)); d != "" {
				t.Errorf("the incidents differ from the fold's of the log (-want +got):\n%.3000s", d)
			}
		})
	}
}

// inSlices publishes a log half an hour at a time, and has it judged in between by owners that are killed.
func inSlices(t *testing.T, r *rand.Rand, hub *usageHub, c engine.Config, ledger *engine.InMemory, log []azurelog.Fragment) (kills int) {
	t.Helper()
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: len(hub.logs), MessageBytes: 3_000})
	if err != nil {
		t.Fatal(err)
	}
	owners, next, steps := make([]*engine.Partition, len(hub.logs)), make([]int, len(hub.logs)), 0
	judge := func(p int) {
		for next[p] < len(hub.logs[p]) {
			if owners[p] == nil {
				owners[p] = partition(t, c, engine.PartitionConfig{Log: logID(p), Ledger: ledger, Reader: hub, Publisher: hub, Partitions: len(hub.logs)})
			}
			to := min(len(hub.logs[p]), next[p]+1+r.IntN(20))
			steps++
			if err := owners[p].Take(t.Context(), time.Unix(1_800_000_000+int64(steps)*20, 0), hub.logs[p][next[p]:to]); err != nil {
				t.Fatal(err)
			}
			next[p] = to
			if r.IntN(40) == 0 {
				owners[p] = nil
				kills++
			}
		}
	}
	sequence := int64(0)
	for len(log) > 0 {
		n, until := 1, log[0].Call.Time+detectors.Hour/2
		for n < len(log) && log[n].Call.Time < until {
			n++
		}
		event := engine.HubEvent{Sequence: sequence, Body: azurelog.AppendEnvelope(nil, slices.Collect(func(yield func([]byte) bool) {
			for i := range log[:n] {
				if !yield(fileOf(t, log[i:i+1])) {
					return
				}
			}
		})...)}
		if _, err := router.Take(t.Context(), usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, []engine.HubEvent{event}); err != nil {
			t.Fatal(err)
		}
		log, sequence = log[n:], sequence+1
		for range 3 { // what is sighted, and what that makes, comes to others' logs
			for p := range hub.logs {
				judge(p)
			}
		}
	}
	for p := range hub.logs {
		hub.logs[p] = append(hub.logs[p], engine.LogEvent{Sequence: int64(len(hub.logs[p])), Body: usagelog.AppendTick(nil, noon, 0)})
		judge(p)
		if owners[p] == nil {
			continue
		}
		if err := owners[p].Save(t.Context(), time.Unix(1_900_000_000, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return kills
}
