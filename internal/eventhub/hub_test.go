package eventhub_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

func TestConnect_takes_names_and_connection_strings(t *testing.T) {
	const key = "SharedAccessKeyName=k;SharedAccessKey=hidden="
	for name, test := range map[string]struct{ given, want string }{
		"host":        {"Acme.servicebus.windows.net", "acme.servicebus.windows.net"},
		"short":       {"acme", "acme.servicebus.windows.net"},
		"url":         {"sb://acme.servicebus.chinacloudapi.cn/", "acme.servicebus.chinacloudapi.cn"},
		"string":      {"Endpoint=sb://acme.servicebus.windows.net/;" + key, "acme.servicebus.windows.net"},
		"of_a_hub":    {"Endpoint=sb://acme.servicebus.windows.net/;" + key + ";EntityPath=usage", "acme.servicebus.windows.net"},
		"development": {"Endpoint=sb://localhost:5672;" + key + ";UseDevelopmentEmulator=true", "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := eventhub.Connect(eventhub.Config{Namespace: test.given})
			if err != nil || n.Name() != test.want {
				t.Fatalf("%v, want %s", err, test.want)
			}
		})
	}
}

func TestConnect_refuses_without_telling_secrets(t *testing.T) {
	for name, given := range map[string]string{
		"nothing":      "",
		"spaces":       "my namespace",
		"no_endpoint":  "SharedAccessKeyName=k;SharedAccessKey=hidden",
		"no_semicolon": "Endpoint=sb://acme.servicebus.windows.net/ SharedAccessKeyName=k;SharedAccessKey=hidden",
		"run_together": "Endpoint=sb://acme.servicebus.windows.net/;UseDevelopmentEmulator=true SharedAccessKey=hidden;SharedAccessKeyName=k",
		"no_host":      "Endpoint=hidden;SharedAccessKeyName=k;SharedAccessKey=hidden;UseDevelopmentEmulator=true",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eventhub.Connect(eventhub.Config{Namespace: given})
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("a key is in the error: %v", err)
			}
		})
	}
}

func TestHub_is_that_of_the_connection_string(t *testing.T) {
	s := newStandIn(t)
	c := s.config()
	c.Namespace = s.ConnectionString("usage")
	n, err := eventhub.Connect(c)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(t.Context()) //nolint:errcheck // of a test
	if _, err := n.Hub("diagnostics"); err == nil {
		t.Error("another hub: no error")
	}
	h, err := n.Hub("")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := n.Hub("Usage"); again != h || err != nil {
		t.Errorf("the same hub is another one: %v", err)
	}
	p, err := h.Properties(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	want := eventhub.Properties{Name: "emulator.servicebus.windows.net/usage", Created: p.Created, Partitions: []string{"0", "1", "2", "3"}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Error(diff)
	}
	if source := p.Source("3"); source.Hub != p.Name+"/"+p.Created.String() || source.Partition != "3" {
		t.Errorf("%+v", source)
	}
	if _, err := s.namespace(t).Hub(""); err == nil {
		t.Error("no hub at all: no error")
	}
}

func TestHub_orders_its_partitions_by_number(t *testing.T) {
	s := withConfig(t, hubemulator.Config{Hubs: []broker.Spec{{Name: "usage", Partitions: 12}}})
	p, err := s.hub(t, "usage").Properties(limited(t))
	if err != nil || p.Partitions[2] != "2" || p.Partitions[11] != "11" {
		t.Errorf("%v, %v", p.Partitions, err)
	}
}

func TestHub_says_that_it_is_not_there(t *testing.T) {
	s := newStandIn(t)
	if _, err := s.hub(t, "nowhere").Properties(limited(t)); !errors.Is(err, eventhub.ErrNotFound) {
		t.Errorf("%v", err)
	}
	c := s.config()
	c.Namespace = strings.Replace(c.Namespace, hubemulator.RootKeyValue, "d3Jvbmc=", 1)
	n, err := eventhub.Connect(c)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close(t.Context()) //nolint:errcheck // of a test
	h, err := n.Hub("usage")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Properties(limited(t)); !errors.Is(err, eventhub.ErrUnauthorized) || strings.Contains(err.Error(), "d3Jvbmc") {
		t.Errorf("%v", err)
	}
}

func TestHub_notices_that_it_was_made_again(t *testing.T) {
	s := newStandIn(t)
	h := s.hub(t, "usage")
	began := time.Now()
	at := func(sequence int64, enqueued time.Duration) eventhub.Properties {
		t.Helper()
		first := eventhub.Event{Sequence: sequence, Enqueued: began.Add(enqueued)}
		last := eventhub.Event{Sequence: sequence + 99, Enqueued: began.Add(enqueued + time.Millisecond)}
		p, err := h.PropertiesAt(limited(t), "0", first, last)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := at(100, time.Second)
	s.again(t, usage())
	if p := at(90, 0); p.Created != first.Created {
		t.Error("events that came again made it look")
	}
	if p := at(200, 2*time.Second); p.Created != first.Created {
		t.Error("events that followed made it look")
	}
	if p := at(250, 3*time.Second); p.Created <= first.Created {
		t.Error("later events that begin with a lower number did not make it look")
	}
	if renewed := at(350, 4*time.Second); renewed.Created <= first.Created {
		t.Error("the old hub is believed again")
	}
	s.again(t, usage())
	second, err := h.Properties(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	event := eventhub.Event{Sequence: 500, Enqueued: began.Add(time.Minute)}
	if p, err := h.PropertiesAt(limited(t), "1", event, event); err != nil || p.Created <= second.Created {
		t.Errorf("a partition that is new to this process did not make it look (%v)", err)
	}
}
