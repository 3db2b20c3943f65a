package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// feed sends logs to the product, by its own command line.
type feed struct {
	program string
	logs    []string // to send; none: those that simulate makes
	made    string   // where those go
	options []string // of simulate
	sending []string // options of send
	env     []string
	folder  *folder
	empty   bool
	std     *output
}

// feed is what the command line asks for. The days of a simulation end before
// today: what is later than it comes is not believed.
func (c *devCommand) feed(s settings, f *folder, std *output) *feed {
	begin := time.Now().UTC().AddDate(0, 0, -c.Days)
	made := f.path("logs")
	feed := &feed{
		program: absolute(c.Program), logs: c.Logs, made: made, env: append(os.Environ(), s.environment()...), folder: f, empty: c.Empty || f.kept.Sent, std: std,
		options: []string{"simulate", "--start", begin.Format(time.DateOnly), "--days", strconv.Itoa(c.Days), "--principals", strconv.Itoa(c.Principals),
			"--seed", strconv.FormatUint(c.Seed, 10), made},
	}
	if c.PerSecond > 0 {
		feed.sending = append(feed.sending, "--per-second", strconv.FormatFloat(c.PerSecond, 'g', -1, 64))
	}
	if !c.Spread {
		feed.sending = append(feed.sending, "--partition", "0")
	}
	return feed
}

// run sends, and returns when the hub has accepted everything.
func (f *feed) run(ctx context.Context) error {
	if f.empty {
		return f.folder.sent()
	}
	logs := f.logs
	if len(logs) == 0 {
		if err := f.do(ctx, f.options...); err != nil {
			return quietly(ctx, err)
		}
		logs = []string{filepath.Join(f.made, "logs.ndjson")}
	}
	args := append([]string{"send"}, f.sending...)
	if err := f.do(ctx, append(append(args, "--"), logs...)...); err != nil {
		return quietly(ctx, err)
	}
	return f.folder.sent()
}

// errInterrupted says that a program of ours was ended by Ctrl-C before we
// heard of it ourselves: a terminal tells all at once.
var errInterrupted = errors.New("interrupted")

// interruptedCode is the program's exit code after Ctrl-C.
const interruptedCode = 130

// do runs the program, and ends it by Ctrl-C where ctx ends.
func (f *feed) do(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, f.program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = f.env, f.std.err, f.std.err
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = drainFor
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && interrupted(exit):
		return errInterrupted
	case err != nil:
		return fmt.Errorf("keywarden %s: %w", args[0], err)
	}
	return nil
}

// interrupted reports whether a program ended by Ctrl-C, which it may have met
// before it came to listen for it.
func interrupted(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return exit.ExitCode() == interruptedCode || ok && status.Signaled() && status.Signal() == syscall.SIGINT
}
