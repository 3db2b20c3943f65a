package handlers

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/keywarden/keywarden/handlers/logs"
)

// PortVariable is the environment variable by which the host says on which
// port of 127.0.0.1 it expects this process.
const PortVariable = "FUNCTIONS_CUSTOMHANDLER_PORT"

// ErrOrphan says that the process that started this one is gone: the host was
// killed, and nobody will call any more.
var ErrOrphan = errors.New("handlers: the Functions host is gone")

const (
	lookAfterParent = 500 * time.Millisecond
	endWithin       = 20 * time.Second // what is in flight may take to end
)

// starter is the process that started this one.
var starter = os.Getppid()

// Serve serves the functions to the host on a port of 127.0.0.1.
//
// It returns nil some time after ctx has ended: what is in flight goes on to
// its end, for 20 s at most. It returns ErrOrphan, and waits for nothing, when
// the parent process is gone; other errors are of the port or of the
// configuration.
//
// At Ctrl-C the host lets end what is in flight and then kills this process:
// so ctx should not end with SIGINT, which a terminal sends to both. To end
// with exit code 200 asks the host for a new process, with 0 for none; with
// any other the third time stops the host.
func Serve(ctx context.Context, port string, c Config) error {
	handler, err := New(c)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return fmt.Errorf("handlers: the port that the host gave in %s: %w", PortVariable, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if orphaned(ctx, starter, os.Getppid) {
			cancel(ErrOrphan)
		}
	}()
	return serve(ctx, listener, handler, log.New(logs.Standard(c.Log), "", 0))
}

// serve serves until ctx ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, errorLog *log.Logger) error {
	base, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          errorLog,
		BaseContext:       func(net.Listener) context.Context { return base },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("handlers: %w", err)
	case <-ctx.Done():
	}
	if errors.Is(context.Cause(ctx), ErrOrphan) {
		abandon()
		return errors.Join(ErrOrphan, server.Close())
	}
	patience, cancel := context.WithTimeout(base, endWithin)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		abandon()
		return fmt.Errorf("handlers: ending with invocations in flight: %w", errors.Join(err, server.Close()))
	}
	return nil
}

// orphaned looks after the parent process and returns true when it is another
// one than at the start; false when ctx ends. A signal at the parent's death
// (PR_SET_PDEATHSIG) would not do: it comes when the thread ends that started
// this process, and the host's are of a pool.
func orphaned(ctx context.Context, parent int, current func() int) bool {
	ticker := time.NewTicker(lookAfterParent)
	defer ticker.Stop()
	for {
		if current() != parent {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}
