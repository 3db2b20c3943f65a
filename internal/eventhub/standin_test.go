package eventhub_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// standIn is a namespace in this process with the hubs "usage" and
// "diagnostics", of four partitions each.
type standIn struct {
	*hubemulator.Server
	script    *hubemulator.Script    // what goes wrong with it
	consumers map[*eventhub.Hub]bool // the SDK leaves a goroutine of each behind
}

func usage() broker.Spec {
	return broker.Spec{Name: "usage", Partitions: 4, ConsumerGroups: []string{"recovery"}}
}

func newStandIn(t testing.TB, steps ...hubemulator.Step) *standIn {
	t.Helper()
	return withConfig(t, hubemulator.Config{Hubs: []broker.Spec{usage(), {Name: "diagnostics", Partitions: 4}}}, steps...)
}

func withConfig(t testing.TB, c hubemulator.Config, steps ...hubemulator.Step) *standIn {
	t.Helper()
	before := runtime.NumGoroutine()
	script := hubemulator.NewScript(steps...)
	c.Faults = script
	server, err := hubemulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &standIn{server, script, map[*eventhub.Hub]bool{}}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		settle(t, before+len(s.consumers))
	})
	return s
}

// settle waits until no more goroutines run than before.
func settle(t testing.TB, before int) {
	t.Helper()
	eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// eventually waits for what other goroutines do.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("waited in vain for %s\n%s", what, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// namespace connects to it.
func (s *standIn) namespace(t testing.TB) *eventhub.Namespace {
	t.Helper()
	n, err := eventhub.Connect(s.config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close(context.Background()) }) // to servers that may be gone
	return n
}

func (s *standIn) config() eventhub.Config {
	return eventhub.Config{
		Namespace: s.ConnectionString(""),
		Retry:     azeventhubs.RetryOptions{MaxRetries: 2, RetryDelay: time.Millisecond, MaxRetryDelay: 20 * time.Millisecond},
		WebSocket: s.NewWebSocketConn,
	}
}

func (s *standIn) hub(t testing.TB, name string) *eventhub.Hub {
	t.Helper()
	h, err := s.namespace(t).Hub(name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// again deletes a hub and makes it again.
func (s *standIn) again(t testing.TB, spec broker.Spec) {
	t.Helper()
	time.Sleep(2 * time.Millisecond) // its time of creation has milliseconds
	if err := s.DeleteHub(spec.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Broker().Create(spec); err != nil {
		t.Fatal(err)
	}
}

func limited(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func publisher(t testing.TB, h *eventhub.Hub) *eventhub.Publisher {
	t.Helper()
	p, err := h.Publisher(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
