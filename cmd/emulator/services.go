package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/blobs"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// devPartitions is how many partitions each hub has.
const devPartitions = 4

// Names of what the product uses.
const (
	diagnosticsHub = "diagnostics"
	usageHub       = "usage"
	productGroup   = "keywarden"
	recoveryGroup  = "recovery"
	toolsGroup     = "tools"
	databaseName   = "keywarden"
)

// ports are where the stand-ins listen.
type ports struct{ hubs, blobs, cosmos net.Listener }

func (p *ports) all() []net.Listener { return []net.Listener{p.hubs, p.blobs, p.cosmos} }

// ports takes all addresses, or says which one is taken: before anything of
// what another run keeps is touched.
func (c *devCommand) ports(ctx context.Context) (*ports, error) {
	var open []net.Listener
	for _, at := range []struct{ flag, address string }{{"eventhubs", c.Eventhubs}, {"blobs", c.Blobs}, {"cosmos", c.Cosmos}, {"listen", c.Listen}} {
		listener, err := listen(ctx, at.address)
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w: end what runs there (another make dev?), or choose another address with --%s", err, at.flag)
		}
		if err != nil {
			closeAll(open)
			return nil, err
		}
		open = append(open, listener...)
	}
	_ = open[3].Close() // the Functions host opens it again
	return &ports{open[0], open[1], open[2]}, nil
}

// services are the stand-ins that the product talks to.
type services struct {
	hubs   *hubemulator.Server
	blobs  *http.Server
	cosmos *cosmosemulator.Server
	end    context.CancelFunc
	ended  chan error // one of each
}

// startServices starts them, with the hubs, and the database with its
// containers: on Azure the deployment makes these, as the product may not.
func startServices(ctx context.Context, at *ports, f *folder) (*services, error) {
	hubs, err := hubemulator.New(hubemulator.Config{State: f.path("hubs"), Hubs: []broker.Spec{devHub(diagnosticsHub), devHub(usageHub)}})
	if err != nil {
		return nil, err
	}
	database, err := cosmosemulator.New(cosmosemulator.Config{StateDir: f.path("cosmos"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, errors.Join(err, hubs.Close())
	}
	serving, end := context.WithCancel(context.WithoutCancel(ctx)) // they end after the product
	s := &services{
		hubs: hubs, cosmos: database, end: end, ended: make(chan error, 3),
		blobs: &http.Server{Handler: blobs.New(time.Now), ReadHeaderTimeout: time.Minute},
	}
	go func() { s.ended <- unless(hubs.Serve(at.hubs), hubemulator.ErrServerClosed) }()
	go func() { s.ended <- unless(s.blobs.Serve(at.blobs), http.ErrServerClosed) }()
	go func() { s.ended <- database.Serve(serving, at.cosmos, nil) }()
	if err := ensureContainers(ctx, at.cosmos.Addr().String()); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func devHub(name string) broker.Spec {
	return broker.Spec{Name: name, Partitions: devPartitions, ConsumerGroups: []string{productGroup, recoveryGroup, toolsGroup}, Retention: 7 * 24 * time.Hour}
}

// ensureContainers makes the database.
func ensureContainers(ctx context.Context, address string) error {
	client, err := cosmos.Open(cosmos.Config{Endpoint: "http://" + address + "/", Database: databaseName, Key: cosmosemulator.EmulatorKey})
	if err != nil {
		return err
	}
	defer client.Close()
	return client.EnsureContainers(ctx)
}

// close ends them, when nobody needs them any more.
func (s *services) close() error {
	s.end()
	err := errors.Join(s.blobs.Close(), s.hubs.Close())
	for range cap(s.ended) {
		err = errors.Join(err, <-s.ended)
	}
	return errors.Join(err, s.cosmos.Close())
}

// unless is err, or nil where it is the expected one.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
