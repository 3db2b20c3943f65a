package engine

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/operator"
	"github.com/keywarden/keywarden/internal/incident"
)

var rentedNetwork = detectors.Network{Prefix: netip.MustParsePrefix("203.0.113.0/24"), Kind: detectors.Hosting}

// network is the state of one of which nothing was seen.
func network() *resource {
	w := &worker{run: &run{Engine: &Engine{Config{Detectors: []*detectors.Detector{operator.Detector}}}}, resources: map[string]*resource{}}
	return newResource(w, routeOf(rentedNetwork.Prefix))
}

// drawSightings are sightings of a few principals over some weeks, more than are kept of one.
func drawSightings(r *rand.Rand, n int) (all []detectors.Sighting) {
	for range n {
		id := fmt.Sprint("/subscriptions/s/accounts/", r.IntN(40))
		all = append(all, detectors.Sighting{
			Time:      20_000*detectors.Day + detectors.Time(r.IntN(10_000))*detectors.Minute,
			Principal: detectors.Principal{Kind: detectors.AccountKey, ID: id, Resource: id},
			Detector:  fmt.Sprint("detector-", r.IntN(4)), Bits: float64(3 + r.IntN(16)), From: rentedNetwork,
			Client: detectors.Client{APIVersion: fmt.Sprint("2024-0", 1+r.IntN(2))},
		})
	}
	return all
}

func TestHand_is_the_same_in_any_order_and_with_any_repetition(t *testing.T) {
	for seed := range uint64(9) {
		r := rand.New(rand.NewPCG(seed, 1))
		all := drawSightings(r, []int{5, 50, 2_000}[seed%3])
		var want, got *resource
		for _, order := range [][]detectors.Sighting{all, append(slices.Clone(all), all[:len(all)/2]...)} {
			order = slices.Clone(order)
			r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			got = network()
			for i := range order {
				got.see(&order[i], 0)
				if r.IntN(10) == 0 { // saved and restored
					data := got.hand.encode()
					got.hand = &hand{changed: got.hand.changed}
					if err := got.hand.restore(data); err != nil {
						t.Fatal(err)
					}
				}
			}
			if want == nil {
				want = got
			}
		}
		if len(want.hand.seen) > 2*mostSeen {
			t.Errorf("seed %d: %d sightings are kept, want %d at most", seed, len(want.hand.seen), 2*mostSeen)
		}
		if !bytes.Equal(want.hand.encode(), got.hand.encode()) {
			t.Errorf("seed %d: the sets differ (-want +got):\n%s", seed, cmp.Diff(want.hand.seen, got.hand.seen, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })))
		}
		wanted, found := want.takeJoint(), got.takeJoint()
		slices.SortFunc(wanted, incident.Compare)
		slices.SortFunc(found, incident.Compare)
		if len(wanted) == 0 {
			t.Errorf("seed %d: no incident", seed)
		}
		if d := cmp.Diff(wanted, found, cmp.Comparer(func(a, b *incident.Incident) bool {
			x, _ := a.MarshalDocument()
			y, _ := b.MarshalDocument()
			return bytes.Equal(x, y)
		})); d != "" {
			t.Errorf("seed %d: the incidents differ (-want +got):\n%s", seed, d)
		}
	}
}

// TestHand_knows_what_was_done_at_once: a listing of days ago does not hide the one of a harvest.
func TestHand_knows_what_was_done_at_once(t *testing.T) {
	r := network()
	list := func(day, minute detectors.Time, account string) {
		id := "/subscriptions/s/accounts/" + account
		r.see(&detectors.Sighting{
			Time: 20_000*detectors.Day + day*detectors.Day + minute*detectors.Minute, Principal: detectors.Principal{Kind: detectors.ResourcePrincipal, ID: id, Resource: id},
			Detector: "key-listed", Family: detectors.ControlPlane, Bits: 6, From: rentedNetwork,
		}, 0)
	}
	for day, account := range []string{"a", "b", "c"} {
		list(detectors.Time(day), 0, account)
	}
	if found := r.takeJoint(); len(found) != 0 {
		t.Fatalf("listings of three days make %v", found)
	}
	for minute, account := range []string{"a", "b", "c"} {
		list(3, detectors.Time(minute), account)
	}
	if found := r.takeJoint(); len(found) != 1 || found[0].Severity < detectors.Medium {
		t.Errorf("a harvest makes %+v", found)
	}
}

func TestHand_makes_an_incident_of_all_that_were_touched(t *testing.T) {
	r := network()
	touch := func(minute detectors.Time, account string) {
		id := "/subscriptions/s/accounts/" + account
		r.see(&detectors.Sighting{
			Time: 20_000*detectors.Day + minute*detectors.Minute, Principal: detectors.Principal{Kind: detectors.AccountKey, ID: id, Resource: id},
			Detector: "key-check", Family: detectors.Errors, Bits: 6, From: rentedNetwork,
		}, 0)
	}
	touch(1, "a")
	touch(2, "a")
	if found := r.takeJoint(); len(found) != 0 {
		t.Fatalf("one principal alone makes %v", found)
	}
	touch(3, "b")
	touch(9, "c")
	found := r.takeJoint()
	if len(found) != 1 {
		t.Fatalf("%d incidents, want 1", len(found))
	}
	i := found[0]
	if i.Principal.Kind != detectors.Operator || i.Principal.Resource != "" || len(i.Principals) != 3 || i.Severity != detectors.Medium ||
		i.FirstSeen != 20_000*detectors.Day+detectors.Minute || i.OpenedAt != 20_000*detectors.Day+3*detectors.Minute || i.Title != "One operator on 3 principals at work from a new hosting network" {
		t.Errorf("got %+v", i)
	}
	if again := r.takeJoint(); len(again) != 0 {
		t.Errorf("unchanged, it is taken again: %v", again)
	}
}
