package hubemulator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// level is a reader from the beginning with an owner level.
func level(n int64) azeventhubs.PartitionClientOptions {
	options := earliest
	options.OwnerLevel, options.Prefetch = &n, -1
	return options
}

func readersServer(t *testing.T) *hubemulator.Server {
	server := newServer(t, hubemulator.Config{Hubs: []broker.Spec{{Name: "hub", Partitions: 2, ConsumerGroups: []string{"other"}}}})
	producer := newProducer(t, server, "hub")
	for _, partition := range []string{"0", "1"} {
		send(t, producer, to(partition), "a", "b", "c")
	}
	return server
}

// named is a consumer with a name that does not retry.
func named(t *testing.T, server *hubemulator.Server, name, group string) *azeventhubs.ConsumerClient {
	return consumerWith(t, server, server.ConnectionString(""), "hub", &azeventhubs.ConsumerClientOptions{InstanceID: name, RetryOptions: never}, group)
}

func TestOwnerLevels(t *testing.T) {
	for name, test := range map[string]struct {
		first, second azeventhubs.PartitionClientOptions
		secondLoses   string // what it is told; "" where the first loses
	}{
		"equal_steals":     {level(1), level(1), ""},
		"higher_steals":    {level(1), level(2), ""},
		"owner_beats_none": {earliest, level(0), ""},
		"lower_is_refused": {level(2), level(1), "Receiver 'first' with a higher epoch '2' already exists. Receiver 'second' with epoch 1 cannot be created."},
		"no_level_is_refused": {level(0), earliest,
			"At least one receiver for the endpoint is created with epoch of '0', and so non-epoch receiver is not allowed."},
	} {
		t.Run(name, func(t *testing.T) {
			server := readersServer(t)
			test.first.Prefetch = -1
			first := newReader(t, named(t, server, "first", broker.DefaultGroup), "0", test.first)
			receive(t, first, 1)
			second := newReader(t, named(t, server, "second", broker.DefaultGroup), "0", test.second)
			if test.secondLoses != "" {
				if text, _ := refusalOf(t, second); !strings.Contains(text, "amqp:link:stolen") || !strings.Contains(text, test.secondLoses) {
					t.Errorf("the second is told %s", text)
				}
				receive(t, first, 1)
				return
			}
			receive(t, second, 1)
			text, code := refusalOf(t, first)
			if code != azeventhubs.ErrorCodeOwnershipLost || !strings.Contains(text, "New receiver 'second'") {
				t.Errorf("the first is told %s, %s", code, text)
			}
			receive(t, second, 1)
		})
	}
}

func TestLevelsAreOfAPlace(t *testing.T) {
	server := readersServer(t)
	readers := []*azeventhubs.PartitionClient{
		newReader(t, named(t, server, "a", broker.DefaultGroup), "0", level(1)),
		newReader(t, named(t, server, "b", "other"), "0", level(1)),
		newReader(t, named(t, server, "c", broker.DefaultGroup), "1", level(1)),
	}
	for range 2 {
		for _, reader := range readers {
			receive(t, reader, 1)
		}
	}
}

func TestFiveReadersWithoutLevel(t *testing.T) {
	server := readersServer(t)
	var readers []*azeventhubs.PartitionClient
	for i := range 5 {
		reader := newReader(t, named(t, server, fmt.Sprint(i), broker.DefaultGroup), "0", earliest)
		receive(t, reader, 1)
		readers = append(readers, reader)
	}
	sixth := newReader(t, named(t, server, "sixth", broker.DefaultGroup), "0", earliest)
	if text, _ := refusalOf(t, sixth); !strings.Contains(text, "amqp:resource-limit-exceeded") || !strings.Contains(text, "which is 5") {
		t.Errorf("the sixth is told %s", text)
	}
	receive(t, newReader(t, named(t, server, "elsewhere", "other"), "0", earliest), 1)
	if err := readers[0].Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	receive(t, newReader(t, named(t, server, "in place of the first", broker.DefaultGroup), "0", earliest), 1)
}

// A consumer that vanishes makes room at once.
func TestLevelIsFreeAfterACut(t *testing.T) {
	server := readersServer(t)
	receive(t, newReader(t, named(t, server, "first", broker.DefaultGroup), "0", level(5)), 1)
	server.Cut()
	second := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", level(1))
	waitFor(t, "the place of a consumer that vanished", func() bool {
		_, err := second.ReceiveEvents(testContext(t), 1, nil)
		return err == nil
	})
}
