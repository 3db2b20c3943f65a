package app

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzPackage reads any host.json and function.json: both are either refused or
// give functions that the host can run.
func FuzzPackage(f *testing.F) {
	root := filepath.Join("..", "..", "..")
	host, err := os.ReadFile(filepath.Join(root, "host.json"))
	if err != nil {
		f.Fatal(err)
	}
	functions, err := filepath.Glob(filepath.Join(root, "handlers", "*", "function.json"))
	if err != nil || len(functions) == 0 {
		f.Fatal(len(functions), err)
	}
	for _, file := range functions {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(host, filepath.Base(filepath.Dir(file)), text)
	}
	f.Add([]byte(`{"version":"2.0","functionTimeout":"-1","customHandler":{"description":{"defaultExecutablePath":"handler"}}}`), "f",
		[]byte(`{"bindings":[{"type":"timerTrigger","direction":"in","name":"t","schedule":"%S%"}],"retry":{"strategy":"fixedDelay","maxRetryCount":2,"delayInterval":"00:00:01"}}`))
	settings := map[string]string{"S": "0 * * * * *", "KEYWARDEN_DIAGNOSTICS_HUB": "diagnostics", "KEYWARDEN_USAGE_HUB": "usage", "KEYWARDEN_CONSUMER_GROUP": "keywarden"}
	f.Fuzz(func(t *testing.T, host []byte, name string, function []byte) {
		h, err := parseHost(host)
		if err == nil && (h.Executable == "" || h.MaxBatch < 1 || h.CheckpointEvery < 1 || h.FunctionTimeout < 0 || h.InitTimeout <= 0) {
			t.Errorf("taken: %+v", h)
		}
		read, err := parseFunction(name, function, settings)
		if err != nil {
			return
		}
		if read.Name != name || read.Trigger.Type == "" {
			t.Errorf("taken: %+v", read)
		}
		if r := read.Retry; r != nil {
			for try := range 3 {
				if d := r.Delay(try, 0.5); d < 0 {
					t.Errorf("the pause before try %d is %v", try+1, d)
				}
			}
		}
	})
}
