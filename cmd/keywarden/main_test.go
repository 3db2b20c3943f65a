package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/keywarden/keywarden/handlers"
)

// TestMain lets the test binary be the program, and the handler in the packages
// of the hosted tests.
func TestMain(m *testing.M) {
	if os.Getenv(handlers.PortVariable) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"keywarden": main})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition: func(condition string) (bool, error) {
			if condition == "root" { // who may read every file
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", condition)
		},
	})
}

// exits is the script command "exits CODE PROGRAM [ARG]...": the program must end with the code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG]...")
	}
	var exit *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case err == nil:
		ts.Fatalf("exit code 0, want %s", args[0])
	case !errors.As(err, &exit):
		ts.Fatalf("%v", err)
	case strconv.Itoa(exit.ExitCode()) != args[0]:
		ts.Fatalf("exit code %d, want %s", exit.ExitCode(), args[0])
	}
}

// fullDisk is a writer that has no room left.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestReport(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		code int
		says string
	}{
		"nothing_wrong":    {t.Context(), nil, 0, ""},
		"failure":          {t.Context(), errors.New("a.json: cut short"), 1, "keywarden: a.json: cut short\n"},
		"closed_pipe":      {t.Context(), &os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, 1, ""},
		"usage":            {t.Context(), usageError{errors.New("no detector is called \"x\"")}, 2, "keywarden: no detector is called \"x\"\nRun \"keywarden --help\" to see how it is used.\n"},
		"interrupted":      {interrupted, fmt.Errorf("a.json: %w", context.Canceled), 130, "keywarden: interrupted\n"},
		"failed_meanwhile": {interrupted, errors.New("disk full"), 1, "keywarden: disk full\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr strings.Builder
			if code := report(test.ctx, test.err, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if stderr.String() != test.says {
				t.Errorf("says %q, want %q", stderr.String(), test.says)
			}
		})
	}
}
