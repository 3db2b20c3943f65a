package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
)

// TestMain lets the test binary be the handler: it does what the file named
// by HANDLER_SCRIPT says for this start, one line a start.
func TestMain(m *testing.M) {
	if script := os.Getenv("HANDLER_SCRIPT"); script != "" {
		syscall.Exit(handle(script)) // as another program would: without the hooks of a test that measures coverage
	}
	os.Exit(m.Run())
}

// handle plays one life of a handler.
func handle(script string) int {
	text, err := os.ReadFile(script)
	if err != nil {
		return 1
	}
	life, rest, _ := strings.Cut(string(text), "\n")
	if rest != "" {
		if err := os.WriteFile(script, []byte(rest), 0o600); err != nil {
			return 1
		}
	}
	code := 0
	if _, number, ok := strings.Cut(life, "exit-"); ok {
		code, _ = strconv.Atoi(number)
	}
	switch {
	case strings.HasPrefix(life, "exit-"):
		fmt.Fprintln(os.Stderr, "one\ntwo\nthree\nWARNING: four")
		return code
	case life == "close": // accepts and closes
		return listen(func(c net.Conn) { _ = c.Close() })
	case life == "deaf": // never listens
		select {}
	}
	fmt.Println(`{"level":"ERROR","msg":"on stdout"}`)
	mux := http.NewServeMux()
	mux.HandleFunc("/end", func(http.ResponseWriter, *http.Request) { syscall.Exit(code) })
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		dir, _ := os.Getwd()
		_, _ = fmt.Fprintf(w, "%s\n%s\n%d", strings.Join(os.Environ(), "\n"), dir, len(os.Args))
	})
	err = http.ListenAndServe("127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"), mux)
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func listen(serve func(net.Conn)) int {
	l, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("FUNCTIONS_CUSTOMHANDLER_PORT"))
	if err != nil {
		return 1
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return 1
		}
		serve(c)
	}
}

// logs collects lines.
type logs struct {
	mu    sync.Mutex
	lines []Line
}

func (l *logs) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *logs) all() []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

type running struct {
	*Worker
	logs  *logs
	ended chan error
	stop  context.CancelCauseFunc
}

// run starts a worker whose handler lives the given lives, one after another;
// the last is lived again and again.
func run(t *testing.T, c clock.Clock, lives ...string) running {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(strings.Join(lives, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(binary, filepath.Join(dir, "handler")); err != nil {
		t.Fatal(err)
	}
	r := running{logs: &logs{}, ended: make(chan error, 1)}
	r.Worker, err = New(Config{Dir: dir, Executable: "handler", Env: append(os.Environ(), "HANDLER_SCRIPT="+script, "SETTING=1"),
		ID: "worker", InitTimeout: 30 * time.Second, Clock: c, Log: r.logs.add})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	r.stop = cancel
	go func() { r.ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel(nil)
		if err := <-r.ended; err != nil {
			t.Logf("ended with: %v", err)
		}
	})
	return r
}

// get asks the handler; a connection that ends without an answer is no error.
func (r running) get(t *testing.T, path string) string {
	t.Helper()
	answer, err := http.Get("http://" + r.Addr() + path)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(answer.Body); err != nil {
		t.Error(err)
	}
	return b.String()
}

func (r running) ready(t *testing.T) {
	t.Helper()
	if err := r.Wait(t.Context()); err != nil {
		t.Fatalf("not ready: %v", err)
	}
}

// lived waits until the handler was started n times and is ready again.
func (r running) lived(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); r.Started() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("started %d times in a minute, want %d", r.Started(), n)
		}
	}
	r.ready(t)
}

func TestTheHandlersWorld(t *testing.T) {
	r := run(t, clock.System{}, "serve")
	r.ready(t)
	got := r.get(t, "/env")
	_, port, _ := net.SplitHostPort(r.Addr())
	for _, want := range []string{"SETTING=1\n", "FUNCTIONS_CUSTOMHANDLER_PORT=" + port, "FUNCTIONS_HTTPWORKER_PORT=" + port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID=worker", "FUNCTIONS_HTTPWORKER_ID=worker", "FUNCTIONS_APP_ROOT_PATH=" + r.config.Dir,
		"\n" + r.config.Dir + "\n1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in the handler's environment, directory and arguments:\n%s", want, got)
		}
	}
	if want := (Line{Information, `{"level":"ERROR","msg":"on stdout"}`}); !slices.Contains(r.logs.all(), want) {
		t.Errorf("stdout is not filed as %v: %v", want, r.logs.all())
	}
}

func TestWhateverAcceptsIsReady(t *testing.T) {
	for _, life := range []string{"serve", "close"} {
		t.Run(life, func(t *testing.T) {
			t.Parallel()
			run(t, clock.System{}, life).ready(t)
		})
	}
}

// The handler accepts at once, and answers long after initializationTimeout.
func TestAQuestionIsWaitedForWithoutEnd(t *testing.T) {
	w, err := New(Config{InitTimeout: time.Microsecond, Clock: clock.System{}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", w.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		if c, err := l.Accept(); err == nil {
			time.Sleep(20 * time.Millisecond)
			_ = c.Close()
		}
	}()
	if err := w.probe(t.Context()); err != nil {
		t.Errorf("error %v, want the answer to be waited for", err)
	}
}

func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		lives   []string
		clock   clock.Clock
		started int
		stops   bool
	}{
		"third_failure_stops_the_host":       {[]string{"exit-3"}, clock.System{}, 3, true},
		"exit_200_is_free":                   {[]string{"exit-200", "exit-200", "exit-200", "exit-200", "serve"}, clock.System{}, 5, false},
		"two_failures_are_survived":          {[]string{"exit-1", "exit-200", "exit-2", "serve"}, clock.System{}, 4, false},
		"exit_0_before_ready_waits_and_ends": {[]string{"exit-0"}, clock.Fast(1000), 3, true},
		"never_listening_is_a_failure":       {[]string{"deaf"}, clock.Fast(100), 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, test.clock, test.lives...)
			if !test.stops {
				r.ready(t)
			} else {
				if err := r.Wait(t.Context()); !errors.Is(err, ErrStopped) {
					t.Fatalf("waited in vain with %v, want %v", err, ErrStopped)
				}
				err := <-r.ended
				r.ended <- err // for the end of the test
				if !errors.Is(err, ErrStopped) {
					t.Errorf("error %v, want %v", err, ErrStopped)
				}
			}
			if n := r.Started(); n != test.started {
				t.Errorf("started %d times, want %d", n, test.started)
			}
		})
	}
}

func TestExitZeroAfterReadyIsFinal(t *testing.T) {
	r := run(t, clock.System{}, "serve-then-exit-0")
	r.ready(t)
	r.get(t, "/end")
	for deadline := time.Now().Add(time.Minute); !errors.Is(r.Wait(t.Context()), ErrGone); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not gone after a minute")
		}
	}
	if n := r.Started(); n != 1 {
		t.Errorf("started %d times, want once", n)
	}
}

func TestAKillCountsUnlessItWasFunctionTimeout(t *testing.T) {
	r := run(t, clock.System{}, "serve")
	for n := 1; n <= 4; n++ {
		r.lived(t, n)
		if err := r.KillTimedOut(); err != nil {
			t.Fatal(err)
		}
	}
	for n := 5; n <= 7; n++ {
		r.lived(t, n)
		if err := r.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	err := <-r.ended
	r.ended <- err
	if !errors.Is(err, ErrStopped) {
		t.Errorf("error %v after three crashes, want %v", err, ErrStopped)
	}
}

func TestStandardErrorIsClassifiedAndAttachedToTheExit(t *testing.T) {
	r := run(t, clock.System{}, "exit-3", "serve")
	r.ready(t)
	want := []Line{{Error, "one"}, {Error, "two"}, {Error, "three"}, {Warning, "WARNING: four"},
		{Error, "the handler has ended (exit status 3): two\nthree\nWARNING: four"}}
	if diff := cmp.Diff(want, r.logs.all()[:len(want)]); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestAnAbandonedHandlerLivesOn(t *testing.T) {
	r := run(t, clock.System{}, "serve")
	r.ready(t)
	process, err := os.FindProcess(r.PID())
	if err != nil {
		t.Fatal(err)
	}
	r.stop(ErrAbandoned)
	err = <-r.ended
	r.ended <- err
	if !strings.Contains(r.get(t, "/env"), "SETTING=1") {
		t.Error("the handler does not answer any more")
	}
	if err := process.Kill(); err != nil {
		t.Error(err)
	}
}

func TestAHandlerThatCannotStart(t *testing.T) {
	w, err := New(Config{Dir: t.TempDir(), Executable: "handler", Clock: clock.System{}, Log: func(Line) {}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want %v", err, os.ErrNotExist)
	}
}

// A handler that does not listen at the moment keeps its port from the
// workers of other processes, too, whose handlers would answer in its place.
func TestAPortIsClaimedOnce(t *testing.T) {
	p, err := takePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := claim(p.addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("claimed again with error %v, want %v", err, syscall.EADDRINUSE)
	}
	p.giveBack()
	again, err := claim(p.addr)
	if err != nil {
		t.Fatalf("not free after it was given back: %v", err)
	}
	again.giveBack()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := claim(p.addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("claimed while somebody listens, error %v, want %v", err, syscall.EADDRINUSE)
	}
	if free, err := net.ListenPacket("udp", p.addr); err != nil {
		t.Errorf("a claim in vain is kept: %v", err)
	} else {
		_ = free.Close()
	}
}

func TestLongLinesAreCut(t *testing.T) {
	var got []string
	s := &splitter{line: func(text string) { got = append(got, text) }}
	for _, part := range []string{"a\r\nb", "c\n", strings.Repeat("x", maxLine+5) + "\n", "end"} {
		if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("wrote %d of %d: %v", n, len(part), err)
		}
	}
	s.end()
	if diff := cmp.Diff([]string{"a", "bc", strings.Repeat("x", maxLine), "end"}, got); diff != "" {
		t.Error(diff)
	}
}
