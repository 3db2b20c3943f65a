package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/blobs"
)

// blobsCommand stands in for the blob containers of checkpoints.
type blobsCommand struct {
	listening
}

// Run serves until ctx is done.
func (c *blobsCommand) Run(ctx context.Context, to *output) error {
	listeners, err := c.listen()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: blobs.New(time.Now), ReadHeaderTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })() // Serve ends by it
	failed := make(chan error, len(listeners))
	for _, listener := range listeners {
		go func() { failed <- server.Serve(listener) }()
		if _, err := fmt.Fprintf(to.out, "ready %s\n", listener.Addr()); err != nil {
			return errors.Join(err, server.Close())
		}
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(err, server.Close())
	}
	return nil
}
