package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
)

// eventhubs is what a hub holds, after an event was sent to it with a key.
func eventhubs(t *testing.T, address string, key hubemulator.Key) (azeventhubs.EventHubProperties, azeventhubs.PartitionProperties) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := azeventhubs.NewProducerClientFromConnectionString(hubemulator.DevelopmentConnectionString(address, key, "diagnostics"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx) //nolint:errcheck // a test's
	partition := "1"
	batch, err := client.NewEventDataBatch(ctx, &azeventhubs.EventDataBatchOptions{PartitionID: &partition})
	if err != nil {
		t.Fatal(err)
	}
	if err := batch.AddEventData(&azeventhubs.EventData{Body: []byte("x")}, nil); err != nil {
		t.Fatal(err)
	}
	if err := client.SendEventDataBatch(ctx, batch, nil); err != nil {
		t.Fatal(err)
	}
	hub, err := client.GetEventHubProperties(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	properties, err := client.GetPartitionProperties(ctx, partition, nil)
	if err != nil {
		t.Fatal(err)
	}
	return hub, properties
}

func TestEventhubs(t *testing.T) {
	key := hubemulator.Key{Name: hubemulator.RootKeyName, Value: hubemulator.RootKeyValue}
	args := []string{"eventhubs", "--listen", "127.0.0.1:0", "--hub", "diagnostics:2", "--state", t.TempDir()}
	ready, stop := start(t, args...)
	created, first := eventhubs(t, ready[0], key)
	stop()
	ready, stop = start(t, args...)
	again, second := eventhubs(t, ready[0], key)
	stop()
	if !again.CreatedOn.Equal(created.CreatedOn) || first.LastEnqueuedSequenceNumber != 0 || second.LastEnqueuedSequenceNumber != 1 {
		t.Errorf("created %s, then %s; last event %d, then %d", created.CreatedOn, again.CreatedOn, first.LastEnqueuedSequenceNumber, second.LastEnqueuedSequenceNumber)
	}
}

func TestEventhubsWithAKey(t *testing.T) {
	ready, stop := start(t, "eventhubs", "--listen", "127.0.0.1:0", "--hub", "diagnostics:2", "--key", "w:secret:send,listen")
	defer stop()
	eventhubs(t, ready[0], hubemulator.Key{Name: "w", Value: "secret"})
}

func TestBlobs(t *testing.T) {
	ready, stop := start(t, "blobs", "--listen", "127.0.0.1:0")
	defer stop()
	response, err := http.Get("http://" + ready[0] + "/c?restype=container&comp=list")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", response.StatusCode)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestEventhubsRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		code int
		want string
	}{
		"no_hub":        {"--listen 127.0.0.1:0", 1, "give --hub NAME:PARTITIONS"},
		"no_listen":     {"--hub a:1", 2, "--listen"},
		"no_partitions": {"--listen 127.0.0.1:0 --hub a", 2, "NAME:PARTITIONS"},
		"many":          {"--listen 127.0.0.1:0 --hub a:33", 1, "1 to 32"},
		"bad_address":   {"--listen nowhere --hub a:1", 1, "nowhere"},
		"cert_alone":    {"--listen 127.0.0.1:0 --hub a:1 --tls-cert x", 1, "--tls-key"},
		"no_cert":       {"--listen 127.0.0.1:0 --hub a:1 --tls-cert x --tls-key y", 1, "certificate"},
		"bad_right":     {"--listen 127.0.0.1:0 --hub a:1 --key n:hidden:own", 2, `"own" is none of the rights`},
		"bad_key":       {"--listen 127.0.0.1:0 --hub a:1 --key hidden", 2, "NAME:VALUE:RIGHTS"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"eventhubs"}, strings.Fields(test.args)...), &stdout, &stderr)
			if code != test.code || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit code %d, %q; want %d and %q", code, stderr.String(), test.code, test.want)
			}
			if strings.Contains(fmt.Sprint(stdout.String(), stderr.String()), "hidden") {
				t.Errorf("a key is in %q", stderr.String())
			}
		})
	}
}
