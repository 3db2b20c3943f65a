// Package worker keeps the handler's process as the Functions host does: on
// one port of 127.0.0.1, with the host's environment, asked for its readiness
// until it accepts, started again when it ends, and given up when it has
// failed three times. What it prints becomes log lines. It is only ever ended
// by SIGKILL.
package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
)

const (
	probeEvery    = 28 * time.Millisecond // between two questions for readiness, as measured
	maxFailures   = 3                     // the failure that stops the host
	failureWindow = 30 * time.Minute      // how long a failure counts
	restartCode   = 200                   // the exit code that asks for a restart
)

// Ends of a worker.
var (
	// ErrStopped is a host that gave up its handler: it failed three times.
	ErrStopped = errors.New("the handler failed three times within 30 minutes: the host stops")
	// ErrGone is a handler that exited with 0 and is not started again.
	ErrGone = errors.New("the handler has exited with code 0 and is not started again")
	// ErrAbandoned, as the cause of Run's context, leaves the handler running.
	ErrAbandoned = errors.New("the host is gone and left its handler running")
)

// Config says what to run.
type Config struct {
	Dir         string   // the script root, the working directory
	Executable  string   // relative to Dir
	Arguments   []string // usually none
	Env         []string // the whole environment, but for what the host adds
	ID          string   // of the worker
	InitTimeout time.Duration
	Clock       clock.Clock
	Log         func(Line) // called from several goroutines
}

type state int

const (
	starting state = iota
	ready
	gone
	stopped
)

// Worker is one handler, through all its restarts.
type Worker struct {
	config Config
	port   port

	mu       sync.Mutex
	state    state
	changed  chan struct{} // closed when the state changes
	process  *os.Process   // nil between two
	excused  bool          // the process was killed by functionTimeout
	started  int           // processes so far
	failures []time.Time
}

// New chooses the worker's port. Nothing runs before Run.
func New(c Config) (*Worker, error) {
	p, err := takePort()
	if err != nil {
		return nil, err
	}
	return &Worker{config: c, port: p, changed: make(chan struct{})}, nil
}

// Addr is where the handler listens; the same through all restarts.
func (w *Worker) Addr() string { return w.port.addr }

// Started is how often the handler was started.
func (w *Worker) Started() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.started
}

// PID is the process of the handler; 0 where none runs.
func (w *Worker) PID() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return 0
	}
	return w.process.Pid
}

// Wait returns when the handler is ready, with ErrGone or ErrStopped when it
// never will be, and with ctx's cause when that ends before.
func (w *Worker) Wait(ctx context.Context) error {
	for {
		w.mu.Lock()
		now, changed := w.state, w.changed
		w.mu.Unlock()
		switch now {
		case ready:
			return nil
		case gone:
			return ErrGone
		case stopped:
			return ErrStopped
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Kill ends the process as a crash would.
func (w *Worker) Kill() error { return w.kill(false) }

// KillTimedOut ends the process because an invocation reached
// functionTimeout, which does not count as a failure.
func (w *Worker) KillTimedOut() error { return w.kill(true) }

func (w *Worker) kill(excused bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process == nil {
		return nil
	}
	w.excused = w.excused || excused
	w.to(starting)
	if err := w.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill the handler: %w", err)
	}
	return nil
}

// to changes the state; the lock is held.
func (w *Worker) to(s state) {
	if w.state != s {
		w.state = s
		close(w.changed)
		w.changed = make(chan struct{})
	}
}

func (w *Worker) set(s state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to(s)
}

// Run keeps the handler until ctx ends, then kills it (unless the cause is
// ErrAbandoned) and returns nil. It returns earlier where the handler cannot
// be started, or with ErrStopped.
func (w *Worker) Run(ctx context.Context) error {
	defer w.set(stopped)
	defer w.port.giveBack()
	for {
		end, err := w.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case end.excused || end.code == restartCode:
			continue
		case end.code == 0 && end.ready:
			w.set(gone)
			<-ctx.Done()
			return nil
		case w.fails():
			return fmt.Errorf("%w (last: %s)", ErrStopped, end)
		}
	}
}

// fails counts a failure and reports whether it was one too many.
func (w *Worker) fails() bool {
	now := w.config.Clock.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = slices.DeleteFunc(w.failures, func(t time.Time) bool { return now.Sub(t) > failureWindow })
	w.failures = append(w.failures, now)
	return len(w.failures) >= maxFailures
}

// environment is the handler's: the host's own and five variables.
func (w *Worker) environment() []string {
	_, port, _ := net.SplitHostPort(w.port.addr) // it was a listener's address
	return append(slices.Clone(w.config.Env),
		"FUNCTIONS_CUSTOMHANDLER_PORT="+port,
		"FUNCTIONS_CUSTOMHANDLER_WORKER_ID="+w.config.ID,
		"FUNCTIONS_HTTPWORKER_PORT="+port,
		"FUNCTIONS_HTTPWORKER_ID="+w.config.ID,
		"FUNCTIONS_APP_ROOT_PATH="+w.config.Dir)
}

// ending is how one process ended.
type ending struct {
	code    int // -1 = by a signal, or it never accepted
	ready   bool
	excused bool
	words   string
}

func (e ending) String() string { return e.words }

func describe(err error) (code int, words string) {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), exit.String()
	}
	if err != nil {
		return -1, err.Error()
	}
	return 0, "exit status " + strconv.Itoa(0)
}
