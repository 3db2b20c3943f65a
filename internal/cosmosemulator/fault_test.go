package cosmosemulator_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// creates accepts the making of items.
func creates(o cosmosemulator.Operation) bool { return o.Resource == "docs" && o.Kind == "Create" }

func TestFault_statuses(t *testing.T) {
	tests := []struct {
		fault cosmosemulator.Fault
		want  string
	}{
		{cosmosemulator.Throttled(1500 * time.Millisecond), "429/3200"},
		{cosmosemulator.PartitionGone(), "410/1002"},
		{cosmosemulator.Fault{Status: 449}, "449/"},
		{cosmosemulator.Fault{Status: 503}, "503/"},
		{cosmosemulator.Fault{Status: 410, SubStatus: 1008}, "410/1008"},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint("status_", test.fault.Status, "_", test.fault.SubStatus), func(t *testing.T) {
			script := &cosmosemulator.Script{When: creates, Faults: []cosmosemulator.Fault{test.fault}}
			a := newAccount(t, cosmosemulator.Config{Faults: script})
			c := a.container(t, byPK("c"))
			_, err := c.CreateItem(t.Context(), pk("p"), item("1", "p"), nil)
			if got := fmt.Sprintf("%d/%s", status(err), subStatus(err)); got != test.want {
				t.Fatalf("%s (%v), want %s", got, err, test.want)
			}
			if read(t, c, "1", "p") != nil {
				t.Error("it was done")
			}
			create(t, c, "1", "p")
			if script.Left() != 0 {
				t.Errorf("%d faults are left", script.Left())
			}
		})
	}
}

func TestFault_retry_after_is_waited_for(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, cosmosemulator.Config{Faults: &cosmosemulator.Script{When: creates,
			Faults: []cosmosemulator.Fault{cosmosemulator.Throttled(7 * time.Second), cosmosemulator.Throttled(7 * time.Second)}}})
		a.container(t, byPK("c"))
		credential, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
		if err != nil {
			t.Fatal(err)
		}
		o := options(&http.Client{Transport: a.Transport()})
		o.Retry = policy.RetryOptions{MaxRetries: 3}
		client, err := azcosmos.NewClientWithKey(a.endpoint, credential, o)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		c, err := client.NewContainer("db", "c")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		create(t, c, "1", "p")
		if waited := time.Since(start); waited < 14*time.Second || waited > 15*time.Second {
			t.Errorf("the client waited %v, want 14s", waited)
		}
	})
}

func TestFault_cuts(t *testing.T) {
	tests := []struct {
		name string
		cut  cosmosemulator.Cut
		done bool
	}{
		{"before_it_is_done", cosmosemulator.CutRequest, false},
		{"before_the_answer", cosmosemulator.LoseAnswer, true},
		{"in_the_answer", cosmosemulator.CutAnswer, true},
	}
	for _, test := range tests {
		for _, wire := range []bool{false, true} {
			t.Run(fmt.Sprint(test.name, "_wire_", wire), func(t *testing.T) {
				script := &cosmosemulator.Script{When: creates, Faults: []cosmosemulator.Fault{{Cut: test.cut}}}
				a := newAccount(t, cosmosemulator.Config{Faults: script})
				if wire {
					a.endpoint = "http://" + serve(t, a) + "/"
					a.client = a.newClient(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
				}
				c := a.container(t, byPK("c"))
				_, err := c.CreateItem(t.Context(), pk("p"), item("1", "p"), &azcosmos.ItemOptions{EnableContentResponseOnWrite: true})
				if err == nil || !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) && status(err) != 0 {
					t.Fatalf("the client sees %v", err)
				}
				if done := read(t, c, "1", "p") != nil; done != test.done {
					t.Errorf("it was done: %v, want %v", done, test.done)
				}
			})
		}
	}
}

func TestFault_cuts_an_answer_without_a_body(t *testing.T) {
	deletes := func(o cosmosemulator.Operation) bool { return o.Kind == "Delete" }
	a := newAccount(t, cosmosemulator.Config{Faults: &cosmosemulator.Script{When: deletes, Faults: []cosmosemulator.Fault{{Cut: cosmosemulator.CutAnswer}}}})
	c := a.container(t, byPK("c"))
	create(t, c, "1", "p")
	if _, err := c.DeleteItem(t.Context(), pk("p"), "1", nil); err == nil || status(err) != 0 {
		t.Errorf("the client sees %v", err)
	}
	if read(t, c, "1", "p") != nil {
		t.Error("it was not done")
	}
}

func TestFault_slow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, cosmosemulator.Config{Faults: &cosmosemulator.Script{When: creates, Faults: []cosmosemulator.Fault{{Delay: time.Minute}, {Delay: time.Hour}}}})
		c := a.container(t, byPK("c"))
		start := time.Now()
		create(t, c, "1", "p")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("it took %v, want a minute", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.CreateItem(ctx, pk("p"), item("2", "p"), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that waits a second gets %v", err)
		}
		if read(t, c, "2", "p") != nil {
			t.Error("what the client did not wait for was done")
		}
	})
}

func TestFault_names_items_and_tells_when_they_are_done(t *testing.T) {
	var seen []string
	a := newAccount(t, cosmosemulator.Config{Faults: cosmosemulator.FaultFunc(func(o cosmosemulator.Operation) cosmosemulator.Fault {
		if o.Resource != "docs" {
			return cosmosemulator.Fault{}
		}
		seen = append(seen, o.Kind+" "+o.Item)
		return cosmosemulator.Fault{Done: func() { seen = append(seen, "done") }}
	})})
	c := a.container(t, byPK("c"))
	create(t, c, "1", "p")
	if _, err := c.UpsertItem(t.Context(), pk("p"), item("2", "p"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteItem(t.Context(), pk("p"), "1", nil); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Create 1", "done", "Upsert 2", "done", "Delete 1", "done"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}
