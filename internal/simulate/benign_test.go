package simulate

import (
	"slices"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// lookalikes are the kinds of Lookalike.
var lookalikes = []string{
	"batch-doubled", "bulk-job", "deployment-missing", "guest", "hello", "key-test", "listing", "load-test", "marketing-day", "migration", "model-trial", "new-node", "newcomer",
	"office-moved", "office-new-egress", "other-region", "outage", "private-vpn", "redeployed", "retired", "trip",
}

// decade is ten days of as many principals as detectors are calibrated on.
var decade = Options{Seed: 7, Days: 10, Principals: 240}

func TestBenign(t *testing.T) {
	categories := map[azurelog.Category]int{}
	statuses := map[int]int{}
	classes := map[detectors.Class]int{}
	arrivals := arrivals{map[detectors.Principal]map[detectors.Time]float64{}, map[azurelog.Correlation]bool{}}
	truth := run(t, decade, func(d *Delivery) {
		arrivals.take(d)
		categories[d.Fragment.Category]++
		if d.Fragment.Act == nil {
			statuses[d.Fragment.Call.Status]++
			classes[d.Fragment.Call.Class]++
		}
	})
	t.Run("everything_occurs", func(t *testing.T) { testOccurs(t, truth, categories, statuses, classes) })
	t.Run("arrivals_like_the_traces", func(t *testing.T) { arrivals.test(t, truth) })
}

func testOccurs(t *testing.T, truth Truth, categories map[azurelog.Category]int, statuses map[int]int, classes map[detectors.Class]int) {
	if each := truth.Calls / decade.Principals; each < 1_700 || each > 3_400 {
		t.Errorf("%d calls of each principal, want 1,700 to 3,400", each)
	}
	archetypes, kinds, countries, found := map[string]int{}, map[detectors.PrincipalKind]int{}, map[string]int{}, map[string]int{}
	for _, p := range truth.Principals {
		archetypes[p.Archetype]++
		kinds[p.Principal.Kind]++
		countries[p.Country]++
	}
	for _, l := range truth.Lookalikes {
		found[l.Kind]++
	}
	missing(t, "archetype", Archetypes(), archetypes)
	missing(t, "look-alike", lookalikes, found)
	missing(t, "principal kind", []detectors.PrincipalKind{detectors.AccountKey, detectors.APIMSubscription, detectors.EntraObject}, kinds)
	missing(t, "country", homes, countries)
	missing(t, "category", []azurelog.Category{azurelog.RequestResponse, azurelog.RequestUsage, azurelog.Audit, azurelog.GatewayLogs, azurelog.GatewayLlmLogs, azurelog.GatewayEvent, azurelog.Administrative}, categories)
	missing(t, "status", []int{200, 400, 404, 429, 500, 503}, statuses)
	missing(t, "class", []detectors.Class{detectors.ClassChat, detectors.ClassEmbedding, detectors.ClassImage, detectors.ClassAudio, detectors.ClassListing}, classes)
}

// missing reports what of all is not among found; an empty list of all is an error too.
func missing[K comparable](t *testing.T, what string, all []K, found map[K]int) {
	t.Helper()
	if len(all) == 0 {
		t.Errorf("no %s is looked for", what)
	}
	for _, k := range all {
		if found[k] == 0 {
			t.Errorf("no %s %v occurs", what, k)
		}
	}
	for k := range found {
		if what == "look-alike" && !slices.Contains(all, k) {
			t.Errorf("%s %v occurs and is not looked for", what, k)
		}
	}
}

// arrivals are ten-minute counts of calls.
type arrivals struct {
	counts map[detectors.Principal]map[detectors.Time]float64
	seen   map[azurelog.Correlation]bool
}

func (a *arrivals) take(d *Delivery) {
	who, ok := principalOf(&d.Fragment)
	if !ok || a.seen[d.Fragment.Correlation] {
		return
	}
	a.seen[d.Fragment.Correlation] = true
	if a.counts[who] == nil {
		a.counts[who] = map[detectors.Time]float64{}
	}
	a.counts[who][d.Fragment.Call.Time/window]++
}

// test compares them with those of the ServeGen clients, half of which have
// nothing in 59 to 93 % of their windows (by model), and a variance of 1.5 to
// 140 times the squared mean.
func (a *arrivals) test(t *testing.T, truth Truth) {
	var empty, dispersion []float64
	for _, p := range truth.Principals {
		sum, squares := 0.0, 0.0
		for _, n := range a.counts[p.Principal] {
			sum, squares = sum+n, squares+n*n
		}
		windows := float64(decade.Days) * 144
		mean := sum / windows
		empty = append(empty, 1-float64(len(a.counts[p.Principal]))/windows)
		dispersion = append(dispersion, (squares/windows-mean*mean)/max(mean*mean, 1e-9))
	}
	slices.Sort(empty)
	slices.Sort(dispersion)
	if median := empty[len(empty)/2]; median < .59 || median > .93 {
		t.Errorf("the median principal has nothing in %.0f %% of its windows, want 59 to 93 %%", 100*median)
	}
	if low, high := dispersion[len(dispersion)/4], dispersion[len(dispersion)*3/4]; low < 1.5 || high > 140 {
		t.Errorf("variance over squared mean is %.1f to %.1f between the quartiles, want within 1.5 to 140", low, high)
	}
}

func TestBenign_delivery(t *testing.T) {
	o := Options{Seed: 9, Days: 8, Principals: 50, LateMax: 30 * time.Minute}
	copies := map[azurelog.Correlation]int{}
	accounts := map[azurelog.Correlation]bool{}
	var rows, late, twins, again int
	var last detectors.Time
	partitions := map[int]int{}
	run(t, o, func(d *Delivery) {
		if d.At < last {
			t.Fatalf("delivery at %v after one at %v", d.At, last)
		}
		last = d.At
		delay := d.At - d.Fragment.Logged
		if delay < 3*detectors.Minute || delay > 75*detectors.Minute {
			t.Fatalf("%v after it was logged", time.Duration(delay)*time.Millisecond)
		}
		partitions[d.Partition]++
		if d.Fragment.Category != azurelog.RequestResponse {
			return
		}
		if d.Fragment.NearEmpty {
			twins++
			return
		}
		rows++
		if delay > 11*detectors.Minute {
			late++
		}
		if copies[d.Fragment.Correlation]++; copies[d.Fragment.Correlation] > 1 {
			again++
		}
		accounts[d.Fragment.Correlation] = true
	})
	calls := float64(len(accounts))
	near := func(what string, got, want float64) {
		t.Helper()
		if got < .8*want || got > 1.2*want {
			t.Errorf("%s: %.4f of the rows, want %.4f", what, got, want)
		}
	}
	near("late", float64(late)/float64(rows), .02*29/30+.005*.5) // those up to 30 minutes later, and some second copies
	near("delivered again", float64(again)/calls, .005*1.1)
	near("twins", float64(twins)/calls, .3)
	if len(partitions) != 4 {
		t.Errorf("%d partitions, want 4", len(partitions))
	}
	t.Run("none", func(t *testing.T) {
		o.Disorder, o.Duplicates, o.TwinShare, o.UsageShare = -1, -1, -1, -1
		seen := map[azurelog.Correlation]int{}
		run(t, o, func(d *Delivery) {
			if d.Fragment.Category == azurelog.RequestUsage {
				t.Fatalf("%v among rows that should have no usage", d.Fragment)
			}
			if d.Fragment.Category == azurelog.RequestResponse {
				seen[d.Fragment.Correlation]++
			}
		})
		for id, n := range seen {
			if n > 1 {
				t.Fatalf("%x was delivered %d times", id, n)
			}
		}
	})
}

func TestBenign_mix(t *testing.T) {
	mix := map[string]float64{}
	for _, name := range Archetypes() {
		mix[name] = 0
	}
	mix["backend"] = 1
	for _, p := range run(t, Options{Days: 1, Principals: 40, Mix: mix}, func(*Delivery) {}).Principals {
		if p.Archetype != "backend" {
			t.Errorf("%v is a %s", p.Principal, p.Archetype)
		}
	}
}

func TestBenign_churn(t *testing.T) {
	changes := func(churn float64) int {
		return len(run(t, Options{Days: 10, Principals: 40, Churn: churn}, func(*Delivery) {}).Lookalikes)
	}
	if few, usual, many := changes(.1), changes(1), changes(5); few >= usual || usual >= many {
		t.Errorf("%d, %d and %d changes at churn 0.1, 1 and 5, want ascending", few, usual, many)
	}
}
