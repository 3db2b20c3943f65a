package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// judged are the incidents of a log that one owner judges in batches, with
// something said before some of its events.
func judged(t *testing.T, hub *usageHub, said map[int]*detectors.Command) (list []*incident.Incident, status engine.PartitionStatus) {
	t.Helper()
	with := newUsageHub(1)
	for i, e := range hub.logs[0] {
		if c := said[i]; c != nil {
			with.say(t, c)
		}
		e.Sequence = int64(len(with.logs[0]))
		with.logs[0] = append(with.logs[0], e)
	}
	ledger := engine.NewInMemory()
	p := partition(t, config(t), engine.PartitionConfig{Log: logID(0), Ledger: ledger, Reader: with})
	if err := p.Take(t.Context(), time.Time{}, with.logs[0]); err != nil {
		t.Fatal(err)
	}
	if err := p.Save(t.Context(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	list, err := ledger.Incidents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list, p.Status()
}

// worst is the incident of the highest risk.
func worst(list []*incident.Incident) *incident.Incident {
	var found *incident.Incident
	for _, i := range list {
		if found == nil || i.Risk > found.Risk {
			found = i
		}
	}
	return found
}

func TestCommand_changes_what_is_judged(t *testing.T) {
	hub := newUsageHub(1)
	routed(t, rand.New(rand.NewPCG(1, 9)), hub, bytes.Join(town(t, 1, 1_000_000), nil), 1)
	list, before := judged(t, hub, nil)
	stolen := worst(list)
	if stolen == nil || stolen.Severity < detectors.High {
		t.Fatalf("the worst incident is %+v: this test changes nothing", stolen)
	}
	until := noon + 30*detectors.Day

	t.Run("an_exception_of_the_principal_leaves_nothing", func(t *testing.T) {
		x := detectors.Exception{ID: "x", Principal: &stolen.Principal, Owner: "o", Reason: "r", Expires: until}
		after, status := judged(t, hub, map[int]*detectors.Command{0: {Exception: &x}})
		for _, i := range after {
			if i.Principal == stolen.Principal {
				t.Errorf("incident %q", i.Title)
			}
		}
		if status.Exempt == 0 || status.Findings >= before.Findings || status.Calls != before.Calls {
			t.Errorf("%d events exempt, %d findings of %d calls; without it %d of %d", status.Exempt, status.Findings, status.Calls, before.Findings, before.Calls)
		}
	})
	t.Run("an_exception_of_a_detector_leaves_the_others", func(t *testing.T) {
		x := detectors.Exception{ID: "x", Resource: "/subscriptions", Detectors: []string{"image-burst"}, Owner: "o", Reason: "r", Expires: until}
		after, _ := judged(t, hub, map[int]*detectors.Command{0: {Exception: &x}})
		found := 0
		for _, i := range after {
			for _, f := range i.Findings {
				if f.Detector == "image-burst" {
					t.Errorf("image-burst finds %q", f.Summary)
				}
				found++
			}
		}
		if found == 0 {
			t.Error("nothing is found at all")
		}
	})
	t.Run("revoked_or_expired_it_is_as_if_never_said", func(t *testing.T) {
		x := detectors.Exception{ID: "x", Principal: &stolen.Principal, Owner: "o", Reason: "r", Expires: until}
		revoked, _ := judged(t, hub, map[int]*detectors.Command{0: {Exception: &x}, 1: {Revoke: "x"}})
		if d := cmp.Diff(marshal(t, list), marshal(t, revoked)); d != "" {
			t.Error(d)
		}
		x.Expires = noon + 1 // the calls of the log come later
		expired, _ := judged(t, hub, map[int]*detectors.Command{0: {Exception: &x}})
		if d := cmp.Diff(marshal(t, list), marshal(t, expired)); d != "" {
			t.Error(d)
		}
	})
	verdict := detectors.Verdict{Incident: stolen.ID, Principal: stolen.Principal, Since: stolen.FirstSeen}
	for _, e := range stolen.Evidence {
		for _, n := range e.Strongest.Networks {
			verdict.Networks = append(verdict.Networks, netip.MustParsePrefix(n.Prefix))
		}
	}
	if len(verdict.Networks) == 0 {
		t.Fatal("the incident accuses no network")
	}
	at := sort.Search(len(hub.logs[0]), func(n int) bool { return opened(t, hub, n, stolen.ID) })
	// What the detectors say against new networks from the verdict on.
	strangers := func(value string) (findings int) {
		v := verdict
		v.Value = value
		after, _ := judged(t, hub, map[int]*detectors.Command{at: {Verdict: &v}})
		for _, i := range after {
			for _, f := range i.Findings {
				if i.Principal == stolen.Principal && (f.Detector == "new-network" || f.Detector == "volume-surge") {
					findings += f.Count
				}
			}
			if i.Principal == stolen.Principal && i.ID != stolen.ID && i.FirstSeen > stolen.OpenedAt && i.Severity >= detectors.Medium && value == detectors.VerdictBenign {
				t.Errorf("%q begins after its principal was found to be benign", i.Title)
			}
		}
		return findings
	}
	benign, guilty := strangers(detectors.VerdictBenign), strangers(detectors.VerdictTruePositive)
	if benign >= guilty {
		t.Errorf("%d findings against new networks after a benign verdict, %d after a true positive: want fewer", benign, guilty)
	}
}

// opened reports whether an incident stands before event n of the log.
func opened(t *testing.T, hub *usageHub, n int, id string) bool {
	t.Helper()
	part := newUsageHub(1)
	part.logs[0] = hub.logs[0][:n]
	list, _ := judged(t, part, nil)
	for _, i := range list {
		if i.ID == id && i.Severity >= detectors.Medium {
			return true
		}
	}
	return false
}

func marshal(t *testing.T, list []*incident.Incident) string {
	t.Helper()
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLive_Command(t *testing.T) {
	c := config(t)
	l := live(t, c)
	said := detectors.Command{Time: noon, By: "a", Decoy: &detectors.Decoy{ID: "d", Owner: "o", Principal: detectors.Principal{Kind: detectors.AccountKey, ID: "r", Resource: "r"}}}
	if err := l.Command(t.Context(), &said); err != nil {
		t.Fatal(err)
	}
	log, err := c.Store.Log(context.Background())
	if err != nil || len(log.Rules.Decoys) != 1 {
		t.Errorf("rules %+v, %v: want the decoy", log.Rules, err)
	}
	if err := l.Command(t.Context(), &detectors.Command{Time: noon, By: "a"}); err == nil || !strings.Contains(err.Error(), "0 things") {
		t.Errorf("error %v of a command that says nothing", err)
	}
	if err := l.Command(t.Context(), &detectors.Command{Time: noon, By: "a", Revoke: "d"}); err != nil {
		t.Fatal(err)
	}
	if log, err := c.Store.Log(t.Context()); err != nil || len(log.Rules.Decoys) != 0 {
		t.Errorf("rules %+v, %v after the decoy was revoked", log.Rules, err)
	}
}
