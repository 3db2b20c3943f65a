// Emulator runs the stand-ins of the Azure services that Keywarden works with,
// for developing and testing without an Azure account.
//
//	emulator eventhubs --hub diagnostics:4 --hub usage:4
//	emulator cosmos
//	emulator functions --package dist/keywarden.zip
//	emulator dev
//
// The last runs all of them together, with the product and a simulation.
//
// Each prints "ready ADDRESS" on standard output when it accepts connections,
// and ends with Ctrl-C. The exit code is 0 then, 1 where it cannot run, and 2
// for a wrong command line.
package main

import (
	"context"
	"errors"
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

// commands is the command line: a command for each stand-in.
type commands struct {
	Eventhubs eventhubsCommand `cmd:"" help:"Azure Event Hubs, over AMQP and websockets, with or without TLS."`
	Blobs     blobsCommand     `cmd:"" help:"Blob containers, for the checkpoints of consumers of Event Hubs."`
	Cosmos    cosmosCommand    `cmd:"" help:"Cosmos DB for NoSQL, with the key of Microsoft's emulator."`
	Functions functionsCommand `cmd:"" help:"The Azure Functions host, with a package of a custom handler."`
	Dev       devCommand       `cmd:"" help:"All of them together, with the product and a simulation: the whole on one machine."`
}

// output is where a command says that it is ready, and where it says what is
// wrong.
type output struct{ out, err io.Writer }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run runs the command of args until ctx is done, and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	helped := false // --help was all that was asked
	parser := kong.Must(&commands{},
		kong.Name("emulator"),
		kong.Description("Stand-ins for the Azure services that Keywarden works with."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&output{out: stdout, err: stderr}),
	)
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
	var parse *kong.ParseError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &parse):
		fmt.Fprintf(stderr, "emulator: %v\nRun \"emulator --help\" to see how it is used.\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "emulator: %v\n", err)
	return exitFailure
}
