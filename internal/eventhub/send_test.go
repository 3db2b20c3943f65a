package eventhub_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// sent is the bodies that a partition of the diagnostics hub holds.
func sent(t testing.TB, h *eventhub.Hub, partition string) (all []string) {
	t.Helper()
	p, bounds, err := h.Bounds(limited(t), partition)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Reader("$Default").Read(limited(t), p.Log(partition), bounds.Begin, bounds.Next, func(e engine.LogEvent) error {
		all = append(all, string(e.Body))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSend_makes_envelopes_in_the_order_of_the_file(t *testing.T) {
	s := newStandIn(t, hubemulator.Step{On: hubemulator.OpSend, After: 2, Times: 2, Fault: hubemulator.Fault{Error: hubemulator.ServerBusy}})
	h := s.hub(t, "diagnostics")
	file := `{"records":[{"n":1},{"n":2},{"n":3}]}` + "\n" + `{"n":4}` + "\n" + `{"n":"` + strings.Repeat("x", 60) + `"}` + "\n" + `{"n":6}` + "\n" + `{"n":`
	var told []int
	got, err := h.Send(limited(t), azurelog.NewScanner(strings.NewReader(file)).Next, eventhub.Sending{
		Partition: "2", Bytes: 40, Progress: func(s eventhub.Sent) { told = append(told, s.Records) },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"records":[{"n":1},{"n":2},{"n":3}]}`,
		`{"records":[{"n":4}]}`,
		`{"records":[{"n":"` + strings.Repeat("x", 60) + `"}]}`, // larger, and alone
		`{"records":[{"n":6}]}`,
		`{"n":`, // broken, and alone
	}
	if diff := cmp.Diff(want, sent(t, h, "2")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(eventhub.Sent{Records: 7, Events: 5, Bytes: int64(len(strings.Join(want, "")))}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{3, 4, 5, 6, 7}, told); diff != "" {
		t.Error(diff)
	}
}

func TestSend_spreads_over_all_partitions(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "diagnostics")
	var file strings.Builder
	for i := range 100 {
		fmt.Fprintf(&file, "{\"number\":%d}\n", i)
	}
	if _, err := h.Send(limited(t), azurelog.NewScanner(strings.NewReader(file.String())).Next, eventhub.Sending{Bytes: 60}); err != nil {
		t.Fatal(err)
	}
	var records []string
	for _, id := range []string{"0", "1", "2", "3"} {
		bodies := sent(t, h, id)
		if len(bodies) == 0 {
			t.Errorf("partition %s has nothing", id)
		}
		for _, body := range bodies {
			for raw := range (azurelog.Block{Data: []byte(body)}).Raws() {
				records = append(records, string(raw.Data))
			}
		}
	}
	slices.Sort(records)
	if records = slices.Compact(records); len(records) != 100 {
		t.Errorf("%d records", len(records))
	}
}

func TestSend_reports_what_the_hub_cannot_take(t *testing.T) {
	s := withConfig(t, hubemulator.Config{Hubs: []broker.Spec{{Name: "diagnostics", Partitions: 1}}, Limits: hubemulator.Limits{Message: 64 << 10}})
	h := s.hub(t, "diagnostics")
	file := `{"n":1}` + "\n" + `{"n":"` + strings.Repeat("x", 100<<10) + `"}` + "\n" + `{"n":3}`
	var bad []azurelog.Poison
	got, err := h.Send(limited(t), azurelog.NewScanner(strings.NewReader(file)).Next,
		eventhub.Sending{Bytes: 1000, SetAside: func(p azurelog.Poison) { bad = append(bad, p) }})
	if err != nil || got.Records != 2 || got.SetAside != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if len(bad) != 1 || bad[0].Offset != 8 || !errors.Is(bad[0].Err, eventhub.ErrTooLarge) {
		t.Errorf("%+v", bad)
	}
	if strings.Contains(bad[0].Err.Error(), "xxx") {
		t.Error("the record is in the error")
	}
}

func TestSend_keeps_to_a_rate(t *testing.T) {
	s := newStandIn(t)
	began := time.Now()
	file := strings.Repeat(`{"n":1}`+"\n", 40)
	_, err := s.hub(t, "diagnostics").Send(limited(t), azurelog.NewScanner(strings.NewReader(file)).Next, eventhub.Sending{Bytes: 20, PerSecond: 200})
	if err != nil {
		t.Fatal(err)
	}
	// All but the last of 40 have waited: never faster, on whatever machine.
	if took := time.Since(began); took < 195*time.Millisecond {
		t.Errorf("40 records at 200 a second took %v", took)
	}
}

func TestSend_says_where_it_stopped(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "diagnostics")
	if err := s.DeleteHub("diagnostics"); err != nil {
		t.Fatal(err)
	}
	got, err := h.Send(limited(t), azurelog.NewScanner(strings.NewReader("\n"+`{"n":1}`)).Next, eventhub.Sending{})
	if !errors.Is(err, eventhub.ErrNotFound) || !strings.Contains(err.Error(), "byte 1") || got != (eventhub.Sent{}) {
		t.Errorf("%+v, %v", got, err)
	}
}
