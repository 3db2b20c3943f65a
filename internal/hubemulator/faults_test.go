package hubemulator_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

type (
	step  = hubemulator.Step
	fault = hubemulator.Fault
)

// stored is the bodies in a partition.
func stored(t *testing.T, server *hubemulator.Server) []string {
	t.Helper()
	hub, err := server.Broker().Hub("hub")
	if err != nil {
		t.Fatal(err)
	}
	partition, err := hub.Partition("0")
	if err != nil {
		t.Fatal(err)
	}
	count := int(partition.Next())
	if count == 0 {
		return nil
	}
	return receive(t, newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", earliest), count)
}

// What becomes of a send of "x", without retries and with.
func TestFaultsOfSending(t *testing.T) {
	for name, test := range map[string]struct {
		on      hubemulator.Kind
		fault   fault
		refused string   // in the error of a client that does not retry
		once    []string // what is stored then
		retried []string // what is stored by a client that does
	}{
		"server_busy":   {hubemulator.OpSend, fault{Error: hubemulator.ServerBusy}, "com.microsoft:server-busy", nil, []string{"x"}},
		"detach_forced": {hubemulator.OpSend, fault{Detach: hubemulator.DetachForced}, "none", []string{"x"}, []string{"x"}}, // the client attaches again at once
		"cut":           {hubemulator.OpSend, fault{Cut: true}, "", nil, []string{"x"}},
		"answer_lost":   {hubemulator.OpSend, fault{Lost: true}, "", []string{"x"}, []string{"x", "x"}},
		"slow":          {hubemulator.OpSend, fault{Delay: 20 * time.Millisecond}, "none", []string{"x"}, []string{"x"}},
		"refused_claim": {hubemulator.OpClaim, fault{Error: hubemulator.Unauthorized}, "401", nil, nil},
		"busy_claim":    {hubemulator.OpClaim, fault{Error: hubemulator.ServerBusy}, "503", nil, []string{"x"}},
		"attach":        {hubemulator.OpAttach, fault{Error: hubemulator.ServerBusy}, "com.microsoft:server-busy", nil, []string{"x"}},
		"attach_cut":    {hubemulator.OpAttach, fault{Cut: true}, "", nil, []string{"x"}},
	} {
		for retry, options := range map[string]azeventhubs.RetryOptions{"once": never, "retried": quick} {
			t.Run(name+"_"+retry, func(t *testing.T) {
				script := hubemulator.NewScript()
				server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Faults: script})
				producer := producerWith(t, server, server.ConnectionString(""), "hub", options)
				script.Add(step{On: test.on, Fault: test.fault})
				err := trySend(t, producer, to("0"), "x")
				want := test.once
				if retry == "retried" {
					want = test.retried
				}
				failed := retry == "once" && test.refused != "none" || want == nil
				if (err != nil) != failed || retry == "once" && err != nil && !strings.Contains(err.Error(), test.refused) {
					t.Errorf("%v; want failure %v with %q", err, failed, test.refused)
				}
				if diff := cmp.Diff(want, stored(t, server)); diff != "" {
					t.Errorf("stored (-want +got):\n%s", diff)
				}
				if script.Hits() != 1 {
					t.Errorf("the fault happened %d times", script.Hits())
				}
			})
		}
	}
}

func TestFaultsOfDelivering(t *testing.T) {
	for name, test := range map[string]struct {
		fault fault
		want  []string
	}{
		"duplicate":     {fault{Duplicate: 2}, []string{"a", "b", "b", "b", "c"}},
		"detach_forced": {fault{Detach: hubemulator.DetachForced}, []string{"a", "b", "c"}},
		"server_busy":   {fault{Error: hubemulator.ServerBusy}, []string{"a", "b", "c"}},
		"cut":           {fault{Cut: true}, []string{"a", "b", "c"}},
		"slow":          {fault{Delay: 20 * time.Millisecond}, []string{"a", "b", "c"}},
	} {
		for prefetch, credit := range map[string]int32{"prefetch_on": 0, "prefetch_off": -1} {
			t.Run(name+"_"+prefetch, func(t *testing.T) {
				script := hubemulator.NewScript(step{On: hubemulator.OpDeliver, Hub: "HUB", Partition: "0", After: 1, Fault: test.fault})
				server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Faults: script})
				send(t, newProducer(t, server, "hub"), to("0"), "a", "b", "c")
				options := earliest
				options.Prefetch = credit
				reader := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", options)
				var got []string
				for range test.want { // one at a time: a client drops what it has when it is interrupted
					got = append(got, receive(t, reader, 1)...)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestFaultsOfManaging(t *testing.T) {
	script := hubemulator.NewScript(
		step{On: hubemulator.OpManage, Fault: fault{Error: hubemulator.ServerBusy}},
		step{On: hubemulator.OpManage, Fault: fault{Cut: true}},
		step{On: hubemulator.OpManage, Fault: fault{Detach: hubemulator.DetachForced}},
	)
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Faults: script})
	if _, err := newProducer(t, server, "hub").GetEventHubProperties(testContext(t), nil); err != nil || script.Hits() != 3 {
		t.Errorf("after %d faults: %v", script.Hits(), err)
	}
}

func TestFaultFuncSeesOperations(t *testing.T) {
	var last atomic.Int64
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Faults: hubemulator.FaultFunc(func(op hubemulator.Operation) fault {
		if op.Kind == hubemulator.OpDeliver && op.Hub == "hub" && op.Group == broker.DefaultGroup && op.Partition == "0" {
			last.Store(op.Sequence)
		}
		return fault{}
	})})
	send(t, newProducer(t, server, "hub"), to("0"), "a", "b", "c")
	stored(t, server)
	if last.Load() != 2 {
		t.Errorf("the last event delivered is %d, want 2", last.Load())
	}
}

func TestFaultTellsWhenASendIsStored(t *testing.T) {
	var server *hubemulator.Server
	stored := int64(-1)
	server = newServer(t, hubemulator.Config{Hubs: oneHub(1), Faults: hubemulator.FaultFunc(func(op hubemulator.Operation) fault {
		if op.Kind != hubemulator.OpSend {
			return fault{}
		}
		return fault{Done: func() {
			hub, err := server.Broker().Hub("hub")
			if err != nil {
				t.Error(err)
				return
			}
			partition, err := hub.Partition("0")
			if err != nil {
				t.Error(err)
				return
			}
			stored = partition.Next()
		}}
	})})
	send(t, newProducer(t, server, "hub"), to("0"), "a")
	if stored != 1 {
		t.Errorf("told when %d events were stored, want 1", stored)
	}
}

func TestDetachAndCut(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	producer := newProducer(t, server, "hub")
	reader := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", earliest)
	for _, body := range []string{"a", "b", "c"} {
		send(t, producer, to("0"), body)
		if got := receive(t, reader, 1); got[0] != body {
			t.Errorf("%q, want %q", got[0], body)
		}
		if body == "a" {
			if err := server.Detach("hub"); err != nil {
				t.Fatal(err)
			}
			continue
		}
		server.Cut()
	}
	if err := server.Detach("other"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("detach another: %v", err)
	}
}

// A client whose operation is delayed without end does not hold up Close.
func TestCloseEndsADelay(t *testing.T) {
	asked := make(chan struct{}, 10)
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Faults: hubemulator.FaultFunc(func(op hubemulator.Operation) fault {
		if op.Kind != hubemulator.OpSend {
			return fault{}
		}
		asked <- struct{}{}
		return fault{Delay: time.Hour}
	})})
	producer := producerWith(t, server, server.ConnectionString(""), "hub", never)
	failed := make(chan error)
	go func() { failed <- trySend(t, producer, to("0"), "x") }()
	<-asked
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err != nil && errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the client was not told: %v", err)
	}
	if _, err := server.Dial(context.Background()); !errors.Is(err, hubemulator.ErrServerClosed) {
		t.Errorf("dial after close: %v", err)
	}
}
