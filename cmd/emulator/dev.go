package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/functionshost"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
)

// devCommand runs the whole product on one machine.
type devCommand struct {
	Package   string `default:"dist/keywarden.zip" placeholder:"ZIP" help:"What is deployed, as make package makes it."`
	Program   string `default:"build/keywarden" placeholder:"FILE" help:"The program, as make build makes it: it writes and sends the logs."`
	State     string `default:"build/dev" placeholder:"DIR" help:"Where everything is kept."`
	Keep      bool   `help:"Go on with what an earlier run has kept, and send nothing again. Without it the folder is begun anew."`
	Store     string `enum:"cosmos,sqlite" default:"cosmos" help:"Where the product keeps incidents and state: cosmos, the stand-in, or sqlite, a file."`
	Instances int    `default:"1" placeholder:"N" help:"How many processes take in each hub, 1 to 4: so many partitions each has."`

	Logs        []string           `placeholder:"PATH" help:"Send these log files or folders, in place of a simulation; may be repeated."`
	Empty       bool               `help:"Send nothing."`
	Days        int                `default:"14" help:"How many days the simulation is long. It ended yesterday."`
	Principals  int                `default:"40" help:"How many callers the simulation has."`
	Seed        uint64             `default:"1" help:"Another seed is another simulation."`
	PerSecond   float64            `placeholder:"RECORDS" help:"Send at most so many records a second."`
	Spread      bool               `help:"Send to all partitions, as Azure Monitor does. So many days at once then come hours out of order, and what comes an hour late counts for less; to one partition they come in order."`
	MinSeverity detectors.Severity `default:"low" placeholder:"SEVERITY" help:"Show incidents from this severity on."`

	Eventhubs string `default:"127.0.0.1:5672" placeholder:"ADDR" help:"Where Event Hubs is."`
	Blobs     string `default:"127.0.0.1:10000" placeholder:"ADDR" help:"Where blob containers are, for the checkpoints of keywarden run."`
	Cosmos    string `default:"127.0.0.1:8081" placeholder:"ADDR" help:"Where Cosmos DB is."`
	Listen    string `default:"127.0.0.1:7071" placeholder:"ADDR" help:"Where the Functions host serves the API."`
}

// Help is printed under --help.
func (*devCommand) Help() string {
	return `Runs the whole product on this machine, without an Azure account, until Ctrl-C: stand-ins of Event Hubs, blobs, Cosmos DB and the Functions host, with the package in it. It makes the hubs and the database's containers, which on Azure the deployment does; then it writes a simulation, publishes it as Azure Monitor would, shows incidents as they come up, and says when all is judged.

Examples:

  make dev
  make dev DEV='--days 5 --principals 10 --instances 2'
  make dev DEV='--logs insights-logs-requestresponse/'
  make dev DEV=--keep`
}

// Validate is called by kong.
func (c *devCommand) Validate() error {
	switch {
	case c.Instances < 1 || c.Instances > devPartitions:
		return fmt.Errorf("--instances %d: choose 1 to %d", c.Instances, devPartitions)
	case c.Empty && len(c.Logs) > 0:
		return errors.New("--logs and --empty: something is sent, or nothing")
	case c.Days < 1 || c.Principals < 1:
		return errors.New("--days and --principals: a simulation has one of each at least")
	case c.PerSecond < 0:
		return fmt.Errorf("--per-second %g: it may not be negative", c.PerSecond)
	}
	return nil
}

// drainFor is how long the end waits for invocations in flight.
const drainFor = 10 * time.Second

// packagedFor is what Azure runs the package on.
const packagedFor = "linux/amd64"

// Run runs it until ctx ends, or something fails.
func (c *devCommand) Run(ctx context.Context, std *output) (err error) {
	to := &output{out: &locked{to: std.out}, err: &locked{to: std.err}}
	if here := runtime.GOOS + "/" + runtime.GOARCH; here != packagedFor {
		return fmt.Errorf("the package is for %s, and this is %s: run it in a container of that platform", packagedFor, here)
	}
	for _, file := range []string{c.Package, c.Program} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("%w: make dev builds it first", err)
		}
	}
	ports, err := c.ports(ctx)
	if err != nil {
		return err
	}
	defer closeAll(ports.all())
	folder, err := openFolder(c.State, c.Store, c.Keep)
	if err != nil {
		return err
	}
	services, err := startServices(ctx, ports, folder)
	if err != nil {
		return quietly(ctx, err)
	}
	defer func() { err = errors.Join(err, services.close()) }()
	product := &product{settings: c.settings(ports, folder), folder: folder}
	return product.run(ctx, c, to)
}

// product is the packaged product in the Functions host.
type product struct {
	settings settings
	folder   *folder
	host     *functionshost.Host
	taken    atomic.Int64 // events of the diagnostics hub that were taken in
}

// run runs the product, sends it logs, and shows what it finds.
func (p *product) run(ctx context.Context, c *devCommand, to *output) (err error) {
	log, err := os.Create(p.folder.path("functions.log"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	config := functionshost.Config{
		Package: c.Package, Listen: c.Listen, Env: append(os.Environ(), p.settings.environment()...),
		Instances: map[string]int{"diagnostics": c.Instances, "usage": c.Instances},
		State:     p.folder.path("checkpoints.json"), Replace: true, Drain: drainFor,
		Log: logTo(&locked{to: log}, to.err),
		After: func(i functionshost.Invocation, err error) {
			if err == nil && i.Function == "diagnostics" {
				p.taken.Add(int64(i.Len))
			}
		},
	}
	if p.host, err = functionshost.New(config); err != nil {
		return err
	}
	if err := p.settings.write(p.folder.path("env")); err != nil {
		return errors.Join(err, p.host.Close())
	}
	fmt.Fprintln(to.out, "ready", p.host.Addr())
	p.settings.tell(to.err, p.host.Addr(), p.folder)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended(p.host.Run(ctx), "the Functions host") })
	shown := newWatch("http://"+p.host.Addr(), c.MinSeverity, to)
	caughtUp := make(chan struct{})
	group.Go(func() error { return shown.run(ctx, caughtUp) })
	group.Go(func() error {
		if err := c.feed(p.settings, p.folder, to).run(ctx); err != nil {
			return err
		}
		return p.settle(ctx, caughtUp)
	})
	err = group.Wait()
	err = unless(err, errInterrupted)
	fmt.Fprintln(to.err, "Ended; what there was is in "+p.folder.dir)
	return err
}

// settle tells of each time that everything was taken in and judged which had come.
func (p *product) settle(ctx context.Context, caughtUp chan<- struct{}) error {
	told := int64(-1)
	for {
		if p.taken.Load() != told {
			if err := p.host.WaitQuiet(ctx); err != nil {
				return quietly(ctx, err)
			}
			told = p.taken.Load()
			select {
			case caughtUp <- struct{}{}:
			case <-ctx.Done():
			}
		}
		if !pause(ctx) {
			return nil
		}
	}
}

// pauses are between two looks.
const pauses = time.Second

// pause waits a while; false is that ctx has ended.
func pause(ctx context.Context) bool {
	select {
	case <-time.After(pauses):
		return true
	case <-ctx.Done():
		return false
	}
}

// quietly is nil where ctx has ended: all that fails then fails of it.
func quietly(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// ended is an error that says what ended.
func ended(err error, what string) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// logTo writes every line of the host to a file, and what is wrong to the user also.
func logTo(file, user io.Writer) func(functionshost.Line) {
	return func(l functionshost.Line) {
		line := fmt.Sprintf("%s %s-%d %s %s\n", time.Now().UTC().Format(time.RFC3339), l.Group, l.Instance, l.Level, l.Text)
		_, _ = io.WriteString(file, line) // a disk that is full shows elsewhere
		if l.Level != worker.Information {
			_, _ = io.WriteString(user, line)
		}
	}
}

// locked is a writer for several goroutines.
type locked struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(b)
}

// absolute is a path that child processes of any folder understand.
func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
