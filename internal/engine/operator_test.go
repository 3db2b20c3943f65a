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
			Detector:  fmt.Sprint("detector-", r.IntN(4)), Family: []detectors.Family{detectors.Place, detectors.Behaviour, detectors.Volume, detectors.Image}[r.IntN(4)], Bits: float64(3 + r.IntN(16)), From: rentedNetwork,
			Client: detectors.Client{APIVersion: fmt.Sprint("2024-0", 1+r.IntN(2))},
		})
	}
	return all
}

func TestHand_is_the_same_in_any_order_and_with_any_repetition(t *testing.T) {
	for seed := range uint64(9) {
		r := rand.New(rand.NewPCG(seed, 1))
		all := drawSightings(r, []int{12, 50, 2_000}[seed%3])
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
		if len(want.hand.used) > 2*mostUsed {
			t.Errorf("seed %d: %d sightings of use are kept, want %d at most", seed, len(want.hand.used), 2*mostUsed)
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

// TestHand_counts_use_to_who_was_touched: who is only used in bulk from there has moved, and is no part of the incident.
func TestHand_counts_use_to_who_was_touched(t *testing.T) {
	const begin = 20_000 * detectors.Day
	see := func(r *resource, minute detectors.Time, account, detector string, family detectors.Family) {
		id := "/subscriptions/s/accounts/" + account
		r.see(&detectors.Sighting{
			Time: begin + minute*detectors.Minute, Principal: detectors.Principal{Kind: detectors.AccountKey, ID: id, Resource: id},
			Detector: detector, Family: family, Bits: 6, From: rentedNetwork,
		}, 0)
	}
	t.Run("then_used", func(t *testing.T) {
		r := network()
		see(r, 1, "moved", "volume-surge", detectors.Volume)
		see(r, 1, "b", "image-burst", detectors.Image)
		if found := r.takeJoint(); len(found) != 0 {
			t.Fatalf("use alone makes %v", found)
		}
		see(r, 3, "a", "key-check", detectors.Behaviour)
		see(r, 67, "b", "key-check", detectors.Behaviour)
		before := r.takeJoint()
		see(r, 67, "b", "image-burst", detectors.Image) // by the same call
		see(r, 90, "moved", "image-burst", detectors.Image)
		after := r.takeJoint()
		if len(before) != 1 || len(after) != 1 {
			t.Fatalf("%d incidents, then %d, want one", len(before), len(after))
		}
		if i := after[0]; len(i.Principals) != 2 || i.Risk <= before[0].Risk || i.FirstSeen != begin+3*detectors.Minute || i.LastSeen != begin+67*detectors.Minute {
			t.Errorf("%d principals, risk %v after %v, from %v to %v", len(i.Principals), i.Risk, before[0].Risk, i.FirstSeen, i.LastSeen)
		}
	})
	t.Run("moves_hide_nothing", func(t *testing.T) {
		r := network()
		for i := range 300 {
			see(r, 1, fmt.Sprint("moved-", i), "volume-surge", detectors.Volume)
		}
		see(r, 3, "a", "key-check", detectors.Behaviour)
		see(r, 5, "b", "key-check", detectors.Behaviour)
		if found := r.takeJoint(); len(found) != 1 || len(found[0].Principals) != 2 {
			t.Errorf("found %v", found)
		}
	})
}

// drawHomes are sightings of principals at home in the network over some weeks: of many on one day, and of few later.
func drawHomes(r *rand.Rand, n int) (all []detectors.Sighting) {
	for range n {
		id := fmt.Sprint("/subscriptions/s/accounts/", r.IntN(1+r.IntN(60)))
		all = append(all, detectors.Sighting{
			Time:      20_000*detectors.Day + detectors.Time(r.IntN(20_000))*detectors.Minute,
			Principal: detectors.Principal{Kind: detectors.AccountKey, ID: id, Resource: id},
			Detector:  []string{detectors.AtHome, detectors.AtHome, detectors.AtHome, detectors.Resident}[r.IntN(4)], From: detectors.Network{Prefix: rentedNetwork.Prefix},
		})
	}
	return all
}

func TestHand_tells_the_same_premises_in_any_order_and_with_any_repetition(t *testing.T) {
	told := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		all := drawHomes(r, []int{2, 5, 50, 1_000}[seed%4])
		var want *detectors.Premises
		for round := range 4 {
			order := slices.Clone(all)
			if round == 0 {
				slices.SortFunc(order, func(a, b detectors.Sighting) int { return a.Compare(&b) })
			} else { // none is later than a week
				order = append(order, all[:len(all)/2]...)
				late := map[*detectors.Sighting]detectors.Time{}
				queue := make([]*detectors.Sighting, len(order))
				for i := range order {
					queue[i] = &order[i]
					late[queue[i]] = order[i].Time + detectors.Time(r.Int64N(int64(week)))
				}
				slices.SortFunc(queue, func(a, b *detectors.Sighting) int { return int(late[a] - late[b]) })
				shuffled := make([]detectors.Sighting, len(queue))
				for i, s := range queue {
					shuffled[i] = *s
				}
				order = shuffled
			}
			got := network()
			var premises *detectors.Premises
			for i := range order {
				got.see(&order[i], 0)
				premises, got.stays = premises.With(got.stays...), nil
				if r.IntN(10) == 0 { // saved and restored
					data := got.hand.encode()
					got.hand = &hand{}
					if err := got.hand.restore(data); err != nil {
						t.Fatal(err)
					}
				}
			}
			if n := len(got.hand.home); n > 3*mostHome {
				t.Errorf("seed %d: %d sightings are kept, want %d at most", seed, n, 3*mostHome)
			}
			if joint := got.takeJoint(); len(joint) > 0 {
				t.Errorf("seed %d: those who are at home are an operator's: %v", seed, joint)
			}
			if round == 0 {
				want = premises
				told += len(want.Stays())
				continue
			}
			if !slices.Equal(want.Stays(), premises.Stays()) {
				t.Errorf("seed %d: premises %v, want %v", seed, premises.Stays(), want.Stays())
			}
		}
	}
	if told < 30 {
		t.Errorf("premises in %d seeds: this test compares too little", told)
	}
}

func TestHand_is_premises_of_two(t *testing.T) {
	const start = 20_000 * detectors.Day / week * week
	r := network()
	see := func(account string, at detectors.Time) []detectors.Stay {
		r.stays = nil
		r.see(&detectors.Sighting{Time: at, Principal: detectors.Principal{Kind: detectors.AccountKey, ID: account, Resource: account}, Detector: detectors.AtHome, From: rentedNetwork}, 0)
		return r.stays
	}
	stay := func(since, until detectors.Time) []detectors.Stay {
		return []detectors.Stay{{Network: rentedNetwork.Prefix, Since: since, Until: until}}
	}
	for i, step := range []struct {
		account string
		at      detectors.Time
		want    []detectors.Stay
	}{
		{"a", start + 3*detectors.Day + 90*detectors.Minute, nil},
		{"a", start + 4*detectors.Day, nil},
		{"a", start + week, nil}, // alone
		{"b", start + week + 2*detectors.Day + 90*detectors.Minute, stay(start+week+2*detectors.Day+3*detectors.Hour, start+5*week)},
		{"b", start + week + 3*detectors.Day, nil}, // known
		{"c", start + week + detectors.Hour, stay(start+week+3*detectors.Hour, start+5*week)},
		{"c", start + 2*week, stay(start+week+3*detectors.Hour, start+6*week)},
		{"c", start + 5*week, nil},                                                  // alone
		{"a", start + 7*week, nil},                                                  // two weeks after c
		{"b", start + 7*week - 1, stay(start+7*week+detectors.Hour, start+11*week)}, // between both
		{"d", start + 4*week, nil},                                                  // too late
	} {
		if got := see(step.account, step.at); !slices.Equal(got, step.want) {
			t.Errorf("step %d: told %v, want %v", i, got, step.want)
		}
	}
}

// TestHand_is_premises_of_a_resident: who has been there since the watch began needs no second one.
func TestHand_is_premises_of_a_resident(t *testing.T) {
	const start = 20_000 * detectors.Day / week * week
	r := network()
	r.see(&detectors.Sighting{
		Time: start + detectors.Day + 90*detectors.Minute, Principal: detectors.Principal{Kind: detectors.AccountKey, ID: "a", Resource: "a"},
		Detector: detectors.Resident, From: rentedNetwork,
	}, 0)
	want := []detectors.Stay{{Network: rentedNetwork.Prefix, Since: start + detectors.Day + 3*detectors.Hour, Until: start + 4*week}}
	if !slices.Equal(r.stays, want) {
		t.Errorf("told %v, want %v", r.stays, want)
	}
	if joint := r.takeJoint(); len(joint) > 0 {
		t.Errorf("a resident is an operator's: %v", joint)
	}
}

// TestHand_is_no_premises_of_one: neither of the callers of one resource, nor of one identity on several.
func TestHand_is_no_premises_of_one(t *testing.T) {
	r := network()
	for i, p := range []detectors.Principal{
		{Kind: detectors.AccountKey, ID: "a", Resource: "a"},
		{Kind: detectors.EntraObject, ID: "x", Resource: "a"},
		{Kind: detectors.EntraObject, ID: "x", Resource: "b"},
	} {
		want := 0
		if i == 2 { // the key of a and x on b are two
			want = 1
		}
		r.see(&detectors.Sighting{Time: detectors.Time(20_000+i) * detectors.Day, Principal: p, Detector: detectors.AtHome, From: rentedNetwork}, 0)
		if len(r.stays) != want {
			t.Errorf("sighting %d: told %v, want %d", i, r.stays, want)
		}
	}
}

// TestHand_keeps_what_was_done_beside_who_is_at_home: neither crowds the other out, and an operator's incident is what it was.
func TestHand_keeps_what_was_done_beside_who_is_at_home(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 2))
	done, homes := drawSightings(r, 2_000), drawHomes(r, 2_000)
	alone, at, both := network(), network(), network()
	for i := range done {
		alone.see(&done[i], 0)
		at.see(&homes[i], 0)
		both.see(&done[i], 0)
		both.see(&homes[i], 0)
	}
	if !slices.Equal(alone.hand.seen, both.hand.seen) || !slices.Equal(at.hand.home, both.hand.home) {
		t.Error("together other sightings are kept than alone")
	}
	documents := func(r *resource) (all []string) {
		for _, i := range r.takeJoint() {
			document, err := i.MarshalDocument()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(document))
		}
		slices.Sort(all)
		return all
	}
	want := documents(alone)
	if d := cmp.Diff(want, documents(both)); d != "" || len(want) == 0 {
		t.Errorf("%d incidents; with those who are at home they differ (-want +got):\n%s", len(want), d)
	}
}
