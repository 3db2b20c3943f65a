//go:build linux

package functionshost

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary be the handler in the package, and the
// process of a host.
func TestMain(m *testing.M) {
	switch os.Getenv("TEST_ROLE") {
	case "handler":
		os.Exit(handle())
	case "host":
		os.Exit(host())
	}
	os.Exit(m.Run())
}

// handle is a custom handler. What it does with an event or a request is what
// the event's body or the request's path says.
func handle() int {
	fmt.Fprintln(os.Stderr, "warning: the handler has started")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{function}", invoked)
	mux.HandleFunc("/api/{what}", asked)
	err := http.ListenAndServe("127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), mux)
	fmt.Fprintln(os.Stderr, err)
	return 1
}

type invoke struct {
	Data     map[string]json.RawMessage
	Metadata struct {
		RetryContext struct {
			RetryCount int
			Exception  json.RawMessage
		}
	}
}

// orders is what the first event says.
func (i invoke) orders() string {
	var text string
	var bodies []string
	if json.Unmarshal(i.Data["events"], &text) != nil || json.Unmarshal([]byte(text), &bodies) != nil || len(bodies) == 0 {
		return ""
	}
	first, err := base64.StdEncoding.DecodeString(bodies[0])
	if err != nil {
		return ""
	}
	return string(first)
}

func invoked(w http.ResponseWriter, r *http.Request) {
	var i invoke
	if err := json.NewDecoder(r.Body).Decode(&i); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n := i.Metadata.RetryContext.RetryCount
	switch orders := i.orders(); {
	case orders == "fail-twice" && n < 2, orders == "fail":
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	case orders == "exit-once" && n == 0, orders == "exit":
		os.Exit(3)
	case orders == "hang-once" && n == 0:
		select {}
	case orders == "wait":
		fmt.Println("waiting with", i.Metadata.RetryContext.RetryCount)
		waitForFile(os.Getenv("TEST_GATE"))
	}
	w.Header().Set("Content-Type", "application/json")
	say(w, `{"Logs":["%s by %s, %d bytes of exception"]}`, r.PathValue("function"), os.Getenv("TEST_INSTANCE"), len(i.Metadata.RetryContext.Exception))
}

func waitForFile(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// say answers; the test sees what is missing.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

func asked(w http.ResponseWriter, r *http.Request) {
	flag := os.Getenv("TEST_GATE") + ".crashed"
	switch what := r.PathValue("what"); what {
	case "headers":
		_ = json.NewEncoder(w).Encode(r.Header) // the test sees what is missing
	case "hang":
		fmt.Println("hanging")
		select {}
	case "crash-once":
		if _, err := os.Stat(flag); err != nil {
			_ = os.WriteFile(flag, nil, 0o600) // the test sees that it crashes again
			os.Exit(3)
		}
		say(w, "recovered")
	case "crash":
		os.Exit(3)
	case "stream":
		for range 3 {
			say(w, "piece\n")
			_ = http.NewResponseController(w).Flush() // the test sees what is missing
		}
	case "wait":
		fmt.Println("waiting")
		waitForFile(os.Getenv("TEST_GATE"))
		say(w, "waited")
	default:
		body, _ := io.ReadAll(r.Body)
		say(w, "%s %s %s by %s", r.Method, strings.ToLower(what), body, os.Getenv("TEST_INSTANCE"))
	}
}
