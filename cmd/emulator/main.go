// Emulator runs the stand-ins for the Azure services that Keywarden uses, for tests and development.
//
//	emulator cosmos --listen ADDR [--tls-cert FILE --tls-key FILE] [--state DIR]
//
// Each prints "ready ADDR" to standard output when it accepts, and works until Ctrl-C. Messages go to standard error.
// The exit code is 0 after Ctrl-C, 1 where it could not go on, 2 for a wrong command line.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitFailure = 1
	exitUsage   = 2
)

// commands is the command line.
type commands struct {
	Cosmos cosmosCommand `cmd:"" help:"Cosmos DB for NoSQL, with the key of Microsoft's emulator."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program: it runs the stand-in of args until ctx ends, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	helped := false // --help was all that was asked
	parser := kong.Must(&commands{},
		kong.Name("emulator"),
		kong.Description("Stand-ins for the Azure services that Keywarden uses."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.BindTo(stdout, (*io.Writer)(nil)),
	)
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if helped {
		return 0
	}
	if err != nil {
		fmt.Fprintf(stderr, "emulator: %v\n", err)
		return exitUsage
	}
	if err := command.Run(); err != nil {
		fmt.Fprintf(stderr, "emulator: %v\n", err)
		return exitFailure
	}
	return 0
}
