package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// namespace is a hub "diagnostics" of two partitions, and a source on it.
func namespace(t *testing.T, host app.Host) (*azeventhubs.ProducerClient, trigger.Source) {
	t.Helper()
	server, err := hubemulator.New(hubemulator.Config{Hubs: []broker.Spec{{Name: "diagnostics", Partitions: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	producer, err := azeventhubs.NewProducerClientFromConnectionString(server.ConnectionString(""), "diagnostics",
		&azeventhubs.ProducerClientOptions{NewWebSocketConn: server.NewWebSocketConn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = producer.Close(context.Background()) })
	options := Options{Hub: azeventhubs.ConsumerClientOptions{NewWebSocketConn: server.NewWebSocketConn}, Clock: clock.System{}}
	f := app.Function{Name: "diagnostics", Trigger: app.Binding{Type: app.EventHub, EventHubName: "diagnostics", Connection: "EventHubConnection"}}
	source, err := options.Open(f, host, map[string]string{"EventHubConnection": server.ConnectionString("")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = source.(*hub).Close() })
	return producer, source
}

func send(t *testing.T, producer *azeventhubs.ProducerClient, partition string, bodies ...string) {
	t.Helper()
	batch, err := producer.NewEventDataBatch(t.Context(), &azeventhubs.EventDataBatchOptions{PartitionID: &partition})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range bodies {
		if err := batch.AddEventData(&azeventhubs.EventData{Body: []byte(body), Properties: map[string]any{"app": "v"}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.SendEventDataBatch(t.Context(), batch, nil); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, source trigger.Source, partition, checkpoint string) trigger.Reader {
	t.Helper()
	r, err := source.Open(t.Context(), partition, checkpoint, "owner")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// bodies reads until it has n.
func bodies(t *testing.T, r trigger.Reader, n, limit int) (all []string, last trigger.Batch) {
	t.Helper()
	for len(all) < n {
		b, err := r.Next(limited(t), limit)
		if err != nil {
			t.Fatal(err)
		}
		if b.Len() > limit {
			t.Errorf("a batch of %d, want at most %d", b.Len(), limit)
		}
		for _, e := range b.Events {
			all = append(all, string(e.Body))
		}
		for _, d := range b.Documents {
			var document struct{ ID string }
			if err := json.Unmarshal(d, &document); err != nil {
				t.Fatal(err)
			}
			all = append(all, document.ID)
		}
		last = b
	}
	return all, last
}

func TestAHubIsReadBehindItsCheckpoint(t *testing.T) {
	producer, source := namespace(t, app.Host{})
	partitions, err := source.Partitions(limited(t))
	if diff := cmp.Diff([]string{"0", "1"}, partitions); diff != "" || err != nil {
		t.Fatalf("partitions: %s, error %v", diff, err)
	}
	expectBehind(t, source, "1", "", false)
	send(t, producer, "1", "a", "b", "c")
	expectBehind(t, source, "1", "", true)
	all, last := bodies(t, open(t, source, "1", ""), 3, 2)
	if diff := cmp.Diff([]string{"a", "b", "c"}, all); diff != "" {
		t.Error(diff)
	}
	if last.Checkpoint != "2" || last.Hub.Partition != "1" || last.Hub.Name != "diagnostics" || last.Hub.ConsumerGroup != "$Default" || last.Hub.Namespace == "" {
		t.Errorf("batch of %+v with checkpoint %q", last.Hub, last.Checkpoint)
	}
	e := last.Events[len(last.Events)-1]
	if e.Sequence != 2 || e.Offset == "" || time.Since(e.Enqueued).Abs() > time.Hour || string(e.Properties) != `{"app":"v"}` {
		t.Errorf("event %+v", e)
	}
	expectBehind(t, source, "1", "2", false)
	expectBehind(t, source, "1", "1", true)
	if all, _ := bodies(t, open(t, source, "1", "0"), 2, 10); !slices.Equal(all, []string{"b", "c"}) {
		t.Errorf("behind checkpoint 0: %q", all)
	}
}

func expectBehind(t *testing.T, source trigger.Source, partition, checkpoint string, want bool) {
	t.Helper()
	if behind, err := source.Behind(limited(t), partition, checkpoint); behind != want || err != nil {
		t.Errorf("behind %q: %v (%v), want %v", checkpoint, behind, err, want)
	}
}

func TestALaterOwnerTakesThePartition(t *testing.T) {
	producer, source := namespace(t, app.Host{})
	first := open(t, source, "0", "")
	send(t, producer, "0", "a")
	bodies(t, first, 1, 10)
	second := open(t, source, "0", "0")
	send(t, producer, "0", "b")
	if all, _ := bodies(t, second, 1, 10); !slices.Equal(all, []string{"b"}) {
		t.Errorf("the second owner got %q", all)
	}
	for {
		_, err := first.Next(limited(t), 10)
		if errors.Is(err, trigger.ErrLost) {
			return
		}
		if err != nil {
			t.Fatalf("the first owner ended with %v, want %v", err, trigger.ErrLost)
		}
	}
}

// TestListenersShareAHub drives two owners over the SDK: all is delivered in
// order, and again to the one that takes over.
func TestListenersShareAHub(t *testing.T) {
	producer, source := namespace(t, app.Host{})
	store, err := trigger.OpenStore("")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[string][]string{}
	done := make(chan struct{}, 100)
	listen := func(owner string) (lose func()) {
		l := &trigger.Listener{Function: "f", Owner: owner, Source: source, Store: store, Clock: clock.Fast(100), Balance: trigger.DefaultBalance,
			Term: trigger.DefaultTerm, Limit: func(string) int { return 3 }, Log: func(text string) { t.Log(text) },
			Dispatch: func(_, _ context.Context, partition string, b trigger.Batch) bool {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range b.Events {
					got[partition] = append(got[partition], string(e.Body))
					done <- struct{}{}
				}
				return true
			}}
		l.Start()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Run(ctx, ctx)
		}()
		t.Cleanup(func() { cancel(); <-ended })
		return cancel
	}
	lose := listen("x")
	var want []string
	for i := range 20 {
		text := fmt.Sprint("event ", i)
		want = append(want, text)
		send(t, producer, "0", text)
		send(t, producer, "1", text)
		if i == 10 {
			for range 2 * (i + 1) {
				<-done
			}
			listen("y")
			lose()
		}
	}
	for range 2 * 9 {
		<-done
	}
	mu.Lock()
	defer mu.Unlock()
	for _, partition := range []string{"0", "1"} {
		seen := slices.Compact(slices.Clone(got[partition]))
		if !slices.Equal(seen, want) { // at least once: compacted where the last one came twice
			t.Errorf("partition %s got %q", partition, got[partition])
		}
	}
}

// account is a container "incidents" and a source on its change feed.
func account(t *testing.T, beginning bool) (*azcosmos.ContainerClient, trigger.Source) {
	t.Helper()
	server, err := cosmosemulator.New(cosmosemulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	options := Options{Cosmos: azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: &http.Client{Transport: server.Transport()}}}, Clock: clock.Fast(1000)}
	text := "AccountEndpoint=http://example.test/;AccountKey=" + cosmosemulator.EmulatorKey + ";"
	client, err := options.account("CosmosConnection", text, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateDatabase(t.Context(), azcosmos.DatabaseProperties{ID: "keywarden"}, nil); err != nil {
		t.Fatal(err)
	}
	database, err := client.NewDatabase("keywarden")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.CreateContainer(t.Context(), azcosmos.ContainerProperties{ID: "incidents",
		PartitionKeyDefinition: azcosmos.PartitionKeyDefinition{Paths: []string{"/year"}, Version: 2}}, nil); err != nil {
		t.Fatal(err)
	}
	container, err := database.NewContainer("incidents")
	if err != nil {
		t.Fatal(err)
	}
	f := app.Function{Name: "notify", Trigger: app.Binding{Type: app.CosmosDB, Connection: "CosmosConnection", Database: "keywarden", Container: "incidents", StartFromBeginning: beginning}}
	source, err := options.Open(f, app.Host{}, map[string]string{"CosmosConnection": text})
	if err != nil {
		t.Fatal(err)
	}
	return container, source
}

func create(t *testing.T, container *azcosmos.ContainerClient, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := container.UpsertItem(t.Context(), azcosmos.NewPartitionKeyString("2026"), []byte(`{"id":"`+id+`","year":"2026"}`), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// used is the feed range that holds the documents: where there is one at all.
func used(t *testing.T, source trigger.Source) string {
	t.Helper()
	partitions, err := source.Partitions(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range partitions {
		if behind, err := source.Behind(limited(t), p, ""); behind || err != nil {
			return p
		}
	}
	t.Fatal("no feed range holds a document")
	return ""
}

func TestAChangeFeedIsReadBehindItsCheckpoint(t *testing.T) {
	container, source := account(t, true)
	create(t, container, "1", "2", "3")
	partition := used(t, source)
	reader := open(t, source, partition, "")
	all, last := bodies(t, reader, 3, 2)
	if diff := cmp.Diff([]string{"1", "2", "3"}, all); diff != "" {
		t.Error(diff)
	}
	expectBehind(t, source, partition, last.Checkpoint, false)
	create(t, container, "2", "4")
	expectBehind(t, source, partition, last.Checkpoint, true)
	for name, r := range map[string]trigger.Reader{"the same reader": reader, "a new one": open(t, source, partition, last.Checkpoint)} {
		if all, _ := bodies(t, r, 2, 10); !slices.Equal(all, []string{"2", "4"}) {
			t.Errorf("%s got %q", name, all)
		}
	}
}

func TestAChangeFeedBeginsNow(t *testing.T) {
	container, source := account(t, false)
	create(t, container, "old")
	time.Sleep(1100 * time.Millisecond) // If-Modified-Since counts in seconds
	partitions, err := source.Partitions(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	var checkpoints []string
	for _, p := range partitions {
		b, err := open(t, source, p, "").Next(limited(t), 10)
		if err != nil || b.Len() > 0 || b.Checkpoint == "" {
			t.Fatalf("batch of %d with checkpoint %q (%v): want an empty one that fixes the beginning", b.Len(), b.Checkpoint, err)
		}
		checkpoints = append(checkpoints, b.Checkpoint)
	}
	create(t, container, "new")
	for i, p := range partitions {
		if behind, err := source.Behind(limited(t), p, checkpoints[i]); err != nil {
			t.Fatal(err)
		} else if behind {
			if all, _ := bodies(t, open(t, source, p, checkpoints[i]), 1, 10); !slices.Equal(all, []string{"new"}) {
				t.Errorf("got %q", all)
			}
			return
		}
	}
	t.Error("nothing is behind the checkpoints")
}
