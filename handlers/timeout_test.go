package handlers

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/keywarden/keywarden/handlers/invocation"
)

func TestTimeout(t *testing.T) {
	for name, test := range map[string]struct {
		host, setting string
		want          time.Duration
		says          string
	}{
		"host_json":      {`{"functionTimeout":"00:10:00"}`, "", 10 * time.Minute, ""},
		"hours":          {`{"functionTimeout":"01:02:03"}`, "", time.Hour + 2*time.Minute + 3*time.Second, ""},
		"setting":        {`{"functionTimeout":"00:10:00"}`, "00:20:00", 20 * time.Minute, ""},
		"not_written":    {`{"version":"2.0"}`, "", 0, "functionTimeout of host.json"},
		"without_end":    {`{"functionTimeout":"-1"}`, "", 0, "hh:mm:ss"},
		"days":           {`{"functionTimeout":"1.00:00:00"}`, "", 0, "hh:mm:ss"},
		"no_json":        {`{`, "", 0, "host.json"},
		"broken_setting": {`{"functionTimeout":"00:10:00"}`, "10 minutes", 0, "AzureFunctionsJobHost__functionTimeout"},
		"no_file":        {"", "", 0, "the folder of its package"},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			if test.host != "" {
				root["host.json"] = &fstest.MapFile{Data: []byte(test.host)}
			}
			got, err := Timeout(root, func(string) string { return test.setting })
			if got != test.want || (err == nil) != (test.says == "") || (err != nil && !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%v, %v; want %v, %q", got, err, test.want, test.says)
			}
		})
	}
}

func TestDeadline_is_well_before_the_host_s(t *testing.T) {
	timeout, err := Timeout(repository(), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	deadline, err := deadlineBefore(timeout)
	if err != nil {
		t.Fatal(err)
	}
	if spare := timeout - deadline; deadline < time.Minute || spare < time.Minute {
		t.Errorf("functionTimeout %v, our deadline %v", timeout, deadline)
	}
	if _, err := deadlineBefore(59 * time.Second); err == nil {
		t.Error("a timeout under a minute is taken")
	}
}

func TestHostJSON(t *testing.T) {
	text, err := fs.ReadFile(repository(), "host.json")
	if err != nil {
		t.Fatal(err)
	}
	var host struct {
		CustomHandler map[string]any
		Extensions    struct {
			HTTP      struct{ RoutePrefix *string }
			EventHubs map[string]any
		}
	}
	if err := json.Unmarshal(text, &host); err != nil {
		t.Fatal(err)
	}
	description, _ := host.CustomHandler["description"].(map[string]any)
	if host.CustomHandler["enableProxyingHttpRequest"] != true || description["defaultExecutablePath"] != "handler" {
		t.Errorf("customHandler is %v", host.CustomHandler)
	}
	for _, member := range []string{"enableForwardingHttpRequest", "http"} {
		if _, ok := host.CustomHandler[member]; ok {
			t.Errorf("customHandler.%s: with it the host does not pass requests on as they are, or does not start", member)
		}
	}
	if prefix := host.Extensions.HTTP.RoutePrefix; prefix == nil || *prefix != "" {
		t.Error("extensions.http.routePrefix is not empty: the API would be at /api/api/")
	}
	hubs := host.Extensions.EventHubs
	if _, ok := hubs["minEventBatchSize"]; ok || hubs["batchCheckpointFrequency"] != 1.0 {
		t.Errorf("extensions.eventHubs is %v: batches must come at once, and each be checkpointed", hubs)
	}
	const largest = 1 << 20 // bytes of an event, of which a batch may be full
	size, _ := hubs["maxEventBatchSize"].(float64)
	if need := size * largest * 4 / 3 * 1.1; size == 0 || need > invocation.MaxBody {
		t.Errorf("a batch of %.0f events of 1 MiB can need %.0f bytes; invocation.MaxBody is %d", size, need, invocation.MaxBody)
	}
}
