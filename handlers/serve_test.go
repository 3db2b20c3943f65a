package handlers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestMain lets this program be a host and a handler too, so that a host can be killed.
func TestMain(m *testing.M) {
	switch os.Getenv("KEYWARDEN_TEST_PROCESS") {
	case "host":
		os.Exit(actHost())
	case "handler":
		os.Exit(actHandler())
	}
	os.Exit(m.Run())
}

// actHost starts a handler and is killed.
func actHost() int {
	handler := exec.Command(os.Args[0])
	handler.Env = append(os.Environ(), "KEYWARDEN_TEST_PROCESS=handler")
	handler.Stdout = os.Stdout
	if err := handler.Start(); err != nil {
		return 1
	}
	_ = handler.Wait()
	return 1
}

// actHandler serves on a port of its own choice and says when it is ready, and why it ended.
func actHandler() int {
	config := new(called).config()
	listening := func() (string, bool) {
		c, err := net.Dial("tcp", "127.0.0.1:"+os.Getenv(PortVariable))
		if err != nil {
			return "", false
		}
		return "ready", c.Close() == nil
	}
	go func() {
		for {
			if ready, ok := listening(); ok {
				fmt.Println(ready)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	fmt.Println(Serve(context.Background(), os.Getenv(PortVariable), config))
	return 0
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		t.Fatal(err)
	}
	return port
}

func TestServe_ends_when_the_host_is_killed(t *testing.T) {
	// All that the handler writes goes into a pipe that ends with the last process that holds it.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), "KEYWARDEN_TEST_PROCESS=host", PortVariable+"="+freePort(t))
	host.Stdout = w
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReaderSize(r, 16).ReadString('\n'); said != "ready\n" {
		t.Fatalf("the handler said %q (%v)", said, err)
	}
	if err := host.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait() // killed
	if err := r.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	last, err := io.ReadAll(r)
	if err != nil || !strings.Contains(string(last), ErrOrphan.Error()) {
		t.Errorf("the handler's last words: %q (%v)", last, err)
	}
}

func TestOrphaned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var parent atomic.Int64
		parent.Store(7)
		start := time.Now()
		time.AfterFunc(10*time.Second+time.Millisecond, func() { parent.Store(1) })
		if !orphaned(t.Context(), 7, func() int { return int(parent.Load()) }) || time.Since(start) > 11*time.Second {
			t.Errorf("noticed after %v", time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if orphaned(ctx, 1, func() int { return 1 }) {
			t.Error("an orphan though the parent is the same")
		}
	})
}

func TestServe_reports_what_is_wrong(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if err := Serve(t.Context(), port, new(called).config()); err == nil || !strings.Contains(err.Error(), PortVariable) {
		t.Errorf("a port that is taken: %v", err)
	}
	if err := Serve(t.Context(), port, Config{}); err == nil || !strings.Contains(err.Error(), "log") {
		t.Errorf("nothing configured: %v", err)
	}
}

// started serves h until end is called, which returns what serve did.
func started(t *testing.T, h http.Handler) (address string, end func(cause error) error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, listener, h, log.New(io.Discard, "", 0)) }()
	return "http://" + listener.Addr().String(), func(cause error) error { cancel(cause); return <-ended }
}

func TestServe_lets_end_what_is_in_flight(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	address, end := started(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "done")
	}))
	got := make(chan string)
	go func() {
		answer, err := http.Get(address)
		if err != nil {
			got <- err.Error()
			return
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		got <- string(text)
	}()
	<-entered
	ended := make(chan error)
	go func() { ended <- end(nil) }()
	close(release)
	if text := <-got; text != "done" {
		t.Errorf("answer %q", text)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestServe_as_an_orphan_waits_for_nothing(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	address, end := started(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	}))
	go func() {
		if answer, err := http.Get(address); err == nil {
			answer.Body.Close()
		}
	}()
	<-entered
	if err := end(ErrOrphan); !errors.Is(err, ErrOrphan) {
		t.Errorf("ended with %v", err)
	}
	<-left
}

func TestServe_answers_an_invocation_from_the_socket(t *testing.T) {
	c := called{}
	config := c.config()
	var out bytes.Buffer
	config.Log = slog.New(slog.NewJSONHandler(&out, nil))
	address, end := started(t, handler(t, config))
	text, err := os.ReadFile("invocation/testdata/eventhub-many-binary.http")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	text = bytes.Replace(text, []byte("POST /ehbin "), []byte("POST /diagnostics "), 1)
	text = bytes.Replace(text, []byte("\r\n\r\n"), []byte("\r\nConnection: close\r\n\r\n"), 1)
	if _, err := conn.Write(text); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 OK\r\n")) || !bytes.Contains(answer, []byte(`{"Outputs":{},"Logs":["2 events of partition 2, 59 to 60"],"ReturnValue":null}`)) {
		t.Errorf("answer:\n%s", answer)
	}
	if err := end(nil); err != nil || c.publish.Load() != 1 {
		t.Errorf("ended with %v after %d calls", err, c.publish.Load())
	}
	if !strings.Contains(out.String(), `"partition":"2","events":2,"first":59,"last":60`) {
		t.Errorf("logged: %s", out.String())
	}
}
