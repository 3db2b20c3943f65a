package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/wire"
)

// errInit is a handler that did not accept within initializationTimeout.
var errInit = errors.New("the handler did not accept within customHandler.initializationTimeout")

// outputDelay is how long the output of a dead handler's children is waited for.
const outputDelay = time.Second

// exit is how a process ended.
type exit struct{ err error }

// once runs one process to its end.
func (w *Worker) once(ctx context.Context) (ending, error) {
	cmd := exec.Command(filepath.Join(w.config.Dir, w.config.Executable), w.config.Arguments...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr, cmd.WaitDelay = w.config.Dir, w.environment(), apart(), outputDelay
	errs := &stderr{log: w.config.Log}
	out, err := &splitter{line: func(text string) { w.config.Log(Line{Information, text}) }}, &splitter{line: errs.line}
	cmd.Stdout, cmd.Stderr = out, err
	if err := w.begin(cmd); err != nil {
		return ending{}, err
	}
	exited := make(chan exit, 1)
	go func() {
		ended := cmd.Wait()
		out.end()
		err.end()
		exited <- exit{ended}
	}()
	e, wait := w.attend(ctx, exited)
	w.mu.Lock()
	w.process = nil
	e.excused = w.excused
	w.to(starting)
	w.mu.Unlock()
	if ctx.Err() == nil {
		w.config.Log(Line{Error, fmt.Sprintf("the handler has ended (%s)%s", e, errs.tail())})
	}
	if wait > 0 { // exit 0 before it was ready: the host waits for it all the same
		_ = w.config.Clock.Sleep(ctx, wait) // Run looks at ctx
	}
	return e, nil
}

// begin starts the process.
func (w *Worker) begin(cmd *exec.Cmd) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the handler: %w", err)
	}
	w.process, w.excused = cmd.Process, false
	w.started++
	return nil
}

// attend waits for the process to be ready and to end. wait is what is left
// of the time that a handler which exited with 0 had to become ready.
func (w *Worker) attend(ctx context.Context, exited <-chan exit) (e ending, wait time.Duration) {
	probing, stop := context.WithCancel(ctx)
	defer stop()
	begun := w.config.Clock.Now()
	accepted := make(chan error, 1)
	go func() { accepted <- w.probe(probing) }()
	for {
		select {
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), ErrAbandoned) {
				_ = w.Kill() // it may have ended by itself
				<-exited
			}
			return e, 0
		case err := <-accepted:
			accepted = nil
			if errors.Is(err, errInit) {
				_ = w.Kill() // as above
				<-exited
				return ending{code: -1, words: err.Error()}, 0
			}
			if err == nil {
				e.ready = true
				w.becomeReady()
			}
		case how := <-exited:
			e.code, e.words = describe(how.err)
			if e.code == 0 && !e.ready {
				wait = w.config.InitTimeout - w.config.Clock.Now().Sub(begun)
			}
			return e, wait
		}
	}
}

// becomeReady changes the state unless the process was killed meanwhile.
func (w *Worker) becomeReady() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process != nil {
		w.to(ready)
	}
}

// probe asks GET / until the handler does anything but refuse the connection.
// Only refusals count against initializationTimeout: a question that is not
// answered is waited for without end, as the host does.
func (w *Worker) probe(ctx context.Context) error {
	limited, stop := clock.WithTimeout(ctx, w.config.Clock, w.config.InitTimeout, errInit)
	defer stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.port.addr+"/", nil)
		if err != nil {
			return err
		}
		answer, err := wire.Transport{}.RoundTrip(r)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			return answer.Body.Close()
		case !errors.Is(err, syscall.ECONNREFUSED):
			return nil
		}
		if err := w.config.Clock.Sleep(limited, probeEvery); err != nil {
			return err
		}
	}
}
