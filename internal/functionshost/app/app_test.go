package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/hosttest"
)

const (
	hostText  = `{"version":"2.0","customHandler":{"description":{"defaultExecutablePath":"handler"},"enableProxyingHttpRequest":true}}`
	eventText = `{"bindings":[{"type":"eventHubTrigger","name":"events","eventHubName":"%HUB%","connection":"Hub","cardinality":"many","dataType":"binary"}],
 "retry":{"strategy":"exponentialBackoff","maxRetryCount":-1,"minimumInterval":"00:00:02","maximumInterval":"00:02:00"}}`
)

// good is a package that the host takes.
func good() []hosttest.File {
	return []hosttest.File{
		{Name: "host.json", Text: hostText, Mode: 0o644},
		{Name: "handler", Text: "binary", Mode: 0o755},
		{Name: "usage/function.json", Text: eventText, Mode: 0o644},
		{Name: "usage/deeper/function.json", Text: "ignored", Mode: 0o644},
	}
}

// with replaces or adds a file.
func with(name, text string) []hosttest.File {
	files := good()
	for i := range files {
		if files[i].Name == name {
			files[i].Text = text
			return files
		}
	}
	return append(files, hosttest.File{Name: name, Text: text, Mode: 0o644})
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	a, err := Unpack(hosttest.Pack(t, good()...), dir, map[string]string{"HUB": `the "hub"`, "AzureWebJobs.usage.Disabled": "true"})
	if err != nil {
		t.Fatal(err)
	}
	want := &App{
		Host: Host{Executable: "handler", FunctionTimeout: 30 * time.Minute, InitTimeout: 30 * time.Second, RoutePrefix: "api",
			MaxBatch: 100, CheckpointEvery: 1, Proxying: true},
		Functions: []Function{{Name: "usage", Plain: true, Disabled: true, Retry: &Retry{Max: -1, Minimum: 2 * time.Second, Maximum: 2 * time.Minute},
			Trigger: Binding{Type: EventHub, Name: "events", EventHubName: `the "hub"`, Connection: "Hub", Cardinality: "many", DataType: "binary"}}},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("app (-want +got):\n%s", diff)
	}
	info, err := os.Stat(filepath.Join(dir, "handler"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the handler: %v, %v", info, err)
	}
	if _, ok := a.Function("USAGE"); !ok {
		t.Error("the function is not found by another case")
	}
}

func TestPackagesThatTheHostRefuses(t *testing.T) {
	plainMode := good()
	plainMode[1].Mode = 0o644
	for name, test := range map[string]struct {
		files []hosttest.File
		says  string
	}{
		"no_host_json":           {good()[1:], "host.json must lie at the root"},
		"host_json_that_is_none": {with("host.json", "{"), "host.json"},
		"version_1":              {with("host.json", strings.Replace(hostText, "2.0", "1.0", 1)), "version"},
		"no_handler_named":       {with("host.json", `{"version":"2.0"}`), "defaultExecutablePath"},
		"no_handler":             {append(good()[:1], good()[2]), "the handler that host.json names"},
		"no_executable_bit":      {plainMode, "mode 0644 in the zip, want 0755"},
		"routes":                 {with("host.json", strings.Replace(hostText, `"enable`, `"http":{"routes":[{}]},"enable`, 1)), "never starts"},
		"forwarding":             {with("host.json", strings.Replace(hostText, "enableProxying", "enableForwarding", 1)), "enableProxyingHttpRequest"},
		"timeout_that_is_none":   {with("host.json", strings.Replace(hostText, `"cust`, `"functionTimeout":"10m","cust`, 1)), "functionTimeout"},
		"no_function":            {good()[:2], "holds no function"},
		"name":                   {with("1st/function.json", eventText), "no name of a function"},
		"json":                   {with("usage/function.json", "{"), "usage/function.json"},
		"setting":                {with("usage/function.json", strings.Replace(eventText, "%HUB%", "%NOT_SET%", 1)), "no setting defines NOT_SET"},
		"no_trigger":             {with("usage/function.json", `{"bindings":[]}`), "no trigger"},
		"two_triggers":           {with("usage/function.json", `{"bindings":[{"type":"timerTrigger"},{"type":"httpTrigger"}]}`), "two triggers"},
		"unknown_trigger":        {with("usage/function.json", `{"bindings":[{"type":"blobTrigger","name":"b"}]}`), "not stood in for"},
		"no_hub":                 {with("usage/function.json", `{"bindings":[{"type":"eventHubTrigger","name":"e","connection":"c"}]}`), "no eventHubName"},
		"auth_level":             {with("usage/function.json", `{"bindings":[{"type":"httpTrigger","name":"r","authLevel":"everybody"}]}`), "authLevel"},
		"retry_count":            {with("usage/function.json", strings.Replace(eventText, "-1", "-2", 1)), "maxRetryCount"},
		"retry_strategy":         {with("usage/function.json", strings.Replace(eventText, "exponentialBackoff", "often", 1)), "strategy"},
		"retry_interval":         {with("usage/function.json", strings.Replace(eventText, "00:02:00", "00:00:01", 1)), "below minimumInterval"},
		"outside":                {with("../evil", "x"), "outside"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Unpack(hosttest.Pack(t, test.files...), t.TempDir(), map[string]string{"HUB": "hub"})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
		})
	}
}

func TestNoPackage(t *testing.T) {
	if _, err := Unpack(filepath.Join(t.TempDir(), "no.zip"), t.TempDir(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{"00:10:00": 10 * time.Minute, "1.02:03:04": 26*time.Hour + 3*time.Minute + 4*time.Second, "00:00:00.5": time.Second / 2} {
		if got, err := parseSpan(text); got != want || err != nil {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "00:60:00", "24:00:00", "-1:00:00", "00:00:-1", "a.00:00:00", "00:00:61"} {
		if got, err := parseSpan(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// The delays of an exponential policy of 1 to 10 s were measured as 1.0, 2.0,
// 2.6 and 4.3 s; those of a fixed one of 2 s as 2.00 s each.
func TestDelays(t *testing.T) {
	exponential := Retry{Max: -1, Minimum: time.Second, Maximum: 10 * time.Second}
	for n, measured := range []time.Duration{1000, 2000, 2600, 4300} {
		low, high := exponential.Delay(n, 0), exponential.Delay(n, 1)
		if measured *= time.Millisecond; measured < low || measured > high {
			t.Errorf("retry %d waits %v to %v, the host waited %v", n, low, high, measured)
		}
	}
	for _, n := range []int{5, 60, 1000} {
		if got := exponential.Delay(n, 0); got != 10*time.Second {
			t.Errorf("retry %d waits %v, want the maximum", n, got)
		}
	}
	if got := (Retry{Minimum: 2 * time.Second}).Delay(7, 0.5); got != 2*time.Second {
		t.Errorf("a fixed policy waits %v", got)
	}
}
