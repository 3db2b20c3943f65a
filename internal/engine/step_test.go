package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// What a router and then a partition report adds up to what went through them.
func TestStep_of_router_and_partition(t *testing.T) {
	hub := newUsageHub(1)
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: hub, Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	arrived := noon + 3*detectors.Minute
	events := []engine.HubEvent{
		{Sequence: 4, Enqueued: arrived - detectors.Second, Body: azurelog.AppendEnvelope(nil, record(noon, 1), record(noon, 2), []byte(`{"time":`))},
		{Sequence: 5, Enqueued: arrived, Body: azurelog.AppendEnvelope(nil, record(noon, 1), []byte(`{"category":"Unheard","time":"2026-01-01T00:00:00Z"}`))},
	}
	done, err := router.Take(t.Context(), usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}, events)
	if err != nil {
		t.Fatal(err)
	}
	s := done.Step(arrived+detectors.Second, events)
	if s.Sequence != 5 || s.Events != 2 || s.Records != 3 || s.Poison != 1 || s.Enqueued != arrived || s.Logged == 0 ||
		s.Bytes != int64(len(events[0].Body)+len(events[1].Body)) || s.Counts.UnknownCategories["Unheard"] != 1 {
		t.Errorf("step of the router %+v", s)
	}
	p := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: engine.NewInMemory(), Reader: hub})
	before := p.Status()
	if err := p.Take(t.Context(), time.Unix(1_800_000_000, 0), hub.logs[0]); err != nil {
		t.Fatal(err)
	}
	after := p.Status()
	s = after.Step(&before, arrived+2*detectors.Second, arrived, hub.logs[0])
	if s.Sequence != 0 || s.Events != 1 || s.Calls != 2 || s.Records != 3 || s.Duplicates != 1 || s.Logged == 0 {
		t.Errorf("step of the partition %+v", s)
	}
	again := after.Step(&after, arrived, arrived, nil)
	if again.Calls != 0 || again.Records != 0 || again.Poison != 0 {
		t.Errorf("a step of nothing %+v", again)
	}
	for id, w := range p.Resources() {
		if w.Last == 0 || w.Principals != 1 {
			t.Errorf("%s: %+v", id, w)
		}
	}
	if len(p.Resources()) != 1 {
		t.Errorf("%d resources", len(p.Resources()))
	}
}

func TestLive_Resources(t *testing.T) {
	l := live(t, config(t))
	if met := l.Resources(); len(met) > 0 {
		t.Errorf("before the first event: %v", met)
	}
	file := slices.Concat(town(t, 3, 1_000_000)...)
	feed(t, rand.New(rand.NewPCG(1, 1)), l, delivered(rand.New(rand.NewPCG(2, 2)), file, 50), never)
	met := l.Resources()
	if len(met) == 0 {
		t.Fatal("no resource was met")
	}
	for id, w := range met {
		if acts := strings.HasSuffix(id, "-gw"); id == "" || w.Last == 0 || w.Principals == 0 && !acts {
			t.Errorf("%q: %+v", id, w)
		}
	}
}

// A dead letter tells where a record is and nothing of what it says.
func TestDeadLettersOf(t *testing.T) {
	const secret = "s3cretHunter"
	router, err := engine.NewRouter(engine.RouterConfig{Publisher: newUsageHub(1), Partitions: 1})
	if err != nil {
		t.Fatal(err)
	}
	source := usagelog.Source{Hub: "ns/diagnostics/1", Partition: "0"}
	broken := []byte(`{"time":"` + secret + `","api-key":"` + secret + `" ` + secret + `}`)
	events := []engine.HubEvent{
		{Sequence: 4, Enqueued: noon, Body: azurelog.AppendEnvelope(nil, record(noon, 1), broken, broken)},
		{Sequence: 9, Enqueued: noon, Body: record(noon+20*detectors.Day, 2)},
	}
	letters := func() []engine.DeadLetter {
		done, err := router.Take(t.Context(), source, events)
		if err != nil {
			t.Fatal(err)
		}
		return engine.DeadLettersOf(source, noon, done.Poison)
	}
	all := letters()
	if len(all) != 3 {
		t.Fatalf("%d letters, want 3: %+v", len(all), all)
	}
	ids := map[string]bool{}
	for i, d := range all {
		ids[d.ID()] = true
		if again := letters()[i]; again.ID() != d.ID() {
			t.Error("delivered again, the letter has another id")
		}
		if d.Hub != source.Hub || d.Partition != source.Partition || d.Error == "" || d.Found != noon {
			t.Errorf("%+v", d)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), secret) || strings.Contains(string(text), hex.EncodeToString([]byte(secret))) {
			t.Errorf("it tells of the record: %s", text)
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d ids of 3 letters", len(ids))
	}
	sum := sha256.Sum256(broken)
	if d := all[0]; d.Sequence != 4 || d.Ordinal != 1 || d.Length != int64(len(broken)) || d.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("a record that could not be read %+v", d)
	}
	if d := all[2]; d.Sequence != 9 || d.SHA256 != "" || d.Length != 0 {
		t.Errorf("a record that could be read %+v", d)
	}
}
