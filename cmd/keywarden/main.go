// Keywarden finds stolen Azure OpenAI keys in Azure's diagnostic logs.
//
//	keywarden replay DIR       judges log files and prints the incidents
//	keywarden seed DIR         teaches what is usual from an archive, and announces nothing
//	keywarden simulate DIR     writes realistic logs, with or without a stolen key in them
//	keywarden detectors [ID]   says what is looked for, and what to do about it
//	keywarden run              takes in the hubs, judges, and serves the API
//	keywarden send FILE        publishes log files to the diagnostics hub
//	keywarden deadletters      lists records that were set aside, or tries them again
//	keywarden backtest FILE    says what changed settings would have gained and lost
//	keywarden evaluate         measures how much abuse is found, and how much is false
//	keywarden verdict ID VALUE says what an incident was
//	keywarden except           says what is benign, until a day
//	keywarden decoy            names a key that was laid out to be stolen
//	keywarden watch NETWORK    looks for networks
//	keywarden rules            lists what of these holds
//	keywarden revoke ID        ends one of them
//
// Where the Functions host starts it (FUNCTIONS_CUSTOMHANDLER_PORT is set), and
// no command is given, it serves the functions.
//
// Results go to standard output, everything else to standard error. The exit
// code is 0 whatever is found, 1 where an input could not be read or a result
// not be written, 2 for a wrong command line, and 130 after Ctrl-C.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/keywarden/keywarden/handlers"
)

// Exit codes.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// commands is the command line.
type commands struct {
	Replay    replayCommand    `cmd:"" help:"Judge log files and print the incidents."`
	Seed      seedCommand      `cmd:"" help:"Teach a store what is usual, and announce nothing."`
	Simulate  simulateCommand  `cmd:"" help:"Write realistic logs, with or without a stolen key in them."`
	Detectors detectorsCommand `cmd:"" help:"Say what is looked for, and what to do about it."`

	Run         runCommand         `cmd:"" help:"Take in the hubs, judge, and serve the API, without the Functions host."`
	Send        sendCommand        `cmd:"" help:"Publish log files to the diagnostics hub."`
	Deadletters deadlettersCommand `cmd:"" help:"List records that were set aside, or try them again."`

	Backtest backtestCommand `cmd:"" help:"Say what changed settings would have gained and lost."`
	Evaluate evaluateCommand `cmd:"" help:"Measure how much abuse is found, and how much is false."`

	Verdict verdictCommand `cmd:"" help:"Say what an incident was: it changes what is judged."`
	Except  exceptCommand  `cmd:"" help:"Say what is benign, until a day."`
	Decoy   decoyCommand   `cmd:"" help:"Name a key that was laid out to be stolen."`
	Watch   watchCommand   `cmd:"" help:"Look for networks that something bad is known of."`
	Rules   rulesCommand   `cmd:"" help:"List the exceptions, decoys and watches that hold."`
	Revoke  revokeCommand  `cmd:"" help:"End an exception, a decoy or a watch."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

const description = `Keywarden finds stolen Azure OpenAI keys in Azure's diagnostic logs.

New here? This makes two weeks of logs with a stolen key in them, and finds it:

  keywarden simulate /tmp/logs
  keywarden replay /tmp/logs`

// streams is what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program: it runs the command of args until it is done or ctx is, and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	helped := false // --help or --version was all that was asked
	parser := kong.Must(&commands{},
		kong.Name("keywarden"),
		kong.Description(description),
		kong.Vars{"version": version()},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{in: stdin, out: stdout, err: stderr}),
	)
	if len(args) == 0 && os.Getenv(handlers.PortVariable) != "" {
		return report(ctx, serveHost(&streams{in: stdin, out: stdout, err: stderr}), stderr)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err == nil {
		err = command.Run()
	}
	return report(ctx, err, stderr)
}

// usageError is a command line that asks for what cannot be.
type usageError struct{ error }

// report tells the user of err, if that is of use, and returns the exit code.
func report(ctx context.Context, err error, stderr io.Writer) int {
	var parse *kong.ParseError
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &parse), errors.As(err, &usage):
		help := "keywarden"
		if parse != nil && parse.Context.Selected() != nil {
			help = parse.Context.Selected().FullPath()
		}
		fmt.Fprintf(stderr, "keywarden: %v\nRun \"%s --help\" to see how it is used.\n", err, help)
		return exitUsage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "keywarden: interrupted")
		return exitInterrupted
	case errors.Is(err, syscall.EPIPE): // whoever reads the output has seen enough
		return exitFailure
	default:
		for line := range strings.Lines(err.Error()) { // errors of several inputs, one a line
			fmt.Fprintf(stderr, "keywarden: %s\n", strings.TrimSuffix(line, "\n"))
		}
		return exitFailure
	}
}
